import { useEffect } from "react";
import { say, useHere } from "../state/here";

const SHOWN_MS = 8000;

/** What the page has to say about the last act, such as why Azure refused it. */
export function Note() {
  const { note } = useHere();
  useEffect(() => {
    if (!note) return;
    const timer = setTimeout(() => say(""), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [note]);
  return (
    <div className="note" role="status" aria-live="polite" data-shown={note !== ""}>
      {note && (
        <>
          <span dir="auto">{note}</span>
          <button type="button" className="link" onClick={() => say("")}>
            Close
          </button>
        </>
      )}
    </div>
  );
}
