import { type ReactNode, useEffect, useId, useRef } from "react";
import { createPortal } from "react-dom";

interface Props {
  title: string;
  small?: boolean;
  onClose: () => void;
  children: ReactNode;
}

const FOCUSABLE = "button:not(:disabled), input, select, textarea, [href], [tabindex='0']";

/** A dialog over Slack only: the other panes stay in view, since they show what it is about. */
export function Sheet({ title, small = false, onClose, children }: Props) {
  const id = useId();
  const sheet = useRef<HTMLDivElement>(null);

  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    const first = sheet.current?.querySelector<HTMLElement>(`.sheet__body :is(${FOCUSABLE})`);
    (first ?? sheet.current)?.focus({ preventScroll: true });
    return () => before?.focus();
  }, []);

  const keepInside = (event: React.KeyboardEvent) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      onClose();
      return;
    }
    if (event.key !== "Tab" || !sheet.current) return;
    const all = [...sheet.current.querySelectorAll<HTMLElement>(FOCUSABLE)];
    const edge = event.shiftKey ? all[0] : all.at(-1);
    if (document.activeElement === edge) {
      event.preventDefault();
      (event.shiftKey ? all.at(-1) : all[0])?.focus();
    }
  };

  const content = (
    <div className="sheet-shade">
      <div
        className="sheet"
        data-small={small}
        data-tour="dialog"
        role="dialog"
        aria-labelledby={id}
        tabIndex={-1}
        ref={sheet}
        onKeyDown={keepInside}
      >
        <header className="sheet__head">
          <h3 id={id} dir="auto">
            {title}
          </h3>
          <button type="button" className="link sheet__close" aria-label="Close" onClick={onClose}>
            ✕
          </button>
        </header>
        <div className="sheet__body">{children}</div>
      </div>
    </div>
  );
  const pane = document.querySelector(".slack");
  return pane ? createPortal(content, pane) : content;
}
