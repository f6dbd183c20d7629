import type { CSSProperties } from "react";
import type { Vm } from "../types";

/** The operation that runs on a machine. The bar moves by itself; its place is always there. */
export function Progress({ vm }: { vm: Vm }) {
  const running = vm.operation ?? vm.nics.find((nic) => nic.operation)?.operation ?? null;
  const began = vm.began && running && vm.began.id === running.id ? vm.began : undefined;
  const style: CSSProperties = began
    ? { animationDuration: `${began.for_s}s`, animationDelay: `${(began.at_ms - Date.now()) / 1000}s` }
    : {};
  return (
    <div
      className="progress"
      data-running={running !== null}
      role={running ? "progressbar" : undefined}
      aria-label={running ? `${running.name} of ${vm.name}` : undefined}
    >
      {running && <span key={running.id} style={style} data-timed={began !== undefined} />}
    </div>
  );
}
