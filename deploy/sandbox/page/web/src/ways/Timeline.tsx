import { clock, duration } from "../kit/format";
import type { Stage } from "../types";
import { RiskTable } from "./RiskBar";

/** The stages below each other, with all that is known of each. */
export function Timeline({ stages }: { stages: Stage[] }) {
  return (
    <ol className="timeline">
      {stages.map((stage, index) => (
        <li key={`${stage.key}${index}`} data-state={stage.state}>
          <div className="timeline__head">
            <strong>{stage.title}</strong>
            <span className="timeline__time">
              {stage.took_ms !== undefined && `${duration(stage.took_ms)} · `}
              {stage.at_ms === undefined ? "" : clock(stage.at_ms)}
            </span>
          </div>
          {stage.text && <p dir="auto">{stage.text}</p>}
          {stage.bars && <FactTable bars={stage.bars} />}
          {stage.signals && <RiskTable signals={stage.signals} />}
        </li>
      ))}
    </ol>
  );
}

function FactTable({ bars }: { bars: [string, number][] }) {
  const longest = Math.max(...bars.map(([, ms]) => ms), 1);
  return (
    <dl className="fact-table">
      {bars.map(([name, ms]) => (
        <div key={name}>
          <dt>{name.replaceAll("_", " ")}</dt>
          <dd>
            <span className="fact-table__bar" style={{ width: `${(ms / longest) * 100}%` }} aria-hidden="true" />
            <span>{duration(ms)}</span>
          </dd>
        </div>
      ))}
    </dl>
  );
}
