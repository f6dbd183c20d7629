"""Whether what was done to contained VMs still holds in Azure."""

from collections.abc import Sequence
from typing import Protocol

from workers.domain.containment.containment import Containment
from workers.domain.containment.spec import StepName


class StandingReader(Protocol):
    """Re-reads containments. Writes nothing, whatever it finds.

    Both raise ``DependencyAway`` when Azure does not answer or throttles, and ``StepFailed`` when it refuses.
    """

    async def suspects(self, subscription_id: str, standing: Sequence[Containment]) -> Sequence[Containment]:
        """Those which Azure's lists show otherwise than contained, at the price of the lists.

        Lists are late, so one that looks well may have changed a moment ago, and one that does not may be
        well.

        Args:
            subscription_id: whose resources are listed.
            standing: containments of VMs in it.
        """
        ...

    async def drift(self, containment: Containment) -> dict[StepName, str]:
        """What of this one no longer holds: step → a sentence for people. Empty if all of it holds."""
        ...
