import { type ReactNode, useEffect, useId, useRef, useState } from "react";

interface Props {
  label: ReactNode;
  /** For screen readers, where the label alone does not say it. */
  name?: string;
  title: string;
  className?: string;
  tour?: string;
  children: (close: () => void) => ReactNode;
}

/** A button with a small panel; Escape, a click elsewhere, or its own content closes it. */
export function Popover({ label, name, title, className = "", tour, children }: Props) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();

  useEffect(() => {
    if (!open) return;
    const outside = (event: PointerEvent) => {
      if (!root.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, [open]);

  const close = () => {
    setOpen(false);
    button.current?.focus();
  };

  return (
    <div
      className={`popover ${className}`}
      ref={root}
      onKeyDown={(event) => {
        if (event.key === "Escape" && open) {
          event.stopPropagation();
          close();
        }
      }}
    >
      <button
        type="button"
        ref={button}
        className="popover__button"
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        aria-label={name}
        data-tour={tour}
        onClick={() => setOpen(!open)}
      >
        {label}
      </button>
      {open && (
        <div className="popover__panel" id={id} role="group" aria-label={title}>
          {children(close)}
        </div>
      )}
    </div>
  );
}
