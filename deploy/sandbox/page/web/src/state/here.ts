// What only this browser window knows: who looks, what is open, how starts are reported.
import { useSyncExternalStore } from "react";
import { connect } from "./live";

export type Pane = "azure" | "ways" | "slack";
export type Theme = "system" | "light" | "dark";

export interface Here {
  person: string;
  /** Who is shown beside that person; nobody if not set. */
  beside: string | undefined;
  pane: Pane;
  startAs: string;
  deliveries: number;
  delayMs: number;
  openWay: string | undefined;
  conversation: string | undefined;
  theme: Theme;
  note: string;
}

const url = new URL(location.href);
let here: Here = {
  person: url.searchParams.get("as") ?? "olivia",
  beside: undefined,
  pane: "azure",
  startAs: "intruder",
  deliveries: 1,
  delayMs: 0,
  openWay: undefined,
  conversation: undefined,
  theme: storedTheme(),
  note: "",
};
const listeners = new Set<() => void>();

/** This window is the place of a second person in another one, and shows Slack and nothing else. */
export const WITHIN = url.searchParams.get("only") === "slack";

// What one window chooses holds for the others, and for a second person's place.
window.addEventListener("storage", (event) => {
  if (event.key === "theme") setHere({ theme: storedTheme() });
});

/** Change some of it. */
export function setHere(change: Partial<Here>): void {
  here = { ...here, ...change };
  for (const listener of listeners) listener();
}

/** Look through somebody's eyes; the address says so, and so may another window. */
export function lookAs(person: string, conversation?: string): void {
  if (person !== here.person) {
    url.searchParams.set("as", person);
    history.replaceState(null, "", url);
    connect(person);
  }
  setHere({ person, conversation });
}

export function setTheme(theme: Theme): void {
  localStorage.setItem("theme", theme);
  setHere({ theme });
}

function storedTheme(): Theme {
  const stored = localStorage.getItem("theme");
  return stored === "light" || stored === "dark" ? stored : "system";
}

/** Say something to the person at the page, such as why an act was refused. */
export function say(note: string): void {
  setHere({ note });
}

export function useHere(): Here {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => here,
  );
}

export function getHere(): Here {
  return here;
}
