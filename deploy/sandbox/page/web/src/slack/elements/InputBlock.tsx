import { useId } from "react";
import type { BlockActs } from "../blockActs";
import type { Block } from "../types";
import { Field } from "./Field";

/** An input with its label, its hint, and what is wrong with it. */
export function InputBlock({ block, acts }: { block: Block; acts: BlockActs }) {
  const id = useId();
  const { element, block_id: blockId = "" } = block;
  if (!element) return null;
  const error = acts.errors?.[blockId];
  const described = [error && `${id}-error`, block.hint && `${id}-hint`].filter(Boolean).join(" ");
  const choices = element.type === "radio_buttons" || element.type === "checkboxes";
  return (
    <div className="input-block" data-invalid={error !== undefined}>
      <label htmlFor={choices ? undefined : id} className="input-block__label">
        <bdi>{block.label?.text}</bdi>
        {block.optional && <span className="input-block__optional"> (optional)</span>}
      </label>
      <Field
        element={element}
        {...(choices ? { name: block.label?.text ?? "" } : { id })}
        describedBy={described || undefined}
        invalid={error !== undefined}
        value={acts.entered?.(blockId)}
        onChange={(value) => {
          acts.enter?.(blockId, value);
          if (block.dispatch_action) void acts.act(element, blockId, value, false);
        }}
        search={(query) => acts.options(element, blockId, query)}
      />
      {error && (
        <p className="input-block__error" id={`${id}-error`} role="alert">
          {error}
        </p>
      )}
      {block.hint && (
        <p className="input-block__hint" id={`${id}-hint`} dir="auto">
          {block.hint.text}
        </p>
      )}
    </div>
  );
}
