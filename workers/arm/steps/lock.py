"""Lock: a read-only lock on the VM, so that nobody can start or change it while it is contained.

It comes last, because it blocks every other write to the VM; whoever has to write takes it off first (see
``StepSpec.blocks``). A lock has no etag: it is known by its name, so writing it twice, or taking it off
twice, does no harm. It is on record before it is written, so whatever is cut off, an undo finds it.

A lock that somebody else set is left alone. Where one forbids every change already, ours would add nothing.
Source: https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from typing_extensions import override

from workers.arm.ids import name_of, same
from workers.arm.read.locks import READ_ONLY, found_in, locks_on, resource_parts
from workers.arm.read.machine import gone
from workers.arm.session.clients import Azure
from workers.arm.session.errors import Busy, asking
from workers.domain.containment.containment import Progress, Step, StepState
from workers.domain.containment.locks.others import blocking_line, of_others, our_lock_id
from workers.domain.containment.plans import Change, StepName
from workers.domain.containment.profile import LockdownProfile
from workers.domain.containment.spec import LOCK_NAME
from workers.domain.errors import NotFound
from workers.domain.ports.azure.steps import StepRunner
from workers.domain.starts.facts import Facts, LockFact
from workers.domain.starts.vm import VmRef

WRITTEN_LOOK_S = 1.0
"""Before a lock that was written, or taken off, is read back once more."""

NOTES = "Startgate contained this VM ({containment}). Restore it with /vm-restore; don't delete this lock."
_TAKEN_OFF = "taken off"
_LOCK, _CONTAINMENT = "lock", "containment"


class LockStep(StepRunner):
    """The ``StepRunner`` that locks a VM."""

    name = StepName.LOCK

    def __init__(self, azure: Azure) -> None:
        self._azure = azure

    @override
    def plan(self, vm: VmRef, facts: Facts, profile: LockdownProfile) -> Change:
        """A lock of ours, unless the facts say that somebody's forbids every change already."""
        if facts.locks is None:
            return Change(summary="put a read-only lock on the VM", details=("locks: read when it begins",))
        if others := of_others(facts.locks, vm):
            return Change(
                summary="locked already", details=tuple(map(blocking_line, others)), nothing_to_do=True
            )
        return Change(
            summary="put a read-only lock on the VM", details=(f"{vm.name}: no read-only lock → {LOCK_NAME}",)
        )

    @override
    def writes(self, vm: VmRef, facts: Facts, profile: LockdownProfile) -> tuple[str, ...]:
        """Nothing that a lock forbids: locks themselves can be written under one."""
        return ()

    @override
    async def begin(
        self, vm: VmRef, profile: LockdownProfile, containment_id: str, *, earlier: Change | None = None
    ) -> Progress:
        """Lock it, or at first only record that it will be."""
        return await self._advance(vm, earlier, containment_id)

    @override
    async def check(self, vm: VmRef, profile: LockdownProfile, step: Step) -> Progress:
        """Read back, and lock it if that is still to be done; a proof writes nothing."""
        return await self._advance(vm, step.change, "", proves=step.state is StepState.DONE)

    @override
    async def undo(
        self, vm: VmRef, profile: LockdownProfile, step: Step, *, start: str | None = None
    ) -> Progress:
        """Take our lock off, and say whose else is there."""
        try:
            locks = await locks_on(self._azure, vm)
        except NotFound:
            return Progress(done=True, note="the VM no longer exists, and no lock on it")
        if _is_ours(step.change, vm) and found_in(locks, our_lock_id(vm)) is not None:
            await self._take_off(vm)
            # Read back at the next look.
            return Progress(
                done=False,
                token=_TAKEN_OFF,
                note=f"{LOCK_NAME} taken off",
                look_again_after=timedelta(seconds=WRITTEN_LOOK_S if step.token else 0),
            )
        note = f"{LOCK_NAME} is off, read back" if _is_ours(step.change, vm) else "no lock of ours was set"
        return Progress(done=True, note="; ".join([note, *map(blocking_line, of_others(locks, vm))]))

    @override
    async def lift(self, vm: VmRef, step: Step) -> str:
        """Take our lock off, if it is there."""
        try:
            locks = await locks_on(self._azure, vm)
        except NotFound:
            return ""  # the step that is going to write says so
        if found_in(locks, our_lock_id(vm)) is not None:
            await self._take_off(vm)
        return "; ".join(map(blocking_line, of_others(locks, vm)))

    async def _advance(
        self, vm: VmRef, earlier: Change | None, containment_id: str, *, proves: bool = False
    ) -> Progress:
        try:
            locks = await locks_on(self._azure, vm)
        except NotFound:
            raise gone(vm) from None
        change = earlier if proves and earlier else _recorded(vm, locks, earlier, containment_id)
        wanted = found_in(locks, str(change.after[_LOCK]))
        if wanted is not None and wanted.read_only:
            ours = same(wanted.id, our_lock_id(vm))
            note = f"{wanted.name} read back" if ours else blocking_line(wanted)
            return Progress(done=True, note=note, change=change)
        if proves:
            return Progress(done=False, note=f"the lock {name_of(change.after[_LOCK])} was taken off")
        if change != earlier:  # on record before it is written
            return _look_again(f"{LOCK_NAME}: to be set", change, 0)
        return await self._put(vm, change)

    async def _put(self, vm: VmRef, change: Change) -> Progress:
        notes = NOTES.format(containment=change.kept.get(_CONTAINMENT) or "unknown")
        lock: Any = {"properties": {"level": READ_ONLY, "notes": notes}}
        try:
            async with asking(f"lock the VM {vm.name}"):
                await self._azure.locks(
                    vm.subscription_id
                ).management_locks.create_or_update_at_resource_level(*resource_parts(vm), LOCK_NAME, lock)
        except NotFound:
            raise gone(vm) from None
        except Busy as busy:
            return _look_again(f"{LOCK_NAME}: {busy.code}, read again", change, WRITTEN_LOOK_S)
        return _look_again(f"{LOCK_NAME} written", change, 0)

    async def _take_off(self, vm: VmRef) -> None:
        try:
            async with asking(f"take the lock {LOCK_NAME} off the VM {vm.name}"):
                await self._azure.locks(vm.subscription_id).management_locks.delete_at_resource_level(
                    *resource_parts(vm), LOCK_NAME
                )
        except NotFound:
            return


def _recorded(vm: VmRef, locks: Sequence[LockFact], earlier: Change | None, containment_id: str) -> Change:
    """What is to hold: the lock on record, somebody's that forbids every change already, or else ours."""
    ours, others = our_lock_id(vm), of_others(locks, vm)
    if earlier is not None and earlier.after and _is_ours(earlier, vm):
        return earlier
    if others and found_in(locks, ours) is None:
        return Change(
            summary="locked already",
            details=tuple(map(blocking_line, others)),
            before={_LOCK: others[0].id},
            after={_LOCK: others[0].id},
            nothing_to_do=True,
        )
    return Change(
        summary="put a read-only lock on the VM",
        details=(f"{vm.name}: no read-only lock → {LOCK_NAME}",),
        back=(f"{vm.name}: lock {LOCK_NAME} → none",),
        after={_LOCK: ours},
        kept={_CONTAINMENT: containment_id} if containment_id else {},
    )


def _is_ours(change: Change | None, vm: VmRef) -> bool:
    return change is not None and same(change.after.get(_LOCK), our_lock_id(vm))


def _look_again(note: str, change: Change, seconds: float) -> Progress:
    look = timedelta(seconds=seconds)
    return Progress(done=False, note=note, change=change, look_again_after=look)


def runner(azure: Azure) -> StepRunner:
    """For ``step_runners``."""
    return LockStep(azure)
