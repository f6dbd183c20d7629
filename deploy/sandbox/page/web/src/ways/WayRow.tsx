import { memo } from "react";
import { clock } from "../kit/format";
import { setHere } from "../state/here";
import type { Way } from "../types";
import { headline } from "./headline";
import { StageCells } from "./StageCells";

/** One start or lockdown, from the event to the proof. */
export const WayRow = memo(function WayRow({ way }: { way: Way }) {
  return (
    <article className="way" data-tone={way.tone} aria-label={`${way.vm.name}: ${headline(way)}`}>
      <div className="way__head">
        <h3 className="way__name">
          <button type="button" className="way__open" onClick={() => setHere({ openWay: way.id })}>
            <bdi>{way.vm.name}</bdi>
          </button>
        </h3>
        <span className="badge way__state" data-tone={way.tone}>
          {headline(way)}
        </span>
      </div>
      <p className="way__about">
        {way.kind === "order" ? "Ordered by " : "Started by "}
        <bdi>{way.who}</bdi> at {clock(way.at_ms)}
      </p>
      <StageCells stages={way.stages} />
    </article>
  );
});
