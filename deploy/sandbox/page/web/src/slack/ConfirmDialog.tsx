import { Sheet } from "./Sheet";
import type { Confirm } from "./types";

interface Props {
  confirm: Confirm;
  onYes: () => void;
  onNo: () => void;
}

/** The question that Slack asks before it tells the app of a click. */
export function ConfirmDialog({ confirm, onYes, onNo }: Props) {
  return (
    <Sheet title={confirm.title?.text ?? "Are you sure?"} onClose={onNo} small>
      <p className="sheet__text" dir="auto">
        {confirm.text?.text}
      </p>
      <footer className="sheet__foot">
        <button type="button" className="slack-button" onClick={onNo}>
          {confirm.deny?.text ?? "Cancel"}
        </button>
        <button type="button" className="slack-button" data-style={confirm.style ?? "primary"} onClick={onYes}>
          {confirm.confirm?.text ?? "Yes"}
        </button>
      </footer>
    </Sheet>
  );
}
