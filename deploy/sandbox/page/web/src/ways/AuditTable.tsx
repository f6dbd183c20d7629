import { clock } from "../kit/format";
import type { AuditRecord } from "../types";
import { Json } from "./Json";

/** Who did what, when, with which right. */
export function AuditTable({ records }: { records: AuditRecord[] }) {
  return (
    <div className="stack">
      {records.map((record, index) => (
        <details key={index} className="entry">
          <summary>
            <time>{clock(Date.parse(record.at))}</time> <strong>{record.kind}</strong>
            <span className="entry__about">
              by <bdi>{record.by}</bdi>
              {typeof record.details["step"] === "string" && `, ${record.details["step"]}`}
            </span>
          </summary>
          <Json value={record} what={`audit record ${record.kind}`} />
        </details>
      ))}
    </div>
  );
}
