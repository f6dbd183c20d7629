import { plural } from "../kit/format";
import type { Signal } from "../types";

/** The signals of a start side by side, each as wide as it weighs; its pattern says which threat it is of. */
export function RiskBar({ signals }: { signals: Signal[] }) {
  const said = signals.map((signal) => `${signal.id} ${signal.weight}`).join(", ");
  return (
    <span className="risk-bar" title={said}>
      <span className="visually-hidden">
        {plural(signals.length, "signal")}: {said}
      </span>
      {signals.map((signal, index) => (
        <span key={`${signal.id}${index}`} aria-hidden="true" data-threat={signal.threat} style={{ flexGrow: signal.weight }} />
      ))}
    </span>
  );
}

/** Each signal with its threat, its weight and its sentence. */
export function RiskTable({ signals }: { signals: Signal[] }) {
  const heaviest = Math.max(...signals.map((signal) => signal.weight), 1);
  return (
    <ul className="risk-table">
      {signals.map((signal, index) => (
        <li key={`${signal.id}${index}`}>
          <span className="risk-table__scale" aria-hidden="true">
            <span className="risk-bar">
              <span data-threat={signal.threat} style={{ width: `${(signal.weight / heaviest) * 100}%` }} />
            </span>
          </span>
          <span>
            <strong>{signal.id}</strong> ({signal.threat}, weight {signal.weight}): <bdi>{signal.sentence}</bdi>
          </span>
        </li>
      ))}
    </ul>
  );
}
