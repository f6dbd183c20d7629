import { memo, useId, useState } from "react";
import { capital } from "../kit/format";
import { azure } from "../state/acts";
import { getHere } from "../state/here";
import type { Vm } from "../types";
import { Progress } from "./Progress";
import { VmBadges } from "./VmBadges";
import { VmMore } from "./VmMore";

const OWNER_TAGS = ["owner", "contact"];

/** One machine: what it is, how it is, and the button that starts it. */
export const VmCard = memo(function VmCard({ vm }: { vm: Vm }) {
  const [open, setOpen] = useState(false);
  const more = useId();
  const runs = vm.power === "running";
  return (
    <article className="vm" aria-label={vm.name} data-power={vm.power}>
      <div className="vm__head">
        <h3 className="vm__name">
          <bdi>{vm.name}</bdi>
        </h3>
        <span className="power" data-power={vm.power}>
          {capital(vm.power)}
        </span>
        <button
          type="button"
          className="button"
          disabled={vm.operation !== null}
          aria-label={runs ? `Stop ${vm.name}` : `Start ${vm.name}`}
          onClick={() => void (runs ? azure("stop", { vm: vm.id }) : start(vm))}
        >
          {runs ? "Stop" : "Start"}
        </button>
      </div>
      <p className="vm__about">
        <bdi>{owner(vm)}</bdi>
        <span> · {vm.size.replace("Standard_", "")} · {vm.location}</span>
      </p>
      <div className="vm__foot">
        <VmBadges vm={vm} />
        <button
          type="button"
          className="link"
          aria-expanded={open}
          aria-controls={open ? more : undefined}
          aria-label={`${open ? "Less" : "More"} about ${vm.name}`}
          onClick={() => setOpen(!open)}
        >
          {open ? "Less" : "More"}
        </button>
      </div>
      <Progress vm={vm} />
      {open && <VmMore vm={vm} id={more} />}
    </article>
  );
});

function start(vm: Vm): Promise<boolean> {
  const { startAs, deliveries, delayMs } = getHere();
  return azure("start", { vm: vm.id, as: startAs, deliveries, delay_ms: delayMs });
}

function owner(vm: Vm): string {
  for (const [name, value] of Object.entries(vm.tags)) {
    if (OWNER_TAGS.includes(name.toLowerCase()) && value) return value;
  }
  return "no owner tag";
}
