"""Goes through a containment up to its first write: every read, and every check of a right."""

from workers.domain.containment.foresight.drills import LOCKS_AND_RIGHTS, Drill, Obstacle
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import StepFailed
from workers.domain.ports.azure.obstacles import ObstacleReader
from workers.domain.starts.facts import MissingFact
from workers.domain.starts.vm import VmRef
from workers.use_cases.orders.looking.foresee import Foresee


class Rehearse:
    """Drills one VM."""

    def __init__(self, *, foresee: Foresee, obstacles: ObstacleReader) -> None:
        self._foresee = foresee
        self._obstacles = obstacles

    async def __call__(self, vm: VmRef, profile: LockdownProfile, *, closer: bool = True) -> Drill:
        """What this profile would do to this VM now, and what would stop it.

        Args:
            vm: which VM.
            profile: what a lockdown would do.
            closer: also read what is around the VM.

        Raises:
            NotFound: Azure says that the VM does not exist.
            DependencyAway: Azure does not answer, or throttles.
        """
        foreseen = await self._foresee(vm, profile, closer=closer)
        missing, plan = foreseen.facts.missing, foreseen.plan
        steps = [one.step for one in plan.steps if not one.change.nothing_to_do and not one.change.skipped]
        found: tuple[Obstacle, ...] = ()
        if foreseen.guarded:
            return Drill(plan=plan, missing=missing, guarded=foreseen.guarded)
        try:
            found = tuple(await self._obstacles.read(vm, foreseen.facts, profile, steps))
        except StepFailed as refused:
            missing = (*missing, MissingFact(name=LOCKS_AND_RIGHTS, reason=refused.diagnostics()))
        return Drill(plan=plan, obstacles=found, missing=missing)
