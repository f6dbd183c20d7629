"""Isolate: the lockdown NSG on every NIC of the VM, and back.

``begin`` and ``check`` are one and the same: read the VM, its NICs and the NSG as they are now, and do what
is still to be done. Two rules make that safe:

- Nothing is written before it is on record what was: a NIC is changed only when ``earlier`` names the NSG it
  carries. Otherwise the answer carries the record, and the next look acts. So whatever is cut off, the former
  NSG is known, and it is never the lockdown NSG.
- A NIC is written back as it was read, on the condition that its etag is still the one read.

A subnet's NSG is shared with other machines and never touched.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from typing_extensions import override

from workers.arm.ids import name_of, same
from workers.arm.read import network
from workers.arm.read.machine import nic_ids, read_machine_to_contain
from workers.arm.session.clients import Azure
from workers.arm.session.errors import Busy
from workers.arm.steps import classic_isolate, network_writes
from workers.arm.steps.lockdown import is_lockdown_nsg, lockdown_nsg_id, locks_down, nsg_name, wanted_nsg
from workers.domain.containment.containment import Progress, Step
from workers.domain.containment.plans import Change, StepName
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import NotFound, StartgateError, StepFailed
from workers.domain.ports.steps import StepRunner
from workers.domain.starts.facts import Facts
from workers.domain.starts.vm import VmRef

FIRST_LOOK_S = 0.25
LAST_LOOK_S = 5.0
"""Looks begin close together and grow apart: Azure allows 12 reads a minute of one VM, 36 in a burst."""

_Json = dict[str, Any]
_DELETED = "deleted since"


class Isolate(StepRunner):
    """The ``StepRunner`` that cuts a VM off the network."""

    name = StepName.ISOLATE

    def __init__(self, azure: Azure) -> None:
        self._azure = azure

    @override
    def plan(self, vm: VmRef, facts: Facts, profile: LockdownProfile) -> Change:
        """Which NICs get the lockdown NSG, as far as the facts tell."""
        if vm.classic:
            return classic_isolate.plan(profile)
        if facts.machine is None or facts.network is None:
            return Change(summary="isolate every NIC", details=("NICs: read when it begins",))
        target = nsg_name(profile, facts.machine.location)
        target_id = lockdown_nsg_id(vm, profile, facts.machine.location)
        known = {nic.id.lower(): nic for nic in facts.network.nics}
        others = {nic.id: nic.nsg_id for nic in known.values() if not same(nic.nsg_id, target_id)}
        if not facts.machine.nic_ids:
            return Change(summary="nothing to isolate: no network interface", nothing_to_do=True)
        details = []
        for nic_id in facts.machine.nic_ids:
            nic = known.get(nic_id.lower())
            now = f"NSG {name_of(nic.nsg_id)}" if nic else "NSG: read when it begins"
            done = nic is not None and nic.id not in others
            details.append(f"{name_of(nic_id)}: {now}" + (", as wanted" if done else f" → {target}"))
        count = len(facts.machine.nic_ids)
        return Change(
            summary=f"isolate {count} NIC{'' if count == 1 else 's'} with {target}",
            details=tuple(details),
            # Left for ``begin``: the former NSGs as they were when the owner was shown this plan.
            before={nic_id: nsg_id for nic_id, nsg_id in others.items() if not is_lockdown_nsg(nsg_id)},
            nothing_to_do=not others and len(known) == count,
        )

    @override
    async def begin(
        self, vm: VmRef, profile: LockdownProfile, containment_id: str, *, earlier: Change | None = None
    ) -> Progress:
        """Isolate, or at first only record what was."""
        if vm.classic:
            return await classic_isolate.advance(self._azure, vm, profile, earlier)
        return await self._advance(vm, profile, earlier, looks=0)

    @override
    async def check(self, vm: VmRef, profile: LockdownProfile, step: Step) -> Progress:
        """Read back, and do what is still to be done: a NIC attached meanwhile is isolated too."""
        if vm.classic:
            return await classic_isolate.advance(self._azure, vm, profile, step.change)
        looks = int(step.token) if step.token.isdigit() else 0
        return await self._advance(vm, profile, step.change, looks=looks + 1)

    @override
    async def undo(
        self, vm: VmRef, profile: LockdownProfile, step: Step, *, start: str | None = None
    ) -> Progress:
        """Give each NIC its former NSG, unless somebody has changed it since; the failure names each such."""
        if vm.classic:
            return await classic_isolate.undo(self._azure, vm, step.change)
        after = step.change.after if step.change else {}
        results = await asyncio.gather(
            *(self._restore(nic_id, lockdown, step.change) for nic_id, lockdown in after.items()),
            return_exceptions=True,
        )
        # One NIC that can't be restored doesn't keep the others: all have been tried by now.
        _raise_all(results)
        waiting = [note for note in results if isinstance(note, str) and note != _DELETED]
        if waiting:
            return Progress(
                done=False, look_again_after=timedelta(seconds=FIRST_LOOK_S), note="; ".join(waiting)
            )
        deleted = [name_of(nic_id) for nic_id, note in zip(after, results, strict=True) if note == _DELETED]
        note = f"{_nics(len(after) - len(deleted))} back to the former NSG, read back"
        return Progress(done=True, note="; ".join([note, *(f"{name} was deleted since" for name in deleted)]))

    async def _advance(
        self, vm: VmRef, profile: LockdownProfile, earlier: Change | None, *, looks: int
    ) -> Progress:
        machine = await read_machine_to_contain(self._azure, vm)
        attached = nic_ids(machine)
        if not attached:
            change = earlier or Change(summary="nothing to isolate: no network interface", nothing_to_do=True)
            return Progress(done=True, note="no network interface", change=change)
        target = lockdown_nsg_id(vm, profile, machine["location"])
        nsg, *nics = await asyncio.gather(
            network.find_nsg(self._azure, target), *(self._read_attached(nic_id) for nic_id in attached)
        )
        present = [nic for nic in nics if nic is not None]
        change = _change(present, target, earlier)
        ready, waiting = await self._prepare(vm, profile, machine["location"], target, nsg)
        results = await asyncio.gather(
            *(self._isolate(nic, target, earlier, ready=ready) for nic in present), return_exceptions=True
        )
        _raise_worst(results)
        waiting += [note for note in results if isinstance(note, str)]
        if waiting or len(present) < len(attached):
            # What has just been put on record can be acted on at once.
            at_once = ready and change != earlier
            return Progress(
                done=False,
                token=str(looks),
                note="; ".join(waiting),
                change=change,
                look_again_after=timedelta(
                    seconds=0 if at_once else min(FIRST_LOOK_S + looks / 2, LAST_LOOK_S)
                ),
            )
        return Progress(
            done=True, note=f"{_nics(len(present))} with {name_of(target)}, rules read back", change=change
        )

    async def _read_attached(self, nic_id: str) -> _Json | None:
        try:
            return await network.read_nic(self._azure, nic_id)
        except NotFound:
            return None  # taken off and deleted since the VM was read; the next look sees the VM without it

    async def _prepare(
        self, vm: VmRef, profile: LockdownProfile, location: str, target: str, nsg: _Json | None
    ) -> tuple[bool, list[str]]:
        """Make or correct the lockdown NSG; says whether NICs can take it now, and what is still awaited."""
        name = name_of(target)
        if nsg is not None and locks_down(nsg, profile) and network.state_of(nsg) != "Failed":
            return (True, []) if network.settled(nsg) else (False, [f"{name} is being written"])
        body = wanted_nsg(profile, location, tags=(nsg or {}).get("tags"))
        try:
            await network_writes.put_nsg(self._azure, target, body, etag=nsg["etag"] if nsg else None)
        except Busy as busy:
            return False, [str(busy)]
        except NotFound:
            group = profile.resource_group or vm.resource_group
            raise StepFailed(
                f"the resource group {group} for the lockdown NSG does not exist in the VM's subscription; "
                f"create it, or name another one in the lockdown profile {profile.name}",
                code="ResourceGroupNotFound",
                final=True,
            ) from None
        return False, [f"{name} {'created' if nsg is None else 'corrected'}"]

    async def _isolate(self, nic: _Json, target: str, earlier: Change | None, *, ready: bool) -> str | None:
        """Bring one NIC forward; what is still awaited, or ``None`` when it reads back as isolated."""
        current = network.nsg_of(nic)
        if same(current, target) and network.state_of(nic) != "Failed":
            return None if network.settled(nic) else f"{nic['name']} is being written"
        recorded = earlier.before if earlier else {}
        # A lockdown NSG with other rules is never what a NIC had before, so there is nothing to record.
        on_record = is_lockdown_nsg(current) or (nic["id"] in recorded and same(recorded[nic["id"]], current))
        begun = earlier is not None and nic["id"] in earlier.after
        if not ready or not (on_record or begun):
            return f"{nic['name']} still has {name_of(current)}"
        try:
            await network_writes.put_nsg_on_nic(self._azure, nic, target)
        except Busy as busy:
            return f"{nic['name']}: {busy.code}, read again"
        return None if await self._reads_back(nic["id"], target) else f"{nic['name']} written"

    async def _reads_back(self, nic_id: str, target: str) -> bool:
        """Whether Azure has finished already, as it often has. If that can't be told now, it is later."""
        try:
            nic = await network.read_nic(self._azure, nic_id)
        except StartgateError:
            return False
        return same(network.nsg_of(nic), target) and network.settled(nic)

    async def _restore(self, nic_id: str, lockdown: str, change: Change | None) -> str | None:
        before = change.before if change else {}
        try:
            nic = await network.read_nic(self._azure, nic_id)
        except NotFound:
            return _DELETED  # nothing is left to restore
        current = network.nsg_of(nic)
        if nic_id not in before:
            if not same(current, lockdown) and not is_lockdown_nsg(current):
                return None
            raise StepFailed(
                f"NIC {nic['name']} had {name_of(current)} before anything was recorded; "
                "put its own NSG back by hand",
                code="FormerNsgUnknown",
                final=True,
            )
        former = before[nic_id]
        if same(current, former) and network.state_of(nic) != "Failed":
            return None if network.settled(nic) else f"{nic['name']} is being written"
        ours = same(current, lockdown) or is_lockdown_nsg(current)
        if not ours and not same(current, former):
            raise StepFailed(
                f"NIC {nic['name']} has {name_of(current)} now, its former NSG is {name_of(former)}: "
                "somebody changed it since; it is left as it is",
                code="Drifted",
                final=True,
            )
        if former is not None and await network.find_nsg(self._azure, former) is None:
            raise StepFailed(
                f"NIC {nic['name']} had {name_of(former)}, which was deleted since; "
                f"it keeps {name_of(current)}",
                code="Drifted",
                final=True,
            )
        try:
            await network_writes.put_nsg_on_nic(self._azure, nic, former)
        except Busy as busy:
            return f"{nic['name']}: {busy.code}, read again"
        return f"{nic['name']} written"


def _change(nics: Sequence[_Json], target: str, earlier: Change | None) -> Change:
    """What was and what is to be, for every NIC that is or was attached.

    What a begun step recorded stays, even if the NIC carries something else now: *before* is the state before
    the containment. A record that only comes from the plan gives way to what is read.
    """
    before: dict[str, Any] = dict(earlier.before) if earlier else {}
    after: dict[str, Any] = dict(earlier.after) if earlier else {}
    for nic in nics:
        nic_id, current = nic["id"], network.nsg_of(nic)
        if not is_lockdown_nsg(current) and nic_id not in after:
            before[nic_id] = current
        after[nic_id] = target
    before = {nic_id: former for nic_id, former in before.items() if nic_id in after}
    former = {nic_id: name_of(before[nic_id]) if nic_id in before else "unknown" for nic_id in after}
    details = tuple(f"{name_of(one)}: NSG {former[one]} → {name_of(target)}" for one in after)
    back = tuple(f"{name_of(one)}: NSG {name_of(after[one])} → {former[one]}" for one in after)
    return Change(
        summary=f"isolate {_nics(len(after))} with {name_of(target)}",
        details=details,
        back=back,
        before=before,
        after=after,
    )


def _raise_worst(results: Sequence[object]) -> None:
    """Raise what went wrong, refusals before outages, so that a person hears of what only they can mend."""
    errors = [result for result in results if isinstance(result, BaseException)]
    errors.sort(key=lambda error: not isinstance(error, StepFailed))
    if errors:
        raise errors[0]


def _raise_all(results: Sequence[object]) -> None:
    """As ``_raise_worst``, and what only people can mend is named all at once."""
    refused = [result for result in results if isinstance(result, StepFailed)]
    if len(refused) > 1:
        said = "; ".join(map(str, refused))
        raise StepFailed(said, code=refused[0].code, final=all(one.final for one in refused))
    _raise_worst(results)


def _nics(count: int) -> str:
    return f"{count} NIC{'' if count == 1 else 's'}"


def runner(azure: Azure) -> StepRunner:
    """For ``step_runners``."""
    return Isolate(azure)
