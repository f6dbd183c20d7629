import { setHere, useHere } from "../state/here";
import { useValue } from "../state/live";
import { useBesideFits } from "../state/width";
import type { WorldPerson } from "../types";

/** A second person's Slack: this very page once more, as a frame that shows nothing else. */
export function Beside() {
  const { beside } = useHere();
  const fits = useBesideFits();
  if (!beside || !fits) return null;
  return (
    <iframe
      className="beside"
      key={beside}
      title="Slack, as a second person sees it"
      src={`/?as=${encodeURIComponent(beside)}&only=slack`}
      data-tour="beside"
    />
  );
}

/** Puts a second person beside this one, or takes them away. */
export function BesideSwitch() {
  const { beside, person } = useHere();
  const people = useValue<WorldPerson[]>("world", "people") ?? [];
  const other = people.find((each) => each.key !== person && each.key === "nadia") ?? people.find((each) => each.key !== person);
  if (!useBesideFits()) return null;
  return (
    <button
      type="button"
      className="button"
      aria-pressed={beside !== undefined}
      title="Two people side by side"
      onClick={() => setHere({ beside: beside === undefined ? other?.key : undefined })}
    >
      {beside === undefined ? "Somebody beside" : "One alone"}
    </button>
  );
}
