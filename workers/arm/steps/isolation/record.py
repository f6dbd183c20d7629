"""What Isolate puts on record: the NSG that each NIC had, and the NICs whose open flows were flushed.

Azure spells one id differently in different places, so ids are compared without regard to case. The record
keeps the spelling in which it first met an id.
"""

from collections.abc import Sequence
from typing import Any

from workers.arm.ids import name_of, same, spelt_in
from workers.arm.read.networking import network
from workers.arm.steps.isolation.lockdown import is_lockdown_nsg
from workers.domain.containment.plans import Change

_FLUSHED = "flushed"
_SEEN = "seen"
_CONTAINMENT = "containment"
_Json = dict[str, Any]


def recorded(nics: Sequence[_Json], target: str, earlier: Change | None, containment_id: str) -> Change:
    """What was and what is to be, for every NIC that is or was attached.

    What a begun step recorded stays, even if the NIC carries something else now: *before* is the state before
    the containment. A record that only comes from the plan gives way to what is read.

    Args:
        nics: as they were read, attached to the VM now.
        target: the id of the NSG that they get.
        earlier: the record so far.
        containment_id: kept for what is written later; empty where only the record knows it.
    """
    before: _Json = dict(earlier.before) if earlier else {}
    after: _Json = dict(earlier.after) if earlier else {}
    flushed = set(flushed_nics(earlier))
    seen = seen_before(earlier)
    for nic in nics:
        current = network.nsg_of(nic)
        known = spelt_in(after, nic["id"])
        if known is None and not is_ours(current, target):
            before[spelt_in(before, nic["id"]) or nic["id"]] = current
        after[known or spelt_in(before, nic["id"]) or nic["id"]] = target
        if not same(current, target):
            flushed.discard(nic["id"].lower())
            seen = None
    spelt = {nic_id: spelt_in(after, nic_id) for nic_id in before}
    before = {known: before[nic_id] for nic_id, known in spelt.items() if known is not None}
    former = {nic_id: name_of(before[nic_id]) if nic_id in before else "unknown" for nic_id in after}
    containment_id = containment_id or containment_of(earlier)
    kept: _Json = {
        **({_CONTAINMENT: containment_id} if containment_id else {}),
        **({_FLUSHED: sorted(flushed)} if flushed else {}),
        **({_SEEN: seen} if seen is not None else {}),
    }
    return Change(
        summary=f"isolate {counted_nics(len(after))} with {name_of(target)}",
        details=tuple(f"{name_of(one)}: NSG {former[one]} → {name_of(target)}" for one in after),
        back=tuple(f"{name_of(one)}: NSG {name_of(after[one])} → {former[one]}" for one in after),
        before=before,
        after=after,
        kept=kept,
    )


def is_ours(nsg_id: str | None, target: str) -> bool:
    """Whether an NSG on a NIC is a lockdown's, so that it is never what the NIC had before."""
    return same(nsg_id, target) or is_lockdown_nsg(nsg_id)


def may_write(nic: _Json, target: str, earlier: Change | None) -> bool:
    """Whether this NIC's present NSG is on record, so that it may get another one."""
    if earlier is None:
        return is_lockdown_nsg(network.nsg_of(nic))
    if spelt_in(earlier.after, nic["id"]) is not None:
        return True
    current, known = network.nsg_of(nic), spelt_in(earlier.before, nic["id"])
    # A lockdown NSG with other rules is never what a NIC had before, so there is nothing to record.
    return is_ours(current, target) or (known is not None and same(earlier.before[known], current))


def flushed_nics(change: Change | None) -> tuple[str, ...]:
    """The NICs, by their ids in lower case, whose open flows were flushed since they were isolated."""
    return tuple(change.kept.get(_FLUSHED, ())) if change else ()


def with_flushed(change: Change, nics: Sequence[_Json]) -> Change:
    """The record once the open flows of these NICs were flushed."""
    flushed = sorted({*flushed_nics(change), *(nic["id"].lower() for nic in nics)})
    return change.changed(kept={**change.kept, _FLUSHED: flushed})


def with_seen(change: Change, said: str) -> Change:
    """The record once all NICs are isolated and the NSG says ``said``, if that is not on record yet."""
    return change.changed(kept={_SEEN: said, **change.kept})


def seen_before(change: Change | None) -> str | None:
    """What the NSG said when all NICs were isolated first, but their flows could not be flushed."""
    return change.kept.get(_SEEN) if change else None


def containment_of(change: Change | None) -> str:
    """The id of the containment that this record belongs to; empty where it is not known."""
    return str(change.kept.get(_CONTAINMENT, "")) if change else ""


def counted_nics(count: int) -> str:
    """``1 NIC``, ``2 NICs``."""
    return f"{count} NIC{'' if count == 1 else 's'}"
