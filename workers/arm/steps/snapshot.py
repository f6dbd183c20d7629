"""Snapshot: incremental snapshots of the OS disk and the data disks, as evidence.

They are taken once the VM has been stopped, when its disks are quiet. What is going to be taken is on record
before it is asked for, under names that anybody would choose again. So an attempt that was cut off is found,
and never repeated. A snapshot of a disk that Azure has already is left as it is.

In a further round of one containment a disk gets another snapshot only if its VM was started or stopped since
the last one: otherwise nobody can have written to it. Where Azure doesn't say when that was, there is one
snapshot a containment. Nothing is deleted, neither by a further round nor by a restore.
Source: https://learn.microsoft.com/azure/virtual-machines/disks-incremental-snapshots
"""

import asyncio
from typing import Any, NamedTuple

from typing_extensions import override

from workers.arm.ids import group_id, name_of, same
from workers.arm.read.disks import VmDisk, disks_of, find_snapshot, held_since, read_disk
from workers.arm.read.machine import power_of, read_machine_to_contain
from workers.arm.session.clients import Azure
from workers.arm.session.errors import Busy, raise_worst
from workers.arm.session.longrunning import Outcome, next_look_s, operation_status
from workers.arm.steps.evidence import words
from workers.arm.steps.evidence.targets import Target, Token, tags_for, target_of
from workers.arm.steps.evidence.writes import put_snapshot
from workers.domain.containment.by_hand import Words
from workers.domain.containment.containment import Containment, Progress, Step
from workers.domain.containment.plans import Change, StepName
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import NotFound, StepFailed
from workers.domain.ports.azure.steps import StepRunner
from workers.domain.starts.facts import Facts
from workers.domain.starts.vm import VmRef

USUAL_LOOK_S = 3.0
_ENDED_BADLY = frozenset({"failed", "canceled", "cancelled"})


class _Look(NamedTuple):
    """One snapshot as it was just seen: there, or still awaited."""

    target: Target
    snapshot: dict[str, Any] | None = None
    wait_s: float = USUAL_LOOK_S
    note: str = ""


class Snapshot(StepRunner):
    """The ``StepRunner`` that takes snapshots of a VM's disks."""

    name = StepName.SNAPSHOT

    def __init__(self, azure: Azure) -> None:
        self._azure = azure

    @override
    def plan(self, vm: VmRef, facts: Facts, profile: LockdownProfile) -> Change:
        """That snapshots are taken, and of what none can be."""
        return words.planned(vm, facts, profile)

    @override
    def by_hand(self, vm: VmRef, facts: Facts, profile: LockdownProfile) -> tuple[Words, ...]:
        """A command for each disk."""
        return words.by_hand(vm, facts, profile)

    def writes(self, vm: VmRef, facts: Facts, profile: LockdownProfile) -> tuple[str, ...]:
        """A snapshot beside the VM, or in the profile's group; the disks themselves stay as they are."""
        del facts
        group = group_id(vm.subscription_id, profile.resource_group or vm.resource_group)
        return (f"{group}/providers/Microsoft.Compute/snapshots/{vm.name}",)

    @override
    async def begin_in(self, containment: Containment, step: Step) -> Progress:
        """As ``begin``; the snapshots say what they are evidence of."""
        return await self._begin(
            containment.vm, containment.profile, containment.id, containment, step.change
        )

    @override
    async def begin(
        self, vm: VmRef, profile: LockdownProfile, containment_id: str, *, earlier: Change | None = None
    ) -> Progress:
        """Find out which snapshots are to be taken, and put that on record before any is asked for."""
        return await self._begin(vm, profile, containment_id, None, earlier)

    async def _begin(
        self,
        vm: VmRef,
        profile: LockdownProfile,
        containment_id: str,
        containment: Containment | None,
        earlier: Change | None,
    ) -> Progress:
        if vm.classic:
            return _left_out(words.CLASSIC)
        machine = await read_machine_to_contain(self._azure, vm)
        used = disks_of(machine)
        found = await self._read([one for one in used if not words.not_taken(one)])
        said = [why for one in used if (why := words.not_taken(one))]
        said += [f"{one.name}: it no longer exists" for one, disk in found if disk is None]
        disks = [(one, disk) for one, disk in found if disk is not None]
        if not disks:
            return _left_out("; ".join(said) or "the VM has no disks")
        said += words.not_quiet(power_of(machine))
        said += [line for _, disk in disks for line in words.noteworthy(disk)]
        targets = tuple(target_of(vm, profile, containment_id, one, disk) for one, disk in disks)
        held = {disk["id"]: held_since(disk) for _, disk in disks}
        change = words.change(targets, held, said, earlier)
        token = Token(targets=targets, tags=tags_for(profile, containment_id, containment))
        return Progress.waiting(token.model_dump_json(), 0, change.summary, change)

    @override
    async def check(self, vm: VmRef, profile: LockdownProfile, step: Step) -> Progress:
        """Ask for what is missing, look at what is under way, and read back what has ended."""
        if not step.token:
            return await self._verify(step)
        token = Token.model_validate_json(step.token)
        results = await asyncio.gather(
            *(self._look(profile, target, token.tags) for target in token.targets), return_exceptions=True
        )
        raise_worst(results)
        looks = [one for one in results if isinstance(one, _Look)]
        waited_for = [one for one in looks if one.snapshot is None]
        if not waited_for:
            return Progress(done=True, note=words.done([s for _, s, *_ in looks if s], step.change))
        return Progress.waiting(
            token.changed(targets=tuple(one.target for one in looks)).model_dump_json(),
            min(one.wait_s for one in waited_for),
            "; ".join(dict.fromkeys(one.note for one in waited_for)),
        )

    @override
    async def undo(
        self, vm: VmRef, profile: LockdownProfile, step: Step, *, start: str | None = None
    ) -> Progress:
        """Keep them: they are evidence, and whoever needs them no longer deletes them."""
        return Progress(done=True, note=words.kept(step.change))

    async def _read(self, used: list[VmDisk]) -> list[tuple[VmDisk, dict[str, Any] | None]]:
        """The disks; ``None`` for one that was taken off and deleted since the VM was read."""
        results = await asyncio.gather(
            *(read_disk(self._azure, one.id) for one in used), return_exceptions=True
        )
        raise_worst([one for one in results if not isinstance(one, NotFound)])
        return [
            (one, None if isinstance(disk, BaseException) else disk)
            for one, disk in zip(used, results, strict=True)
        ]

    async def _look(self, profile: LockdownProfile, target: Target, tags: dict[str, str]) -> _Look:
        name = name_of(target.snapshot)
        if target.operation:
            state = await operation_status(self._azure, target.operation, f"take the snapshot {name}")
            if state.outcome is Outcome.RUNNING:
                return _Look(
                    target, None, next_look_s(state.retry_after_s, usual_s=USUAL_LOOK_S), _taking(target)
                )
            if state.outcome is Outcome.FAILED:
                why = f"{state.code}: {state.message}"
                raise StepFailed(
                    f"Azure could not take a snapshot of {name_of(target.disk)}: {why}", code=state.code
                )
        found = await find_snapshot(self._azure, target.snapshot)
        if found is None or _state(found) in _ENDED_BADLY:
            return await self._take(profile, target, tags)
        _check_source(found, target)
        if _state(found) not in ("succeeded", ""):
            return _Look(target.changed(operation=""), None, USUAL_LOOK_S, _taking(target))
        return _Look(target, found)

    async def _take(self, profile: LockdownProfile, target: Target, tags: dict[str, str]) -> _Look:
        try:
            disk = await read_disk(self._azure, target.disk)
        except NotFound:
            raise StepFailed(
                f"the disk {name_of(target.disk)} no longer exists", code="ResourceNotFound"
            ) from None
        try:
            accepted = await put_snapshot(self._azure, target, disk, tags)
        except Busy as busy:
            return _Look(target.changed(operation=""), None, USUAL_LOOK_S, str(busy))
        except NotFound:
            raise StepFailed(
                f"the resource group {target.snapshot.split('/')[4]} for the snapshots does not exist in the "
                f"VM's subscription; create it, or name another one in the lockdown profile {profile.name}",
                code="ResourceGroupNotFound",
                final=True,
            ) from None
        wait = next_look_s(accepted.retry_after_s, usual_s=USUAL_LOOK_S)
        return _Look(target.changed(operation=accepted.url), None, wait, _taking(target))

    async def _verify(self, step: Step) -> Progress:
        """A step that is done: every snapshot is there, and its disk was not in use since."""
        change = step.change or Change(summary="")
        held = change.kept.get(words.HELD) or {}
        results = await asyncio.gather(
            *(self._gone(disk, snapshot, held.get(disk, "")) for disk, snapshot in change.after.items()),
            return_exceptions=True,
        )
        raise_worst(results)
        gone = [str(said) for said in results if said]
        if gone:
            return Progress(done=False, again=True, undone=True, note="; ".join(gone))
        return Progress(done=True, note=step.note)

    async def _gone(self, disk_id: str, snapshot_id: str, held: str) -> str:
        """Why a snapshot is no longer what it was; empty if it is."""
        snapshot = await find_snapshot(self._azure, snapshot_id)
        if snapshot is None or _state(snapshot) not in ("succeeded", ""):
            return f"{name_of(snapshot_id)} of {name_of(disk_id)} does not read back"
        try:
            disk = await read_disk(self._azure, disk_id)
        except NotFound:
            return ""  # the snapshot is all that is left of it
        used = held_since(disk) != held
        return f"{name_of(disk_id)} was in use since its snapshot" if used else ""


def _check_source(snapshot: dict[str, Any], target: Target) -> None:
    """Raise if somebody else's snapshot has the name."""
    source = ((snapshot.get("properties") or {}).get("creationData") or {}).get("sourceResourceId")
    if not same(source, target.disk):
        raise StepFailed(
            f"{name_of(target.snapshot)} exists, and is no snapshot of {name_of(target.disk)}: delete it, or "
            "name another resource group in the lockdown profile",
            code="SnapshotNameTaken",
            final=True,
        )


def _state(snapshot: dict[str, Any]) -> str:
    return str((snapshot.get("properties") or {}).get("provisioningState") or "").lower()


def _taking(target: Target) -> str:
    return f"taking a snapshot of {name_of(target.disk)}"


def _left_out(why: str) -> Progress:
    return Progress(done=True, note=why, change=words.left_out(why))


def runner(azure: Azure) -> StepRunner:
    """For ``step_runners``."""
    return Snapshot(azure)
