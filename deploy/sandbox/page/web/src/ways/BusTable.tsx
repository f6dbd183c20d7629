import { clock, plural } from "../kit/format";
import type { BusMessage, RecordEntry } from "../types";
import { Json } from "./Json";

/** Every message about it: how often it was delivered, and all that happened to it. */
export function BusTable({ messages, events }: { messages: BusMessage[]; events: RecordEntry[] }) {
  const bodies = new Map(events.map((event) => [event["message_id"], event["body"]]));
  return (
    <div className="stack">
      {messages.map((message) => (
        <details key={`${message.queue}/${message.message_id}`} className="entry">
          <summary>
            <time>{clock(message.happened[0]?.at_ms ?? 0)}</time> <strong>{message.queue}</strong>
            <span className="entry__about">
              delivered {plural(message.deliveries, "time")}, {message.happened.at(-1)?.kind}
            </span>
            <code className="entry__line">{message.message_id}</code>
          </summary>
          {typeof bodies.get(message.message_id) === "string" && (
            <Json value={readable(String(bodies.get(message.message_id)))} what="body of the message" />
          )}
          <Json value={message.happened} what={`what happened to message ${message.message_id}`} />
        </details>
      ))}
    </div>
  );
}

function readable(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}
