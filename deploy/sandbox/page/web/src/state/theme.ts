import { useSyncExternalStore } from "react";
import { useHere } from "./here";

const prefersDark = matchMedia("(prefers-color-scheme: dark)");

/** Whether the page is dark: by the switch, else as the system has it. */
export function useDark(): boolean {
  const { theme } = useHere();
  const system = useSyncExternalStore(
    (listener) => {
      prefersDark.addEventListener("change", listener);
      return () => prefersDark.removeEventListener("change", listener);
    },
    () => prefersDark.matches,
  );
  return theme === "system" ? system : theme === "dark";
}
