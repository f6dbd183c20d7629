// Which story is told, and where it is. Apart from the page's other state: a tour can be left at any time.
import { useSyncExternalStore } from "react";
import type { StoryKey } from "./stories";

export interface TourState {
  story: StoryKey | undefined;
  step: number;
  beganMs: number;
  vm: string;
}

let state: TourState = { story: undefined, step: 0, beganMs: 0, vm: "" };
const listeners = new Set<() => void>();

export function setTour(change: Partial<TourState>): void {
  state = { ...state, ...change };
  for (const listener of listeners) listener();
}

export function useTour(): TourState {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => state,
  );
}
