import type { Element } from "../types";

interface Props {
  element: Element;
  busy: boolean;
  onUse: () => void;
}

/** A button. One with an address would leave the sandbox: it only says where it would lead. */
export function ButtonElement({ element, busy, onUse }: Props) {
  return (
    <button
      type="button"
      className="slack-button"
      data-style={element.style ?? "default"}
      disabled={busy}
      title={element.url ? `Leads to ${element.url}` : undefined}
      aria-label={element.accessibility_label}
      onClick={onUse}
    >
      <bdi>{element.text?.text ?? element.accessibility_label ?? element.action_id}</bdi>
    </button>
  );
}
