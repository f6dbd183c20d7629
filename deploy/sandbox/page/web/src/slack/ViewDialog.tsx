import { useMemo, useState } from "react";
import { slack } from "../state/acts";
import { type BlockActs, refused } from "./blockActs";
import { Blocks } from "./Blocks";
import { Sheet } from "./Sheet";
import { shownValue } from "./elements/ElementView";
import type { Element, View } from "./types";

/** A dialog that the app opened in front of the person. */
export function ViewDialog({ view, person }: { view: View; person: string }) {
  const [entered, setEntered] = useState<Record<string, unknown>>({});
  const [errors, setErrors] = useState<Record<string, string>>({});
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);

  const acts = useMemo<BlockActs>(
    () => ({
      ...viewActs(view, person, setProblem),
      enter: (blockId, value) => setEntered((before) => ({ ...before, [blockId]: value })),
      entered: (blockId) => entered[blockId] ?? heldValue(view, blockId),
      errors,
    }),
    [view, person, entered, errors],
  );

  const submit = async () => {
    setBusy(true);
    const answer = await slack("submit", { user: person, view_id: view.id, values: entered });
    setBusy(false);
    setErrors(answer.errors ?? {});
    setProblem(answer.errors ? "" : refused(answer));
  };
  const close = () => void slack("close", { user: person, view_id: view.id });

  return (
    <Sheet title={view.title.text} onClose={close}>
      <form
        className="sheet__form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <div className="sheet__scroll">
          <Blocks blocks={view.blocks} acts={acts} values={view.state.values} />
          {problem && (
            <p className="input-block__error" role="alert">
              {problem}
            </p>
          )}
        </div>
        <footer className="sheet__foot">
          <button type="button" className="slack-button" onClick={close}>
            {view.close?.text ?? "Close"}
          </button>
          {view.submit && (
            <button type="submit" className="slack-button" data-style="primary" disabled={busy}>
              {view.submit.text}
            </button>
          )}
        </footer>
      </form>
    </Sheet>
  );
}

/** What the elements of a dialog or of a home tab do. */
export function viewActs(view: View, person: string, told: (problem: string) => void): BlockActs {
  const named = (element: Element, blockId: string | undefined) => ({
    user: person,
    view_id: view.id,
    action_id: element.action_id,
    block_id: blockId,
  });
  return {
    act: async (element, blockId, value, confirmed) => {
      told(refused(await slack("view-action", { ...named(element, blockId), value, confirmed })));
    },
    options: (element, blockId, query) => slack("options", { ...named(element, blockId), query }),
  };
}

/** What Slack holds for an input already; nothing leaves it at its initial value. */
function heldValue(view: View, blockId: string): unknown {
  const [held] = Object.values(view.state.values[blockId] ?? {});
  const value = shownValue(held);
  return value === "" || (Array.isArray(value) && value.length === 0) ? undefined : value;
}
