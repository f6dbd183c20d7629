import { lookAs, useHere } from "../state/here";
import { useValue } from "../state/live";
import type { WorldPerson } from "../types";
import type { Usergroup } from "./types";

/** Through whose eyes Slack is seen. The address says so too: another window may be another person. */
export function PersonSwitch() {
  const people = useValue<WorldPerson[]>("world", "people") ?? [];
  const groups = useValue<Usergroup[]>("slack", "usergroups") ?? [];
  const { person } = useHere();
  const onCall = new Set(groups.flatMap((group) => group.users));
  return (
    <label className="field" data-tour="person">
      <span className="field__label">Look through the eyes of</span>
      <select value={person} onChange={(event) => lookAs(event.target.value)}>
        {people.map((each) => (
          <option key={each.key} value={each.key}>
            {each.name}
            {onCall.has(each.slack) ? " (on call)" : ""}
          </option>
        ))}
      </select>
    </label>
  );
}
