"""Isolate: the lockdown NSG on every NIC of the VM, and back.

``begin`` and ``check`` are one and the same: read the VM, its NICs and the NSG as they are now, and do what
is still to be done. Two rules make that safe:

- Nothing is written before it is on record what was: a NIC is changed only when ``earlier`` names the NSG it
  carries. Otherwise the answer carries the record, and the next look acts. So whatever is cut off, the former
  NSG is known, and it is never the lockdown NSG.
- A NIC is written back as it was read, on the condition that its etag is still the one read.

Open flows: a stop ends them. Where the VM is not stopped, the NSG is rewritten once the NICs have it: more
can't be done to end them, see ``lockdown_nsg``.

A subnet's NSG is shared with other machines and never touched.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from typing_extensions import override

from workers.arm.ids import name_of, same
from workers.arm.read.machine import nic_ids, read_machine_to_contain
from workers.arm.read.networking import network
from workers.arm.session.clients import Azure
from workers.arm.session.errors import Busy, raise_worst
from workers.arm.steps.isolation import by_hand, classic, made_nsg, undo, writes
from workers.arm.steps.isolation.limits import limits
from workers.arm.steps.isolation.lockdown import lockdown_nsg_id, said_in
from workers.arm.steps.isolation.made_nsg import LockdownNsg
from workers.arm.steps.isolation.record import (
    containment_of,
    counted_nics,
    flushed_nics,
    is_ours,
    may_write,
    recorded,
    seen_before,
    with_flushed,
    with_seen,
)
from workers.domain.containment.by_hand import Words
from workers.domain.containment.containment import Progress, Step, StepState
from workers.domain.containment.plans import Change, StepName
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import DependencyAway, NotFound, StartgateError
from workers.domain.ports.azure.steps import StepRunner
from workers.domain.starts.facts import Facts
from workers.domain.starts.vm import VmRef

FIRST_LOOK_S = 0.25
LAST_LOOK_S = 5.0
"""Looks begin close together and grow apart: Azure allows 12 reads a minute of one VM, 36 in a burst."""

REWRITTEN_S = 2.0
"""Seconds to wait for an NSG that another VM's containment is rewriting."""

FLUSHED = "open connections flushed by a rewritten rule"
"""Said where the VM is not stopped. What Azure does with it, ``lockdown_nsg`` says."""
NOT_FLUSHED = "open connections may go on: a prepared group is not rewritten"

_Json = dict[str, Any]


class Isolate(StepRunner):
    """The ``StepRunner`` that cuts a VM off the network."""

    name = StepName.ISOLATE

    def __init__(self, azure: Azure) -> None:
        self._azure = azure

    @override
    def plan(self, vm: VmRef, facts: Facts, profile: LockdownProfile) -> Change:
        """Which NICs get the lockdown NSG, as far as the facts tell."""
        if vm.classic:
            return classic.plan(profile)
        if facts.machine is None or facts.network is None:
            return Change(summary="isolate every NIC", details=("NICs: read when it begins",))
        target_id = lockdown_nsg_id(vm, profile, facts.machine.location)
        target = name_of(target_id)
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
        if StepName.STOP not in profile.steps and profile.isolate.nsg is not None:
            details.append(NOT_FLUSHED)
        elif StepName.STOP not in profile.steps:
            details.append("then the group is rewritten, so that open connections end")
        details += limits(profile, facts.machine)
        count = len(facts.machine.nic_ids)
        return Change(
            summary=f"isolate {counted_nics(count)} with {target}",
            details=tuple(details),
            # Left for ``begin``: the former NSGs as they were when the owner was shown this plan.
            before={nic_id: nsg_id for nic_id, nsg_id in others.items() if not is_ours(nsg_id, target_id)},
            nothing_to_do=not others and len(known) == count,
        )

    @override
    def by_hand(self, vm: VmRef, facts: Facts, profile: LockdownProfile) -> tuple[Words, ...]:
        """The security group, its rules, and then each NIC that does not carry it yet."""
        return by_hand.commands(vm, facts, profile)

    @override
    def writes(self, vm: VmRef, facts: Facts, profile: LockdownProfile) -> tuple[str, ...]:
        """Every NIC, and the security group unless it is prepared."""
        if vm.classic or facts.machine is None:
            return (vm.resource_id,)
        made = profile.isolate.nsg is None
        group = (lockdown_nsg_id(vm, profile, facts.machine.location),) if made else ()
        return (*facts.machine.nic_ids, *group)

    @override
    async def begin(
        self, vm: VmRef, profile: LockdownProfile, containment_id: str, *, earlier: Change | None = None
    ) -> Progress:
        """Isolate, or at first only record what was."""
        if vm.classic:
            return await classic.advance(self._azure, vm, profile, earlier)
        return await self._advance(vm, profile, earlier, looks=0, containment_id=containment_id)

    @override
    async def check(self, vm: VmRef, profile: LockdownProfile, step: Step) -> Progress:
        """Read back, and do what is still to be done: a NIC attached meanwhile is isolated too."""
        if vm.classic:
            return await classic.advance(self._azure, vm, profile, step.change)
        looks = int(step.token) if step.token.isdigit() else 0
        proves = step.state is StepState.DONE
        return await self._advance(vm, profile, step.change, looks=looks + 1, proves=proves)

    @override
    async def undo(
        self, vm: VmRef, profile: LockdownProfile, step: Step, *, start: str | None = None
    ) -> Progress:
        """Give each NIC its former NSG, unless somebody has put another one on it since."""
        if vm.classic:
            return await classic.undo(self._azure, vm, step.change)
        return await undo.undo(self._azure, step)

    async def _advance(
        self,
        vm: VmRef,
        profile: LockdownProfile,
        earlier: Change | None,
        *,
        looks: int,
        containment_id: str = "",
        proves: bool = False,
    ) -> Progress:
        machine = await read_machine_to_contain(self._azure, vm)
        attached = nic_ids(machine)
        if not attached:
            change = earlier or Change(summary="nothing to isolate: no network interface", nothing_to_do=True)
            return Progress(done=True, note="no network interface", change=change)
        wanted = LockdownNsg(vm, profile, machine["location"], containment_id or containment_of(earlier))
        nsg, *nics = await asyncio.gather(
            network.find_nsg(self._azure, wanted.id), *(self._read_attached(nic_id) for nic_id in attached)
        )
        present = [nic for nic in nics if nic is not None]
        change = recorded(present, wanted.id, earlier, containment_id)
        if proves and nsg is not None and made_nsg.being_written(wanted, nsg):
            # Another VM's containment rewrites it. That undoes nothing here, so it is only waited for.
            raise DependencyAway("azure", f"{wanted.name} is being written", retry_after_s=REWRITTEN_S)
        awaited = await made_nsg.prepare(self._azure, wanted, nsg)
        results = await asyncio.gather(
            *(self._isolate(nic, wanted.id, earlier, ready=not awaited) for nic in present),
            return_exceptions=True,
        )
        raise_worst(results)
        waiting = [note for note in (awaited, *results) if isinstance(note, str) and note]
        if nsg is not None and not waiting and len(present) == len(attached):
            return await self._isolated(wanted, nsg, present, change, looks)
        # What has just been put on record can be acted on at once.
        at_once = not awaited and change != earlier
        return _look_again(looks, "; ".join(waiting), change, at_once=at_once)

    async def _isolated(
        self, wanted: LockdownNsg, nsg: _Json, nics: Sequence[_Json], change: Change, looks: int
    ) -> Progress:
        """Every NIC reads back as isolated. Where the VM is not stopped, its open flows are flushed, too."""
        note = f"{counted_nics(len(nics))} with {wanted.name}, rules read back"
        if StepName.STOP in wanted.profile.steps:  # which ends every flow
            return Progress(done=True, note=note, change=change)
        if wanted.prepared:
            return Progress(done=True, note=f"{note}; {NOT_FLUSHED}", change=change)
        said = said_in(nsg)
        if seen_before(change) not in (None, said):  # another VM's containment rewrote it meanwhile
            change = with_flushed(change, nics)
        if all(nic["id"].lower() in flushed_nics(change) for nic in nics):
            return Progress(done=True, note=f"{note}; {FLUSHED}", change=change)
        why_not = await made_nsg.flush(self._azure, wanted, nsg)
        if why_not:
            return _look_again(looks, why_not, with_seen(change, said))
        note = f"isolated; rewriting {wanted.name}, so that open connections end"
        return _look_again(looks, note, with_flushed(change, nics))

    async def _read_attached(self, nic_id: str) -> _Json | None:
        try:
            return await network.read_nic(self._azure, nic_id)
        except NotFound:
            return None  # taken off and deleted since the VM was read; the next look sees the VM without it

    async def _isolate(self, nic: _Json, target: str, earlier: Change | None, *, ready: bool) -> str | None:
        """Bring one NIC forward; what is still awaited, or ``None`` when it reads back as isolated."""
        current = network.nsg_of(nic)
        if same(current, target) and not network.same_state(nic, network.FAILED):
            return None if network.settled(nic) else f"{nic['name']} is being written"
        if not ready or not may_write(nic, target, earlier):
            return f"{nic['name']} still has {name_of(current)}"
        try:
            await writes.put_nsg_on_nic(self._azure, nic, target)
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


def _look_again(looks: int, note: str, change: Change, *, at_once: bool = False) -> Progress:
    seconds = 0 if at_once else min(FIRST_LOOK_S + looks / 2, LAST_LOOK_S)
    return Progress.waiting(str(looks), seconds, note, change)


def runner(azure: Azure) -> StepRunner:
    """For ``step_runners``."""
    return Isolate(azure)
