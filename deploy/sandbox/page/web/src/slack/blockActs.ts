import type { Ack, Element } from "./types";

/** What elements do when they are used; a message and a dialog each bring their own. */
export interface BlockActs {
  act: (element: Element, blockId: string | undefined, value: unknown, confirmed: boolean) => Promise<void>;
  options: (element: Element, blockId: string | undefined, query: string) => Promise<Ack>;
  /** A dialog keeps what is entered until it is submitted. */
  enter?: (blockId: string, value: unknown) => void;
  entered?: (blockId: string) => unknown;
  errors?: Record<string, string>;
}

/** Why an act did not work, as a sentence; empty if it did. */
export function refused(answer: Ack): string {
  if (answer.ok !== false) return "";
  const words: Record<string, string> = {
    timeout: "Startgate did not answer within 3 seconds. Slack shows a warning sign; try again.",
    dispatch_failed: "Startgate is not connected to Slack. Try again in a moment.",
  };
  const error = answer.error ?? "";
  return words[error] ?? answer.message ?? answer.messages?.join("; ") ?? `Slack could not do that: ${error}`;
}
