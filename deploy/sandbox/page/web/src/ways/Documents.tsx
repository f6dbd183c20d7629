import { clock } from "../kit/format";
import { Json } from "./Json";

interface Props {
  documents: Record<string, Record<string, unknown>>;
  due: Record<string, number>;
}

/** What the store holds about it: the truth that everything else follows. */
export function Documents({ documents, due }: Props) {
  return (
    <div className="stack">
      {Object.entries(documents).map(([key, document]) => (
        <details key={key} className="entry">
          <summary>
            <code>{key}</code>
            <span className="entry__about">
              {typeof document["state"] === "string" && `${document["state"]}, `}version {String(document["version"])}
              {due[key] !== undefined && `, looked at again at ${clock(due[key])}`}
            </span>
          </summary>
          <Json value={document} what={`document ${key}`} />
        </details>
      ))}
    </div>
  );
}
