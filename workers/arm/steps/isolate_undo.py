"""The undo of Isolate: each NIC gets its former NSG back, unless somebody has changed it since."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from workers.arm.ids import name_of, same, spelt_in
from workers.arm.read import network
from workers.arm.session.clients import Azure
from workers.arm.session.errors import Busy
from workers.arm.steps import network_writes
from workers.arm.steps.isolate_record import counted_nics, is_ours
from workers.domain.containment.containment import Progress
from workers.domain.containment.plans import Change
from workers.domain.errors import NotFound, StepFailed

LOOK_S = 0.25
_DELETED = "deleted since"


async def undo(azure: Azure, change: Change | None) -> Progress:
    """Bring every NIC forward. One that can't be restored doesn't keep the others.

    Raises:
        StepFailed: names each NIC that is left as it is, and why.
    """
    after = change.after if change else {}
    before = change.before if change else {}
    results = await asyncio.gather(
        *(_restore(azure, nic_id, lockdown, before) for nic_id, lockdown in after.items()),
        return_exceptions=True,
    )
    _raise_all(results)
    waiting = [note for note in results if isinstance(note, str) and note != _DELETED]
    if waiting:
        return Progress(done=False, look_again_after=timedelta(seconds=LOOK_S), note="; ".join(waiting))
    deleted = [name_of(nic_id) for nic_id, note in zip(after, results, strict=True) if note == _DELETED]
    note = f"{counted_nics(len(after) - len(deleted))} back to the former NSG, read back"
    return Progress(done=True, note="; ".join([note, *(f"{name} was deleted since" for name in deleted)]))


async def _restore(azure: Azure, nic_id: str, lockdown: str, before: dict[str, Any]) -> str | None:
    try:
        nic = await network.read_nic(azure, nic_id)
    except NotFound:
        return _DELETED  # nothing is left to restore
    current = network.nsg_of(nic)
    known = spelt_in(before, nic_id)
    if known is None:
        if not is_ours(current, lockdown):
            return None
        raise StepFailed(
            f"NIC {nic['name']} had {name_of(current)} before anything was recorded; "
            "put its own NSG back by hand",
            code="FormerNsgUnknown",
            final=True,
        )
    former = before[known]
    if same(current, former) and not network.same_state(nic, network.FAILED):
        return None if network.settled(nic) else f"{nic['name']} is being written"
    if not is_ours(current, lockdown) and not same(current, former):
        raise StepFailed(
            f"NIC {nic['name']} has {name_of(current)} now, its former NSG is {name_of(former)}: "
            "somebody changed it since; it is left as it is",
            code="Drifted",
            final=True,
        )
    if former is not None and await network.find_nsg(azure, former) is None:
        raise StepFailed(
            f"NIC {nic['name']} had {name_of(former)}, which was deleted since; it keeps {name_of(current)}",
            code="Drifted",
            final=True,
        )
    try:
        await network_writes.put_nsg_on_nic(azure, nic, former)
    except Busy as busy:
        return f"{nic['name']}: {busy.code}, read again"
    return f"{nic['name']} written"


def raise_worst(results: Sequence[object]) -> None:
    """Raise what went wrong, refusals before outages, so that a person hears of what only they can mend."""
    errors = [result for result in results if isinstance(result, BaseException)]
    errors.sort(key=lambda error: not isinstance(error, StepFailed))
    if errors:
        raise errors[0]


def _raise_all(results: Sequence[object]) -> None:
    """As ``raise_worst``, and what only people can mend is named all at once."""
    refused = [result for result in results if isinstance(result, StepFailed)]
    if len(refused) > 1:
        said = "; ".join(map(str, refused))
        raise StepFailed(said, code=refused[0].code, final=all(one.final for one in refused))
    raise_worst(results)
