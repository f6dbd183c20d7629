"""Makes a VM that has everything, goes on after a failure, and takes back what it has made.

Nothing is remembered but in Azure: names follow from the VM's name, and tags say for which VM and by which
specification a resource was made. What has one of those names and not our tags is never written.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from workers.arm.hardening.parts import Part, parts, vm_of
from workers.arm.hardening.requirements import REQUIREMENTS
from workers.arm.hardening.resources import Resources, ended_badly, made_by, made_for
from workers.arm.hardening.spec import VmSpec
from workers.arm.read import backup
from workers.arm.read.defender import vm_plan
from workers.arm.session.clients import Azure
from workers.arm.session.errors import Busy
from workers.arm.steps.backup import Backup
from workers.arm.steps.defender import Defender
from workers.arm.steps.encryption.support import unsupported
from workers.domain.containment.containment import Step, StepState
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import StepFailed
from workers.domain.ports.azure.steps import StepRunner

_MOST_LOOKS = 600


class Mark(StrEnum):
    """What was, or would be, done with something."""

    MADE = "+"
    THERE = "="
    GONE = "-"


class Told(NamedTuple):
    """A line of progress."""

    mark: Mark
    said: str


class Birth:
    """One VM, from its specification.

    Args:
        azure: the clients.
        spec: what is to be made.
        profile: the lockdown profile that its ``network.nsg`` names, if it names one.
    """

    def __init__(self, azure: Azure, spec: VmSpec, profile: LockdownProfile | None) -> None:
        self._azure = azure
        self._spec = spec
        self._parts = parts(spec, profile)
        self._resources = Resources(azure)
        self.vm = vm_of(spec)

    async def plan(self) -> AsyncIterator[Told]:
        """What would be made, and what is there. Writes nothing.

        Raises:
            StepFailed: something is in the way, and why.
        """
        found = await self._found()
        for part, there in zip(self._parts, found, strict=True):
            yield Told(Mark.THERE if there and not ended_badly(there) else Mark.MADE, _words(part))
        for said, done in await self._protections(found[-1]):
            yield Told(Mark.THERE if done else Mark.MADE, said)

    async def make(self) -> AsyncIterator[Told]:
        """Make what is missing, one after the other; a line for each once it is there.

        Raises:
            StepFailed: something is in the way, or Azure refuses. Run again, it goes on from there.
            DependencyAway: Azure does not answer; the same.
        """
        found = await self._found()
        for part, there in zip(self._parts, found, strict=True):
            if there is not None and not ended_badly(there):
                await self._resources.wait(part)
                yield Told(Mark.THERE, _words(part))
                continue
            try:
                await self._resources.make(part, there)
            except Busy as busy:
                raise StepFailed(
                    f"somebody else writes the {part.title} {part.name}: {busy}; run this again",
                    code=busy.code,
                ) from None
            yield Told(Mark.MADE, _words(part))
        yield await self._by_step(Defender(self._azure), _DEFENDER)
        if await self._protected():  # the step would take another backup
            yield Told(Mark.THERE, _BACKUP)
        else:
            yield await self._by_step(Backup(self._azure), _BACKUP)

    async def left(self) -> list[Part]:
        """What was made for this VM, by any version of its specification, in the order of its deletion.

        Raises:
            StepFailed: the VM is complete, and in use as far as anybody can tell.
        """
        found = [await self._resources.find(part) for part in self._parts]
        ours = [
            part
            for part, there in zip(self._parts, found, strict=True)
            if there is not None and made_for(there, self._spec.name)
        ]
        machine = found[-1]
        if machine is not None and self._parts[-1] in ours and await self._complete(machine):
            raise StepFailed(
                f"{self._spec.name} is complete, so there is nothing to abort; if you mean to delete it, do "
                "so in Azure, and stop its backup first",
                code="Complete",
                final=True,
            )
        return ours[::-1]

    async def abort(self, left: Sequence[Part]) -> AsyncIterator[Told]:
        """Delete what is ``left``; a line for each once it is gone. What others made stays."""
        for part in left:
            await self._resources.delete(part)
            yield Told(Mark.GONE, f"{part.title} {part.name}")

    def gives(self) -> list[str]:
        """Titles of the requirements that the VM will meet, in the order of the list."""
        met = _LATER.union(*(part.gives for part in self._parts))
        return [one.title for one in REQUIREMENTS if one.name in met]

    async def _found(self) -> list[dict[str, Any] | None]:
        """What is there of the parts.

        Raises:
            StepFailed: one of the names is taken, or was made by another version of the specification; or the
                VM could not be encrypted at its host.
        """
        found = [await self._resources.find(part) for part in self._parts]
        for part, there in zip(self._parts, found, strict=True):
            if there is None:
                continue
            if not made_for(there, self._spec.name):
                raise StepFailed(
                    f"there is a {part.title} {part.name} already, and it was not made for this; it is never "
                    "overwritten. Choose another name, or another resource_group",
                    code="AlreadyThere",
                    final=True,
                )
            if made_by(there) != self._spec.digest:
                raise StepFailed(
                    f"the {part.title} {part.name} was made by another version of this specification; give "
                    "that version to go on, or --abort to begin anew",
                    code="AnotherSpec",
                    final=True,
                )
        if found[-1] is None:
            await self._check_encryption()
        return found

    async def _check_encryption(self) -> None:
        """Azure would refuse the VM itself, which comes last: it is told before anything is made."""
        if why := await unsupported(self._azure, self.vm, self._parts[-1].body):
            raise StepFailed(
                f"{self._spec.name} can't be encrypted at host: {why}", code="NoEncryptionAtHost", final=True
            )

    async def _complete(self, machine: dict[str, Any]) -> bool:
        """Whether the last thing is done: it is backed up."""
        return not ended_badly(machine) and await self._protected()

    async def _protections(self, machine: dict[str, Any] | None) -> list[tuple[str, bool]]:
        if machine is None:
            return [(_DEFENDER, False), (_BACKUP, False)]
        return [(_DEFENDER, (await vm_plan(self._azure, self.vm)).on), (_BACKUP, await self._protected())]

    async def _protected(self) -> bool:
        return backup.is_protected(await backup.backup_status(self._azure, self.vm, self._spec.location))

    async def _by_step(self, runner: StepRunner, title: str) -> Told:
        """Have a step of a containment do it, look by look."""
        profile = LockdownProfile(
            name="born", steps=(runner.name,), backup=self._spec.backup, tags=dict(self._spec.tags)
        )
        step = Step(name=runner.name, state=StepState.STARTED)
        progress = await runner.begin(self.vm, profile, "", earlier=None)
        looks = 0
        while not progress.done:
            if progress.again or looks == _MOST_LOOKS:
                raise StepFailed(f"{title} is not there yet: {progress.note}; run this again", code="NotYet")
            looks += 1
            await asyncio.sleep(progress.look_again_after.total_seconds())
            step = step.changed(token=progress.token, change=progress.change or step.change)
            progress = await runner.check(self.vm, profile, step)
        note = progress.note or (progress.change.summary if progress.change else "")
        return Told(Mark.MADE if looks else Mark.THERE, f"{title}: {note}")


_DEFENDER = "Defender for Servers"
_BACKUP = "backup"

_LATER = frozenset({"defender", "backup"})
"""Requirements that are met once the VM is there."""


def _words(part: Part) -> str:
    return f"{part.title} {part.name}" + (f": {part.said}" if part.said else "")
