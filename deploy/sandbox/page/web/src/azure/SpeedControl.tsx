import { azure } from "../state/acts";
import { useValue } from "../state/live";

const SPEEDS: [number, string][] = [
  [1, "Real time"],
  [0.2, "5 × faster"],
  [0.05, "20 × faster"],
  [0, "Instant"],
];

/** How long Azure's operations take. */
export function SpeedControl() {
  const speed = useValue<number>("azure", "speed") ?? 1;
  const known = SPEEDS.some(([factor]) => factor === speed);
  return (
    <label className="field field--inline">
      <span className="field__label">Pace</span>
      <select
        value={String(speed)}
        onChange={(event) => void azure("speed", { factor: Number(event.target.value) })}
      >
        {!known && <option value={String(speed)}>{Math.round(1 / speed)} × faster</option>}
        {SPEEDS.map(([factor, title]) => (
          <option key={factor} value={String(factor)}>
            {title}
          </option>
        ))}
      </select>
    </label>
  );
}
