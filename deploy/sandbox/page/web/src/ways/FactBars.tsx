import { duration } from "../kit/format";

/** How long each fact took to read, the longest first. */
export function FactBars({ bars }: { bars: [string, number][] }) {
  const longest = Math.max(...bars.map(([, ms]) => ms), 1);
  const said = bars.map(([name, ms]) => `${name} ${duration(ms)}`).join(", ");
  return (
    <span className="bars" title={said}>
      <span className="visually-hidden">{said}</span>
      {bars.map(([name, ms]) => (
        <span key={name} aria-hidden="true" style={{ height: `${Math.max((ms / longest) * 100, 12)}%` }} />
      ))}
    </span>
  );
}
