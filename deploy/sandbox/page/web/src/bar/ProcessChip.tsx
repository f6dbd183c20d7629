import { clock } from "../kit/format";
import { Popover } from "../kit/Popover";
import { order, trouble as putTrouble } from "../state/acts";
import type { ProcessHealth, Trouble } from "../types";

const TITLES: Record<string, string> = {
  azure: "Azure",
  servicebus: "Service Bus",
  slack: "Slack",
  valkey: "Valkey",
  workers: "Workers",
  bot: "Bot",
};
const TONES: Record<string, string> = { running: "fine", starting: "waiting" };

/** One process: how it is, and what can be done to it. */
export function ProcessChip({ process, trouble }: { process: ProcessHealth; trouble: Trouble | undefined }) {
  const title = TITLES[process.name] ?? process.name;
  const mode = trouble?.modes.find((each) => each.key === trouble.mode);
  const troubled = mode !== undefined && mode.key !== "works";
  const state = process.state === "running" && troubled ? mode.title.toLowerCase() : process.state;
  const tone = troubled ? "danger" : (TONES[process.state] ?? "danger");
  return (
    <Popover
      className="chip"
      title={`${title}: health and faults`}
      name={`${title}: ${state}`}
      tour={`process-${process.name}`}
      label={
        <>
          <span className="chip__dot" data-tone={tone} aria-hidden="true" />
          {title}
          {state !== "running" && <span className="chip__state">{state}</span>}
        </>
      }
    >
      {(close) => (
        <div className="stack">
          <p className="chip__about">
            <strong>{process.about}</strong>
            <br />
            {process.pid === null
              ? "does not run"
              : `process ${process.pid} since ${clock(process.since_ms)}, about ${process.memory_mb} MB`}
          </p>
          {trouble && (
            <fieldset className="choices">
              <legend>It</legend>
              {trouble.modes.map((each) => (
                <label key={each.key}>
                  <input
                    type="radio"
                    name={`mode-${process.name}`}
                    checked={trouble.mode === each.key}
                    onChange={() => void putTrouble(process.name, each.key)}
                  />
                  <span>
                    {each.title}
                    <small>{each.about}</small>
                  </span>
                </label>
              ))}
            </fieldset>
          )}
          {process.killable && (
            <div className="pane__row">
              <button
                type="button"
                className="button button--danger"
                disabled={process.pid === null}
                onClick={() => {
                  void order(process.name, "kill");
                  close();
                }}
              >
                Kill
              </button>
              <button
                type="button"
                className="button"
                onClick={() => {
                  void order(process.name, "start");
                  close();
                }}
              >
                {process.pid === null ? "Start" : "Kill and start"}
              </button>
            </div>
          )}
        </div>
      )}
    </Popover>
  );
}
