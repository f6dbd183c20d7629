import { CopyButton } from "../kit/CopyButton";
import { azure } from "../state/acts";
import { useValue } from "../state/live";
import type { Nic, Nsg, Vm } from "../types";

/** Tags, interfaces with their security groups, addresses; and what can be done behind Startgate's back. */
export function VmMore({ vm, id }: { vm: Vm; id: string }) {
  const subscriptions = useValue<Record<string, string>>("azure", "subscriptions") ?? {};
  return (
    <div className="vm__more" id={id}>
      <dl className="facts">
        <dt>Where</dt>
        <dd>
          <bdi>{vm.group}</bdi>, {subscriptions[vm.subscription] ?? vm.subscription}
        </dd>
        <dt>Tags</dt>
        <dd>
          {Object.entries(vm.tags).map(([name, value]) => (
            <span key={name} className="tag">
              <bdi>{name}</bdi>=<bdi>{value || "(empty)"}</bdi>
            </span>
          ))}
        </dd>
        <dt>Public IP</dt>
        <dd>{vm.public_ips.join(", ") || "none"}</dd>
        <dt>Backup</dt>
        <dd>{Object.values(vm.backup).filter((part) => typeof part === "string").join(", ")}</dd>
        {vm.snapshots.length > 0 && (
          <>
            <dt>Snapshots</dt>
            <dd>{vm.snapshots.length}</dd>
          </>
        )}
        <dt>Id</dt>
        <dd>
          <CopyButton text={vm.id} what="resource id" />
        </dd>
      </dl>
      {vm.nics.map((nic) => (
        <NicLine key={nic.id} nic={nic} location={vm.location} />
      ))}
      <button
        type="button"
        className="button button--danger"
        disabled={vm.operation !== null}
        onClick={() => void remove(vm.id)}
      >
        Delete {vm.name}
      </button>
    </div>
  );
}

async function remove(id: string): Promise<void> {
  await azure("delete", { vm: id });
}

function NicLine({ nic, location }: { nic: Nic; location: string }) {
  const nsgs = useValue<Nsg[]>("azure", "nsgs") ?? [];
  return (
    <label className="field">
      <span className="field__label">NSG of {nic.name}, behind Startgate’s back</span>
      <select
        value={nic.nsg ?? ""}
        onChange={(event) => void azure("nic", { nic: nic.id, nsg: event.target.value || null })}
      >
        <option value="">none{nic.subnet_nsg ? " (the subnet’s applies)" : ""}</option>
        {nsgs
          .filter((nsg) => nsg.location === location || nsg.id === nic.nsg)
          .map((nsg) => (
            <option key={nsg.id} value={nsg.id}>
              {nsg.name}
            </option>
          ))}
      </select>
    </label>
  );
}
