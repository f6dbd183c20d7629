import { useState } from "react";
import { Popover } from "../kit/Popover";
import { plural } from "../kit/format";
import { azure } from "../state/acts";
import { useHere } from "../state/here";
import { useTopic } from "../state/live";
import type { Vm } from "../types";

/** Starts several machines at the same moment. */
export function StartMany() {
  const vms = useTopic<Vm>("vm");
  const idle = [...vms.values()].filter((vm) => ["deallocated", "stopped"].includes(vm.power)).length;
  const [wanted, setWanted] = useState(5);
  const { startAs, deliveries, delayMs } = useHere();
  const count = Math.min(wanted, idle);
  return (
    <Popover label="Start many…" title="Start many machines at once" tour="start-many">
      {(close) => (
        <form
          className="stack"
          onSubmit={(event) => {
            event.preventDefault();
            void azure("start-many", { count, as: startAs, deliveries, delay_ms: delayMs });
            close();
          }}
        >
          <label className="field">
            <span className="field__label">How many of the {idle} that do not run</span>
            <input
              type="number"
              min={1}
              max={Math.max(idle, 1)}
              value={wanted}
              onChange={(event) => setWanted(event.target.valueAsNumber || 1)}
            />
          </label>
          <button type="submit" className="button button--primary" disabled={idle === 0}>
            Start {plural(count, "machine")}
          </button>
        </form>
      )}
    </Popover>
  );
}
