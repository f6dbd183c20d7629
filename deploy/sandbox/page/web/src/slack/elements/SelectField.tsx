import { useEffect, useState } from "react";
import type { Element, Option } from "../types";
import { usePeople } from "../usePeople";
import type { FieldProps } from "./fieldProps";

/** Menus of one or several choices: the app's own, people, channels, or what the app finds for a query. */
export function SelectField({ element, name, id, describedBy, invalid, value, onChange, search }: FieldProps) {
  const many = element.type.startsWith("multi_");
  const external = element.type.endsWith("external_select");
  const [found, setFound] = useState<Option[]>([]);
  const [picked, setPicked] = useState<Option>();
  const people = usePeople();
  const options = external ? withPicked(found, picked) : optionsOf(element, people);
  const look = (query: string) =>
    void search(query).then((answer) =>
      setFound(answer.options ?? answer.option_groups?.flatMap((group) => group.options) ?? []),
    );
  const atOnce = external && element.min_query_length === 0;
  useEffect(() => {
    if (atOnce) look("");
    // Slack asks once when the menu opens, and then at each letter.
  }, [atOnce, element.action_id]);
  const chosen = value ?? initialOf(element, many);
  return (
    <div className="select">
      {external && (
        <input
          type="search"
          aria-label={`Search ${name ?? ""}`}
          placeholder="Type to search"
          onChange={(event) => look(event.target.value)}
        />
      )}
      <select
        id={id}
        aria-label={name}
        aria-describedby={describedBy}
        aria-invalid={invalid || undefined}
        multiple={many}
        value={many ? ((chosen as string[] | undefined) ?? []) : String(chosen ?? "")}
        onChange={(event) => {
          setPicked(options.find((option) => option.value === event.target.value));
          onChange(
            many ? [...event.target.selectedOptions].map((option) => option.value) : event.target.value || null,
          );
        }}
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

/** What was found, with what is chosen already: a later search must not take that away. */
function withPicked(found: Option[], picked: Option | undefined): Option[] {
  return picked && !found.some((option) => option.value === picked.value) ? [picked, ...found] : found;
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
