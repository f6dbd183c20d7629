"""The undo of Isolate: each NIC gets its former NSG back.

A NIC that has another NSG than ours by now, or none, is let go already: it is left as it is, and said. Where
the former NSG is gone, or was never known, nobody but a person can say what the NIC is to have: the undo puts
on record what it could have, and fails with that question.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from workers.arm.ids import name_of, same, spelt_in
from workers.arm.read.networking import network
from workers.arm.session.clients import Azure
from workers.arm.session.errors import Busy, raise_worst
from workers.arm.steps.isolation import writes
from workers.arm.steps.isolation.lockdown import is_lockdown_nsg
from workers.arm.steps.isolation.record import counted_nics, is_ours
from workers.domain.containment.containment import Progress, Step
from workers.domain.containment.plans import Change, Choice
from workers.domain.errors import NotFound, StepFailed

LOOK_S = 0.25
MOST_OPTIONS = 99
"""A menu in Slack has a hundred, and one of them is *none*."""
_ASKED = "asked"

_Json = dict[str, Any]


class _Nic(NamedTuple):
    """What became of one NIC: nothing said means that it reads back as it was.

    Attributes:
        id: as the record spells it.
        waits: what is awaited.
        said: in which way it is not as it was, though nothing is left to do.
        asks: why a person has to choose; ``read`` is the NIC then, and ``was`` its former NSG if known.
    """

    id: str
    waits: str = ""
    said: str = ""
    asks: str = ""
    read: _Json = {}
    was: str | None = None


async def undo(azure: Azure, step: Step) -> Progress:
    """Bring every NIC forward. One that can't be restored doesn't keep the others.

    Raises:
        StepFailed: a person has to choose what some NICs are to have; or Azure refuses.
    """
    change = step.change or Change(summary="")
    results = await asyncio.gather(
        *(_restore(azure, nic_id, lockdown, change.before) for nic_id, lockdown in change.after.items()),
        return_exceptions=True,
    )
    _raise_all(results)
    nics = [result for result in results if isinstance(result, _Nic)]
    asking = [nic for nic in nics if nic.asks]
    if asking and step.token != _ASKED:
        asked = change.changed(choices=await _choices(azure, asking, change.after.values()))
        return Progress.waiting(_ASKED, 0, _joined(asking), asked)
    if waits := [nic.waits for nic in nics if nic.waits]:
        return Progress.waiting(step.token, LOOK_S, "; ".join(waits))
    if asking:
        raise StepFailed(
            f"{_joined(asking)}; restore the VM again, and choose what to put there instead",
            code="FormerNsgGone",
            final=True,
        )
    said = [nic.said for nic in nics if nic.said]
    back = [nic.id for nic in nics if not nic.said]
    notes = [f"{counted_nics(len(back))} back to {_formers(back, change.before)}, read back"] if back else []
    if not notes and not said:
        notes = ["no NIC was changed"]
    return Progress(done=True, note="; ".join([*notes, *said]))


def _formers(nic_ids: Sequence[str], before: Mapping[str, Any]) -> str:
    """What these NICs have again, by name."""
    formers = [before.get(spelt_in(before, nic_id) or "") for nic_id in nic_ids]
    return ", ".join(dict.fromkeys(name_of(one) if one else "no NSG" for one in formers))


async def _restore(azure: Azure, nic_id: str, lockdown: str, before: Mapping[str, Any]) -> _Nic:
    try:
        nic = await network.read_nic(azure, nic_id)
    except NotFound:
        return _Nic(nic_id, said=f"{name_of(nic_id)} was deleted since")
    current, known = network.nsg_of(nic), spelt_in(before, nic_id)
    if known is None:
        return _unknown(nic_id, nic, lockdown)
    former = before[known]
    if same(current, former) and not network.same_state(nic, network.FAILED):
        return _Nic(nic_id, waits="" if network.settled(nic) else f"{nic['name']} is being written")
    if not same(current, former) and not is_ours(current, lockdown):
        was = f"somebody changed it since, its former NSG is {name_of(former)}"
        return _Nic(nic_id, said=f"{nic['name']} has {name_of(current)} now: {was}; it is left as it is")
    return await _give_back(azure, nic_id, nic, former)


async def _give_back(azure: Azure, nic_id: str, nic: _Json, former: str | None) -> _Nic:
    """Write the former NSG, if it still exists."""
    current = network.nsg_of(nic)
    if former is not None and await network.find_nsg(azure, former) is None:
        gone = f"{nic['name']} had {name_of(former)}, which was deleted since; it keeps {name_of(current)}"
        return _Nic(nic_id, asks=gone, read=nic, was=former)
    try:
        await writes.put_nsg_on_nic(azure, nic, former)
    except Busy as busy:
        return _Nic(nic_id, waits=f"{nic['name']}: {busy.code}, read again")
    return _Nic(nic_id, waits=f"{nic['name']} written")


def _unknown(nic_id: str, nic: _Json, lockdown: str) -> _Nic:
    """A NIC that had a lockdown NSG before anything was recorded; if it has another one, it is let go."""
    current = network.nsg_of(nic)
    if not is_ours(current, lockdown):
        known = "what it had before is not known"
        return _Nic(nic_id, said=f"{nic['name']} has {name_of(current)} now; {known}, it is left as it is")
    why = f"{nic['name']} had {name_of(current)} before anything was recorded; it keeps it"
    return _Nic(nic_id, asks=why, read=nic)


async def _choices(azure: Azure, asking: Sequence[_Nic], ours: Iterable[str]) -> tuple[Choice, ...]:
    """What each of these could have. A VM's NICs are in one region and subscription, so they could the same.

    Where we may not list NSGs, only *none* is left to choose.
    """
    try:
        found = await network.nsgs_of_region(azure, asking[0].read, most=MOST_OPTIONS)
    except StepFailed:
        found = []
    options = tuple(one for one in found if not is_lockdown_nsg(one) and spelt_in(ours, one) is None)
    return tuple(Choice(of=nic.id, was=nic.was, options=options) for nic in asking)


def _joined(asking: Sequence[_Nic]) -> str:
    return "; ".join(nic.asks for nic in asking)


def _raise_all(results: Sequence[object]) -> None:
    """Raise the worst; refusals are named all at once."""
    refused = [result for result in results if isinstance(result, StepFailed)]
    if len(refused) > 1:
        said = "; ".join(map(str, refused))
        raise StepFailed(said, code=refused[0].code, final=all(one.final for one in refused))
    raise_worst(results)
