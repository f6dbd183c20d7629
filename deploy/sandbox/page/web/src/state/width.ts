import { useSyncExternalStore } from "react";

const wide = matchMedia("(width >= 72rem)");

/** Whether there is room for a second person beside the first. */
export function besideFits(): boolean {
  return wide.matches;
}

export function useBesideFits(): boolean {
  return useSyncExternalStore((listener) => {
    wide.addEventListener("change", listener);
    return () => wide.removeEventListener("change", listener);
  }, besideFits);
}
