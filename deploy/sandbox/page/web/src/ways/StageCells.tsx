import { duration } from "../kit/format";
import type { Stage } from "../types";
import { FactBars } from "./FactBars";
import { RiskBar } from "./RiskBar";

const SAID: Record<Stage["state"], string> = {
  todo: "to do",
  now: "under way",
  done: "done",
  failed: "failed",
  skipped: "skipped",
  alarm: "done",
};

/** The stages side by side: colour says how each stands, the line below what it found. */
export function StageCells({ stages }: { stages: Stage[] }) {
  return (
    <ol className="stages">
      {stages.map((stage, index) => (
        <li key={`${stage.key}${index}`} className="stage" data-stage={stage.key} data-state={stage.state} title={stage.text || undefined}>
          <span className="stage__title">
            {stage.title}
            <span className="visually-hidden">, {SAID[stage.state]}: </span>
            {stage.took_ms !== undefined && <span className="stage__took">{duration(stage.took_ms)}</span>}
          </span>
          {stage.bars && stage.bars.length > 0 ? (
            <FactBars bars={stage.bars} />
          ) : (
            <span className="stage__text">{stage.text || "\u00a0"}</span>
          )}
          {stage.signals && stage.signals.length > 0 && <RiskBar signals={stage.signals} />}
        </li>
      ))}
    </ol>
  );
}
