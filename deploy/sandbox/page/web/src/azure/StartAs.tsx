import { setHere, useHere } from "../state/here";
import { useValue } from "../state/live";
import type { Principal } from "../types";

/** Whose name stands in the start event. */
export function StartAs() {
  const principals = useValue<Principal[]>("world", "principals") ?? [];
  const { startAs } = useHere();
  return (
    <label className="field" data-tour="start-as">
      <span className="field__label">Start machines as</span>
      <select value={startAs} onChange={(event) => setHere({ startAs: event.target.value })}>
        {principals.map((principal) => (
          <option key={principal.key} value={principal.key}>
            {describe(principal)}
          </option>
        ))}
      </select>
    </label>
  );
}

function describe({ name, kind, mfa, role }: Principal): string {
  if (kind === "ServicePrincipal") return `${name} (automation), ${role}`;
  return `${name}, ${role}, ${mfa ? "with MFA" : "without MFA"}`;
}
