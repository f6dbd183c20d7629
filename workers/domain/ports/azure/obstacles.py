"""What would keep a containment from happening."""

from collections.abc import Sequence
from typing import Protocol

from workers.domain.containment.foresight.drills import Obstacle
from workers.domain.containment.profile import LockdownProfile
from workers.domain.containment.spec import StepName
from workers.domain.starts.facts import Facts
from workers.domain.starts.vm import VmRef


class ObstacleReader(Protocol):
    """Checks locks and our rights for the writes of a containment, and writes nothing."""

    async def read(
        self, vm: VmRef, facts: Facts, profile: LockdownProfile, steps: Sequence[StepName]
    ) -> Sequence[Obstacle]:
        """What would make these steps fail.

        Raises:
            DependencyAway: Azure does not answer, or throttles.
            StepFailed: Azure refuses to tell; says which right to read is missing.
        """
        ...
