import { Popover } from "../../kit/Popover";
import type { Element } from "../types";

/** The menu behind three dots. */
export function OverflowElement({ element, onUse }: { element: Element; onUse: (value: unknown) => void }) {
  return (
    <Popover label="…" name="More actions" title="More actions">
      {(close) => (
        <ul className="menu">
          {element.options?.map((option) => (
            <li key={option.value ?? option.text.text}>
              <button
                type="button"
                onClick={() => {
                  close();
                  onUse(option.value);
                }}
              >
                <bdi>{option.text.text}</bdi>
              </button>
            </li>
          ))}
        </ul>
      )}
    </Popover>
  );
}
