import { useId, useState } from "react";
import { slack } from "../state/acts";
import { getHere, say } from "../state/here";
import { useValue } from "../state/live";
import { refused } from "./blockActs";
import type { Conversation } from "./conversations";
import type { Command } from "./types";

/** The message box: text is sent, and what begins with a slash is a command. */
export function Composer({ conversation }: { conversation: Conversation }) {
  const commands = useValue<Command[]>("slack", "commands") ?? [];
  const [text, setText] = useState("");
  const [marked, setMarked] = useState(0);
  const list = useId();
  const word = text.split(" ", 1)[0] ?? "";
  const offered = text.startsWith("/") && text === word ? commands.filter((each) => each.command.startsWith(word)) : [];
  const open = offered.length > 0;
  const current = offered[Math.min(marked, offered.length - 1)];

  const send = async () => {
    const said = text.trim();
    if (!said) return;
    setText("");
    const where = { user: getHere().person, channel: conversation.ref };
    if (said.startsWith("/")) {
      const [command = "", ...rest] = said.split(" ");
      say(refused(await slack("command", { ...where, command, text: rest.join(" ") })));
    } else {
      say(refused(await slack("message", { ...where, text: said })));
    }
  };
  const take = (command: Command) => {
    setText(`${command.command} `);
    setMarked(0);
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (open && step) {
      event.preventDefault();
      setMarked((marked + step + offered.length) % offered.length);
    } else if (open && current && (event.key === "Tab" || event.key === "Enter") && word !== current.command) {
      event.preventDefault();
      take(current);
    } else if (event.key === "Escape") {
      setText("");
    }
  };

  return (
    <form
      className="composer"
      data-tour="composer"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      {open && (
        <ul className="commands" id={list} role="listbox" aria-label="Commands">
          {offered.map((command) => (
            <li
              key={command.command}
              id={`${list}${command.command}`}
              role="option"
              aria-selected={command === current}
              onPointerDown={(event) => {
                event.preventDefault();
                take(command);
              }}
            >
              <strong>{command.command}</strong> <span>{command.usage_hint}</span>
              <small>{command.description}</small>
            </li>
          ))}
        </ul>
      )}
      <input
        type="text"
        role="combobox"
        aria-expanded={open}
        aria-controls={open ? list : undefined}
        aria-activedescendant={open && current ? `${list}${current.command}` : undefined}
        aria-autocomplete="list"
        aria-label={`Message ${conversation.title}`}
        placeholder={`Message ${conversation.title}, or / for commands`}
        autoComplete="off"
        dir="auto"
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={onKeyDown}
      />
      <button type="submit" className="slack-button" data-style="primary" disabled={!text.trim()}>
        Send
      </button>
    </form>
  );
}
