"""What the step ``snapshot`` says of itself: its plan, what it changes, and what it could not take."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from workers.arm.ids import name_of
from workers.arm.read.disks import VmDisk
from workers.arm.steps.evidence.targets import Target
from workers.arm.steps.isolation.lockdown import tags_of
from workers.domain.containment.by_hand import Words, az
from workers.domain.containment.plans import Change
from workers.domain.containment.profile import LockdownProfile
from workers.domain.starts.facts import Facts
from workers.domain.starts.vm import PowerState, VmRef

CLASSIC = "classic VMs have no managed disks to take snapshots of"
_EPHEMERAL = "ephemeral, so it lies on the host, and there is nothing to take a snapshot of"
_UNMANAGED = "an unmanaged disk; take a snapshot of its blob in the storage account by hand"
_SHARED = "shared with other VMs, which may be writing to it"
_LISTED = "snapshots"
_LONGEST_NOTE = 500
_LONGEST_NAME = 80
HELD = "held"
"""Key of ``Change.kept``: disk → since when it has been held as it was for its snapshot."""


def left_out(why: str) -> Change:
    """The step is skipped."""
    return Change(summary=f"no snapshots: {why}", skipped=why)


def planned(vm: VmRef, facts: Facts, profile: LockdownProfile) -> Change:
    """That snapshots are taken, of what as far as the facts tell, and where they go."""
    if vm.classic:
        return left_out(CLASSIC)
    group = profile.resource_group or vm.resource_group
    known = facts.machine
    if known is None:
        details: tuple[str, ...] = ("disks: read when it begins", f"snapshots go to {group}")
        return Change(summary="take snapshots of the disks", details=details)
    details = tuple(f"{name_of(disk)} → a snapshot in {group}" for disk in known.disk_ids)
    if known.ephemeral:
        details = (f"OS disk: {_EPHEMERAL}", *details)
    if not known.disk_ids:
        return left_out("; ".join(details) or "the VM has no managed disks")
    count = len(known.disk_ids)
    return Change(summary=_summary(count), details=details, back=(_stay(count, group),))


def by_hand(vm: VmRef, facts: Facts, profile: LockdownProfile) -> tuple[Words, ...]:
    """A command for each disk that the facts tell."""
    ids = facts.machine.disk_ids if facts.machine is not None else ()
    return tuple(
        az(
            "snapshot create",
            {
                "subscription": vm.subscription_id,
                "resource-group": profile.resource_group or vm.resource_group,
                "name": f"evidence-{name_of(disk)}"[:_LONGEST_NAME],
                "source": disk,
                "incremental": "true",
                "tags": [f"{key}={value}" for key, value in tags_of(profile).items()],
            },
        )
        for disk in ids
    )


def not_taken(used: VmDisk) -> str:
    """Why no snapshot can be taken of a disk, as a sentence that begins with its name; empty if one can."""
    if used.local:
        return f"{used.name}: {_EPHEMERAL}"
    return "" if used.id else f"{used.name}: {_UNMANAGED}"


def noteworthy(disk: dict[str, Any]) -> tuple[str, ...]:
    """What whoever looks at the snapshot of a disk has to know."""
    given, name = disk.get("properties") or {}, name_of(disk["id"])
    said = []
    if (given.get("maxShares") or 1) > 1:
        said.append(f"{name}: {_SHARED}")
    policy = given.get("networkAccessPolicy")
    closed = given.get("publicNetworkAccess") == "Disabled"
    if policy not in (None, "AllowAll") or closed:
        rule = policy if policy not in (None, "AllowAll") else "no public network access"
        said.append(f"{name}: export is restricted ({rule}), and so is that of its snapshot")
    return tuple(said)


def not_quiet(power: PowerState) -> tuple[str, ...]:
    """That the VM was not off; nothing if it was."""
    if power in (PowerState.DEALLOCATED, PowerState.STOPPED):
        return ()
    return (f"the VM was {power}: its disks are as after a power cut",)


def change(
    targets: Sequence[Target], held: dict[str, str], said: Sequence[str], earlier: Change | None
) -> Change:
    """What the step makes, since when each disk has been held as it is, and what is said of some."""
    count = len(targets)
    group = targets[0].snapshot.split("/")[4]
    after = {target.disk: target.snapshot for target in targets}
    return Change(
        summary=_summary(count),
        details=(*(f"{name_of(t.disk)} → {name_of(t.snapshot)}" for t in targets), *said),
        after=after,
        back=(_stay(count, group),),
        kept={_LISTED: _all_of(after, earlier), HELD: held},
    )


def _all_of(after: dict[str, str], earlier: Change | None) -> list[dict[str, str]]:
    """Every snapshot of the containment, those of its earlier rounds first."""
    listed: list[dict[str, str]] = list((earlier.kept if earlier else {}).get(_LISTED) or [])
    known = {one["snapshot"] for one in listed}
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    new = [{"disk": d, "snapshot": s, "begun_at": now} for d, s in after.items() if s not in known]
    return [*listed, *new]


def done(snapshots: Sequence[dict[str, Any]], change: Change | None) -> str:
    """What is there now, for people."""
    said = [f"{_counted(len(snapshots))} read back"]
    for snapshot in snapshots:
        percent = (snapshot.get("properties") or {}).get("completionPercent")
        if percent is not None and percent < 100:  # noqa: PLR2004 - per cent
            said.append(f"{snapshot['name']} is still being copied in the background ({percent:g} %)")
    spoken = [line for line in (change.details if change else ()) if "→" not in line]
    return "; ".join([*said, *spoken])[:_LONGEST_NOTE]


def kept(change: Change | None) -> str:
    """What a restore says of them."""
    listed = (change.kept if change else {}).get(_LISTED) or []
    names = ", ".join(name_of(one["snapshot"]) for one in listed)
    return f"{_counted(len(listed))} kept as evidence: {names}" if listed else "no snapshot was taken"


def _summary(count: int) -> str:
    return f"take {_counted(count)} of {'the disk' if count == 1 else 'the disks'}"


def _stay(count: int, group: str) -> str:
    return f"{_counted(count)} in {group}: kept as evidence"


def _counted(count: int) -> str:
    return f"{count} snapshot{'' if count == 1 else 's'}"
