import type { FieldProps } from "./fieldProps";

const TYPES: Record<string, string> = {
  email_text_input: "email",
  url_text_input: "url",
  number_input: "text",
  datepicker: "date",
  timepicker: "time",
  datetimepicker: "datetime-local",
};

/** Text, a number, a date or a time. */
export function TextField({ element, name, id, describedBy, invalid, value, onChange }: FieldProps) {
  const initial = element.initial_value ?? element.initial_date ?? element.initial_time ?? "";
  const common = {
    id,
    "aria-label": name,
    "aria-describedby": describedBy,
    "aria-invalid": invalid || undefined,
    placeholder: element.placeholder?.text,
    maxLength: element.max_length,
    dir: "auto" as const,
  };
  if (element.multiline || element.type === "rich_text_input") {
    return (
      <textarea
        {...common}
        rows={3}
        value={String(value ?? initial)}
        onChange={(event) => onChange(event.target.value)}
      />
    );
  }
  const type = TYPES[element.type] ?? "text";
  const moment = type === "datetime-local";
  return (
    <input
      {...common}
      type={type}
      value={moment ? localMoment(value) : String(value ?? initial)}
      onChange={(event) =>
        onChange(moment ? Math.round(new Date(event.target.value).getTime() / 1000) : event.target.value)
      }
    />
  );
}

/** Unix seconds → what the browser's date and time field takes. */
function localMoment(value: unknown): string {
  if (typeof value !== "number" || !value) return "";
  const at = new Date(value * 1000);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
