import { useState } from "react";
import type { BlockActs } from "../blockActs";
import { ConfirmDialog } from "../ConfirmDialog";
import type { Element, Values } from "../types";
import { ButtonElement } from "./ButtonElement";
import { Field, isField } from "./Field";
import { OverflowElement } from "./OverflowElement";

interface Props {
  element: Element;
  blockId: string | undefined;
  acts: BlockActs;
  values: Values;
}

const BUTTONS = new Set(["button", "icon_button", "feedback_buttons", "workflow_button"]);

/** Whether an element does something when it is used. */
export function isUsable(element: Element): boolean {
  return BUTTONS.has(element.type) || element.type === "overflow" || isField(element);
}

/** An element outside of an input: using it tells the app at once, after its own question if it has one. */
export function ElementView({ element, blockId, acts, values }: Props) {
  const [asking, setAsking] = useState<{ value: unknown }>();
  const [busy, setBusy] = useState(false);

  const use = async (value: unknown, confirmed: boolean) => {
    setBusy(true);
    await acts.act(element, blockId, value, confirmed);
    setBusy(false);
  };
  const wish = (value: unknown) => {
    if (element.confirm) setAsking({ value });
    else void use(value, false);
  };
  return (
    <>
      {BUTTONS.has(element.type) ? (
        <ButtonElement element={element} busy={busy} onUse={() => wish(element.value)} />
      ) : element.type === "overflow" ? (
        <OverflowElement element={element} onUse={wish} />
      ) : isField(element) ? (
        <Field
          element={element}
          name={element.placeholder?.text ?? element.accessibility_label ?? "Choose"}
          value={shownValue(values[blockId ?? ""]?.[element.action_id ?? ""])}
          onChange={wish}
          search={(query) => acts.options(element, blockId, query)}
        />
      ) : null}
      {asking && element.confirm && (
        <ConfirmDialog
          confirm={element.confirm}
          onYes={() => {
            setAsking(undefined);
            void use(asking.value, true);
          }}
          onNo={() => setAsking(undefined)}
        />
      )}
    </>
  );
}

/** The simple value within a Slack state value; undefined leaves the element at its initial one. */
export function shownValue(state: Record<string, unknown> | undefined): unknown {
  if (!state) return undefined;
  for (const [key, value] of Object.entries(state)) {
    if (key === "type") continue;
    if (key === "selected_option") return (value as { value?: string } | null)?.value ?? "";
    if (key === "selected_options") return (value as { value?: string }[]).map((option) => option.value);
    return value ?? "";
  }
  return undefined;
}
