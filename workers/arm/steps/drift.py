"""What of a containment no longer holds, told from what Azure shows of its VM."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from workers.arm.ids import name_of, same
from workers.arm.read.locks import found_in
from workers.arm.steps.isolation.lockdown import is_lockdown_nsg, locks_down
from workers.domain.containment.afterwards.standing import held
from workers.domain.containment.containment import Containment
from workers.domain.containment.spec import StepName
from workers.domain.containment.steps import Step
from workers.domain.starts.facts import LockFact
from workers.domain.starts.vm import PowerState

_UNDER_WAY = frozenset({PowerState.STOPPING, PowerState.DEALLOCATING, PowerState.UNKNOWN})
"""Somebody stops it, or Azure does not say: no sign that it runs. The next look tells."""

_Json = dict[str, Any]


class Seen(NamedTuple):
    """One VM as Azure shows it.

    Attributes:
        power: its power state.
        groups_of_nics: the id of each NIC on it, and of the NSG on that.
        groups: NSGs by their ids in lower case: those that may be ours.
        locks: those that hold for it, or more.
        host_encrypted: encryption at host is on, or was not asked for.
        snapshots: ids in lower case; ``None`` if none was asked for.
    """

    power: PowerState
    groups_of_nics: Mapping[str, str | None]
    groups: Mapping[str, _Json]
    locks: Sequence[LockFact] = ()
    host_encrypted: bool = True
    snapshots: frozenset[str] | None = None


def drift_of(containment: Containment, seen: Seen) -> dict[StepName, str]:
    """Step → what of it no longer holds, as a sentence for people; empty if all of it holds."""
    found: dict[StepName, str] = {}
    for step in held(containment):
        said = ""
        if step.name is StepName.ISOLATE:
            said = _not_isolated(containment, step, seen)
        elif step.name is StepName.STOP:
            said = not_stopped(step, seen.power)
        elif step.name is StepName.LOCK:
            said = not_locked(step, seen.locks)
        elif step.name is StepName.ENCRYPT and not seen.host_encrypted:
            said = "encryption at host was turned off"
        elif step.name is StepName.SNAPSHOT and seen.snapshots is not None:
            said = _deleted(step, seen.snapshots)
        if said:
            found[step.name] = said
    return found


def _not_isolated(containment: Containment, step: Step, seen: Seen) -> str:
    """Every NIC of the VM has the NSG that it was given, and the NSG its rules; else what is wrong."""
    given = _of_nics(step)
    wrong: list[str] = []
    for nic_id, nsg_id in seen.groups_of_nics.items():
        wanted = given.get(nic_id.lower())
        if wanted is None and not is_lockdown_nsg(nsg_id):
            wrong.append(f"NIC {name_of(nic_id)} was attached since and has {named(nsg_id)}")
        elif wanted is not None and not same(nsg_id, wanted):
            wrong.append(f"NIC {name_of(nic_id)} has {named(nsg_id)}, not {name_of(wanted)}")
        elif nsg_id is not None:
            group = seen.groups.get(nsg_id.lower())
            if group is None or not locks_down(group, containment.profile):
                wrong.append(f"the rules of {name_of(nsg_id)} were changed")
    return "; ".join(dict.fromkeys(wrong))


def given_to_nics(containment: Containment) -> dict[str, str]:
    """What the isolation gave to each NIC, if that is held; both ids in lower case."""
    isolate = [step for step in held(containment) if step.name is StepName.ISOLATE]
    return {nic_id: nsg_id.lower() for step in isolate for nic_id, nsg_id in _of_nics(step).items()}


def _of_nics(step: Step) -> dict[str, str]:
    """NIC id in lower case → the NSG that it was given."""
    return {nic_id.lower(): str(nsg) for nic_id, nsg in (step.change.after if step.change else {}).items()}


def not_stopped(step: Step, power: PowerState) -> str:
    """Empty while it is off, as it was left."""
    wanted = (step.change.after if step.change else {}).get("power", PowerState.DEALLOCATED)
    off = {PowerState.DEALLOCATED, wanted}
    return "" if power in off or power in _UNDER_WAY else f"the VM is {power}"


def any_holds(containments: Sequence[Containment], name: StepName) -> bool:
    """Whether what this step did has to be read for one of them."""
    return any(step.name is name for one in containments for step in held(one))


def snapshots_of(step: Step) -> Mapping[str, str]:
    """Disk id → id of its snapshot, of the last round."""
    return step.change.after if step.change else {}


def _deleted(step: Step, there: frozenset[str]) -> str:
    """Which snapshots somebody deleted; empty if all are there."""
    gone = [name_of(one) for one in snapshots_of(step).values() if one.lower() not in there]
    return f"the evidence was deleted: {', '.join(gone)}" if gone else ""


def not_locked(step: Step, locks: Sequence[LockFact]) -> str:
    """Empty while the lock on record is there, and forbids every change."""
    wanted = str((step.change.after if step.change else {}).get("lock", ""))
    found = found_in(locks, wanted)
    if found is None:
        return f"the lock {name_of(wanted)} was taken off"
    return "" if found.read_only else f"the lock {found.name} was changed: its level is {found.level[:40]}"


def named(nsg_id: str | None) -> str:
    """An NSG, or none, in words."""
    return f"the NSG {name_of(nsg_id)}" if nsg_id else "no NSG"
