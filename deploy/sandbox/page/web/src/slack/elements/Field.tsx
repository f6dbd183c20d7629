import type { Ack, Element } from "../types";
import { ChoiceField } from "./ChoiceField";
import { SelectField } from "./SelectField";
import { TextField } from "./TextField";

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

const CHOICES = new Set(["radio_buttons", "checkboxes"]);
const TEXTS = new Set([
  "plain_text_input",
  "email_text_input",
  "url_text_input",
  "number_input",
  "rich_text_input",
  "datepicker",
  "timepicker",
  "datetimepicker",
]);

/** Whether an element holds a value. */
export function isField({ type }: Element): boolean {
  return CHOICES.has(type) || TEXTS.has(type) || type.endsWith("_select");
}

/** An element that holds a value: text, a date, or one or several of some choices. */
export function Field(props: FieldProps) {
  const { type } = props.element;
  if (CHOICES.has(type)) return <ChoiceField {...props} />;
  if (type.endsWith("_select")) return <SelectField {...props} />;
  return <TextField {...props} />;
}
