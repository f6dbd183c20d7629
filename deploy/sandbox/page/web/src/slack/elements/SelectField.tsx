import type { Element, Option } from "../types";
import { usePeople } from "../usePeople";
import type { FieldProps } from "./fieldProps";

/** Menus of one or several choices: the app's own, people, or channels. */
export function SelectField({ element, name, id, describedBy, invalid, value, onChange }: FieldProps) {
  const many = element.type.startsWith("multi_");
  const people = usePeople();
  const options = optionsOf(element, people);
  const chosen = value ?? initialOf(element, many);
  return (
    <div className="select">
      <select
        id={id}
        aria-label={name}
        aria-describedby={describedBy}
        aria-invalid={invalid || undefined}
        multiple={many}
        value={many ? ((chosen as string[] | undefined) ?? []) : String(chosen ?? "")}
        onChange={(event) =>
          onChange(
            many ? [...event.target.selectedOptions].map((option) => option.value) : event.target.value || null,
          )
        }
      >
        {!many && <option value="">{element.placeholder?.text ?? "Choose"}</option>}
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.description ? `${option.text.text} (${option.description.text})` : option.text.text}
          </option>
        ))}
      </select>
    </div>
  );
}

function optionsOf(element: Element, { data }: ReturnType<typeof usePeople>): Option[] {
  const named = (each: { id: string; name: string }) => ({
    text: { type: "plain_text", text: each.name },
    value: each.id,
  });
  if (element.type.endsWith("users_select")) return data.users.map(named);
  if (/channels_select|conversations_select/.test(element.type)) return data.channels.map(named);
  return element.options ?? element.option_groups?.flatMap((group) => group.options) ?? [];
}

function initialOf(element: Element, many: boolean): unknown {
  if (many) return element.initial_options?.map((option) => option.value);
  return (
    element.initial_option?.value ?? element.initial_user ?? element.initial_channel ?? element.initial_conversation
  );
}
