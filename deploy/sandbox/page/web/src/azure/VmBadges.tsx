import type { Vm } from "../types";

/** What the Internet reaches, what guards the machine, what is kept of it. Same order for every machine. */
export function VmBadges({ vm }: { vm: Vm }) {
  const open = vm.open_ports.length > 0;
  const nsgs = [...new Set(vm.nics.map((nic) => nic.nsg_name ?? (nic.subnet_nsg ? "subnet’s NSG" : "no NSG")))];
  return (
    <ul className="badges" aria-label={`Network and protection of ${vm.name}`}>
      <li className="badge" data-tone={open ? "danger" : "quiet"} title={vm.open_ports.join(", ") || undefined}>
        {open ? `Internet: ${vm.open_ports.join(", ")}` : "Closed"}
      </li>
      {vm.backup.status === "Protected" && (
        <li className="badge" data-tone="fine">
          Backup
        </li>
      )}
      {vm.snapshots.length > 0 && (
        <li className="badge" data-tone="fine">
          {vm.snapshots.length} snapshot{vm.snapshots.length === 1 ? "" : "s"}
        </li>
      )}
      {vm.host_encrypted && (
        <li className="badge" data-tone="fine">
          Encrypted at host
        </li>
      )}
      {vm.locks.map((lock) => (
        <li key={lock.id} className="badge" data-tone="fine">
          {lock.level} lock
        </li>
      ))}
      {nsgs.map((name) => (
        <li key={name} className="badge badge--long" data-tone="quiet" title={name}>
          {name}
        </li>
      ))}
    </ul>
  );
}
