import { clock, duration } from "../kit/format";
import type { RecordEntry } from "../types";
import { Json } from "./Json";

/** The very requests that a service received and sent, in order. */
export function Requests({ entries, whose }: { entries: RecordEntry[]; whose: string }) {
  if (entries.length === 0) return <p className="empty">{whose} was not asked anything about it yet.</p>;
  return (
    <div className="stack">
      {entries.map((entry) => (
        <details key={entry.seq} className="entry">
          <summary>
            <time>{clock(entry.at_ms)}</time> <strong>{title(entry)}</strong>
            <span className="entry__about">
              {typeof entry["status"] === "number" && `${entry["status"]} · `}
              {entry["ok"] === false && `${String(entry["error"])} · `}
              {typeof entry["duration_ms"] === "number" && duration(entry["duration_ms"])}
            </span>
            {typeof entry["path"] === "string" && <code className="entry__line">{shortPath(entry["path"])}</code>}
          </summary>
          <Json value={entry} what={`${title(entry)}, in full`} />
        </details>
      ))}
    </div>
  );
}

function title(entry: RecordEntry): string {
  return typeof entry["method"] === "string" ? entry["method"] : entry.kind;
}

function shortPath(path: string): string {
  return path.replace(/^\/subscriptions\/[^/]+/, "…").replace(/\/providers\/Microsoft\./i, "/");
}
