import { useState } from "react";
import { slack } from "../state/acts";
import { getHere, say } from "../state/here";
import { refused } from "./blockActs";
import type { Message } from "./types";

/** The box below a thread. Slack knows no commands there. */
export function ThreadBox({ message }: { message: Message }) {
  const [text, setText] = useState("");
  const send = async () => {
    const said = text.trim();
    if (!said) return;
    setText("");
    const where = { user: getHere().person, channel: message.channel, thread_ts: message.ts };
    say(refused(await slack("message", { ...where, text: said })));
  };
  return (
    <form
      className="thread__box"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <input
        type="text"
        aria-label={`Reply to: ${message.text.slice(0, 80)}`}
        placeholder="Reply…"
        autoComplete="off"
        dir="auto"
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <button type="submit" className="slack-button" disabled={!text.trim()}>
        Reply
      </button>
    </form>
  );
}
