import type { Element } from "../types";
import { ChoiceField } from "./ChoiceField";
import type { FieldProps } from "./fieldProps";
import { SearchField } from "./SearchField";
import { SelectField } from "./SelectField";
import { TextField } from "./TextField";

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
  if (type === "external_select") return <SearchField {...props} />;
  if (type.endsWith("_select")) return <SelectField {...props} />;
  return <TextField {...props} />;
}
