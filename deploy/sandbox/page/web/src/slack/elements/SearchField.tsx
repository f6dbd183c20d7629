import { useEffect, useId, useState } from "react";
import type { Option } from "../types";
import type { FieldProps } from "./fieldProps";

/** A menu of one choice that the app fills while one types. */
export function SearchField({ element, name, id, describedBy, invalid, value, onChange, search }: FieldProps) {
  const [text, setText] = useState<string>();
  const [found, setFound] = useState<Option[]>([]);
  const [picked, setPicked] = useState<Option | undefined>(element.initial_option);
  const [marked, setMarked] = useState(0);
  const list = useId();
  const open = text !== undefined;
  const current = found[Math.min(marked, found.length - 1)];
  const chosen = value === undefined || (value !== null && value === picked?.value) ? picked : undefined;

  const look = (query: string) =>
    void search(query).then((answer) => {
      setFound(answer.options ?? answer.option_groups?.flatMap((group) => group.options) ?? []);
      setMarked(0);
    });
  const atOnce = element.min_query_length === 0;
  useEffect(() => {
    if (atOnce) look("");
    // Slack asks once when the menu opens, and then at each letter.
  }, [atOnce, element.action_id]);

  const take = (option: Option) => {
    setPicked(option);
    setText(undefined);
    onChange(option.value);
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && found.length > 0) {
      event.preventDefault();
      setMarked(open ? (marked + step + found.length) % found.length : 0);
      if (!open) setText("");
    } else if (event.key === "Enter" && open && current) {
      event.preventDefault();
      take(current);
    } else if (event.key === "Escape" && open) {
      event.stopPropagation();
      setText(undefined);
    }
  };
  return (
    <div className="picker">
      <input
        type="text"
        role="combobox"
        id={id}
        aria-label={name}
        aria-describedby={describedBy}
        aria-invalid={invalid || undefined}
        aria-expanded={open}
        aria-controls={open ? list : undefined}
        aria-activedescendant={open && current ? `${list}${current.value}` : undefined}
        aria-autocomplete="list"
        autoComplete="off"
        dir="auto"
        placeholder={element.placeholder?.text ?? "Type to search"}
        value={text ?? chosen?.text.text ?? ""}
        onClick={() => setText(text ?? "")}
        onBlur={() => setText(undefined)}
        onKeyDown={onKeyDown}
        onChange={(event) => {
          setText(event.target.value);
          look(event.target.value);
        }}
      />
      {open && (
        <ul className="picker__list" id={list} role="listbox" aria-label={name ?? "Found"}>
          {found.length === 0 && <li className="picker__none">Nothing found</li>}
          {found.map((option) => (
            <li
              key={option.value}
              id={`${list}${option.value}`}
              role="option"
              aria-selected={option === current}
              onPointerDown={(event) => {
                event.preventDefault();
                take(option);
              }}
            >
              <bdi>{option.text.text}</bdi>
              {option.description && <small>{option.description.text}</small>}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
