import { trouble } from "../state/acts";
import { setHere, useHere } from "../state/here";
import { useTopic } from "../state/live";
import type { ProcessHealth, Trouble } from "../types";
import { ProcessChip } from "./ProcessChip";

const DELIVERIES: [number, string][] = [
  [1, "once"],
  [2, "twice"],
  [5, "five times"],
];
const DELAYS: [number, string][] = [
  [0, "at once"],
  [5_000, "5 s late"],
  [30_000, "30 s late"],
];

/** Health of each process, and all the trouble that can be made. */
export function FaultBar() {
  const processes = useTopic<ProcessHealth>("process");
  const troubles = useTopic<Trouble>("trouble");
  const { deliveries, delayMs } = useHere();
  const inTrouble = [...troubles].filter(([, { mode }]) => mode !== "works");
  const normal = inTrouble.length === 0 && deliveries === 1 && delayMs === 0;
  return (
    <footer className="bar" aria-label="Faults" data-tour="faults">
      <h2 className="bar__title">Faults</h2>
      <ul className="bar__chips">
        {[...processes.values()].map((process) => (
          <li key={process.name}>
            <ProcessChip process={process} trouble={troubles.get(process.name)} />
          </li>
        ))}
      </ul>
      <label className="field field--inline">
        <span className="field__label">Events arrive</span>
        <select value={deliveries} onChange={(event) => setHere({ deliveries: Number(event.target.value) })}>
          {DELIVERIES.map(([times, title]) => (
            <option key={times} value={times}>
              {title}
            </option>
          ))}
        </select>
      </label>
      <label className="field field--inline">
        <span className="visually-hidden">Delay of events</span>
        <select value={delayMs} onChange={(event) => setHere({ delayMs: Number(event.target.value) })}>
          {DELAYS.map(([ms, title]) => (
            <option key={ms} value={ms}>
              {title}
            </option>
          ))}
        </select>
      </label>
      <button
        type="button"
        className="button bar__reset"
        disabled={normal}
        onClick={() => {
          setHere({ deliveries: 1, delayMs: 0 });
          for (const [service] of inTrouble) void trouble(service, "works");
        }}
      >
        End all faults
      </button>
    </footer>
  );
}
