"""What a restore would bring back now."""

from collections.abc import Sequence
from typing import Protocol

from workers.domain.containment.containment import Containment
from workers.domain.containment.foresight.returns import Return


class ReturnReader(Protocol):
    """Compares what a containment has recorded with what is in Azure now. Writes nothing."""

    async def read(self, containment: Containment) -> Sequence[Return]:
        """For each step that changed something, in their order.

        Raises:
            DependencyAway: Azure does not answer, or throttles.
            StepFailed: Azure refuses to tell.
        """
        ...
