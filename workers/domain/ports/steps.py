"""How a containment step is done on Azure."""

from typing import Protocol

from workers.domain.containment.plans import Change, StepName
from workers.domain.containment.profile import LockdownProfile
from workers.domain.containment.steps import Progress, Step
from workers.domain.starts.facts import Facts
from workers.domain.starts.vm import VmRef


class StepRunner(Protocol):
    """One containment step: how to do it on Azure.

    ``begin`` and ``check`` return at once, whatever Azure takes: they start or look, and never wait.
    All raise ``StepFailed`` when Azure refuses, and ``DependencyAway`` when it doesn't answer or throttles.
    """

    name: StepName

    def plan(self, vm: VmRef, facts: Facts, profile: LockdownProfile) -> Change:
        """What this step is going to change, as far as the facts tell. Reads nothing."""
        ...

    async def begin(
        self, vm: VmRef, profile: LockdownProfile, containment_id: str, *, earlier: Change | None = None
    ) -> Progress:
        """Set it going. Idempotent: what is so already is left as it is.

        ``earlier`` is the change noted by an earlier attempt or round: what it found *before* stays *before*.
        With an empty ``after`` it is only the plan that was shown, and nothing has begun.

        The answer's ``change`` holds *before* as it is read now.
        """
        ...

    async def check(self, vm: VmRef, profile: LockdownProfile, step: Step) -> Progress:
        """Look how far it is; ``done`` only after reading the resource itself back."""
        ...

    async def undo(
        self, vm: VmRef, profile: LockdownProfile, step: Step, *, start: str | None = None
    ) -> Progress:
        """Back to ``step.change.before``, at once or a look at a time, as ``begin`` and ``check``.

        ``step`` is the undo: its token is this method's own. ``done`` only after reading back, so that one
        more call proves that it still holds. ``start`` is the correlation id under which a VM that ran before
        is to be started, too; ``None`` leaves it off.

        Raises ``StepFailed`` naming what somebody changed since.
        """
        ...
