import type { Ack, Element } from "../types";

/** What every field is given. It stands apart, so that fields and the choice between them import it one way. */
export interface FieldProps {
  element: Element;
  /** What a screen reader calls it, unless a label does. */
  name?: string;
  id?: string;
  describedBy?: string | undefined;
  invalid?: boolean;
  value: unknown;
  onChange: (value: unknown) => void;
  search: (query: string) => Promise<Ack>;
}
