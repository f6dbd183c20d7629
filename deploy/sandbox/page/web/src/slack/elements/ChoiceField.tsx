import { useId } from "react";
import type { FieldProps } from "./fieldProps";

/** Radio buttons and checkboxes. */
export function ChoiceField({ element, name, value, describedBy, onChange }: FieldProps) {
  const group = useId();
  const many = element.type === "checkboxes";
  const initial = many ? element.initial_options?.map((option) => option.value) : element.initial_option?.value;
  const chosen = value ?? initial;
  const isChosen = (option: string | undefined) =>
    Array.isArray(chosen) ? chosen.includes(option) : chosen === option;
  const change = (option: string | undefined) => {
    if (!many) return onChange(option);
    const before = Array.isArray(chosen) ? (chosen as unknown[]) : [];
    onChange(before.includes(option) ? before.filter((each) => each !== option) : [...before, option]);
  };
  return (
    <div role={many ? "group" : "radiogroup"} aria-label={name} aria-describedby={describedBy} className="choices">
      {element.options?.map((option) => (
        <label key={option.value}>
          <input
            type={many ? "checkbox" : "radio"}
            name={group}
            checked={isChosen(option.value)}
            onChange={() => change(option.value)}
          />
          <span>
            <bdi>{option.text.text}</bdi>
            {option.description && <small dir="auto">{option.description.text}</small>}
          </span>
        </label>
      ))}
    </div>
  );
}
