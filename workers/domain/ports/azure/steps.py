"""How a containment step is done on Azure."""

from typing import Protocol

from workers.domain.containment.afterwards.jobs import Job
from workers.domain.containment.by_hand import Words, commands_of
from workers.domain.containment.containment import Containment
from workers.domain.containment.plans import Change, StepName
from workers.domain.containment.profile import LockdownProfile
from workers.domain.containment.steps import Progress, Step
from workers.domain.starts.facts import Facts
from workers.domain.starts.vm import VmRef


class StepRunner(Protocol):
    """One containment step: how to do it on Azure.

    ``begin``, ``check`` and ``undo`` return at once, however long Azure takes: they start or look, and never
    wait. All raise ``StepFailed`` when Azure refuses, and ``DependencyAway`` when it doesn't answer or
    throttles.
    """

    name: StepName

    def plan(self, vm: VmRef, facts: Facts, profile: LockdownProfile) -> Change:
        """What this step is going to change, as far as the facts say. Reads nothing from Azure."""
        ...

    def by_hand(self, vm: VmRef, facts: Facts, profile: LockdownProfile) -> tuple[Words, ...]:
        """The commands by which a person does the same, in order; none where there is nothing to do.

        By default those of its ``spec``. Reads nothing from Azure.
        """
        location = facts.machine.location if facts.machine else ""
        return commands_of(self.name.spec, self.plan(vm, facts, profile), vm, location=location)

    def writes(self, vm: VmRef, facts: Facts, profile: LockdownProfile) -> tuple[str, ...]:
        """Ids of what this step writes, as far as the facts say: a lock on one of them would stop it.

        By default the VM alone. Reads nothing from Azure.
        """
        del facts, profile
        return (vm.resource_id,)

    async def begin(
        self, vm: VmRef, profile: LockdownProfile, containment_id: str, *, earlier: Change | None = None
    ) -> Progress:
        """Begin. Idempotent: what is already as it should be is left alone.

        ``earlier`` is the change that an earlier attempt or round recorded; its *before* is kept. If its
        ``after`` is empty, it is only the plan that was shown, and nothing was begun.

        The ``change`` of the result holds *before* as it is read now.
        """
        ...

    async def begin_in(self, containment: Containment, step: Step) -> Progress:
        """Begin a step of this containment: as ``begin``, for a step that has to know what it is done for.

        By default a step does not.
        """
        return await self.begin(containment.vm, containment.profile, containment.id, earlier=step.change)

    async def check(self, vm: VmRef, profile: LockdownProfile, step: Step) -> Progress:
        """See how far it is. ``done`` only after reading back the resource itself."""
        ...

    async def undo(
        self, vm: VmRef, profile: LockdownProfile, step: Step, *, start: str | None = None
    ) -> Progress:
        """Go back to ``step.change.before``: the first call begins it, and further ones see how far it is.

        ``step`` is the undo, and its token is this method's own. ``done`` only after reading back; called
        once more, it proves that this still holds. ``start`` is the correlation id for starting a VM that ran
        before; ``None`` leaves it off.

        Raises ``StepFailed`` naming what somebody else changed since.
        """
        ...

    async def lift(self, vm: VmRef, step: Step) -> str:
        """Take off what this step has put in place, so that other steps can write; it is done again later.

        For steps that block others (``StepSpec.blocks``). Idempotent. ``step`` has the change on record.

        Returns what of others' doing blocks them still, and what a person can do, as a sentence; empty if
        nothing does.
        """
        del vm, step
        return ""

    async def follow(self, vm: VmRef, job: Job) -> Job:
        """Look at a job that this step left running: the same, or ended with a note of how.

        By default a step leaves none. Raises ``StepFailed`` when Azure refuses to tell, and
        ``DependencyAway`` when it doesn't answer.
        """
        del vm
        return job
