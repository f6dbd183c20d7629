"""What Azure knows about a VM."""

from datetime import datetime
from typing import Protocol

from workers.domain.starts.events import StartEvent
from workers.domain.starts.facts import Facts
from workers.domain.starts.vm import VmRef


class FactsReader(Protocol):
    """What Azure knows about a VM."""

    async def gather(
        self,
        vm: VmRef,
        *,
        budget_s: float,
        since: datetime | None = None,
        start: StartEvent | None = None,
    ) -> Facts:
        """Read everything concurrently; what does not arrive within the budget is named as missing.

        A single fact that fails raises nothing. A VM that does not exist gives ``gone=True``.

        Args:
            vm: which VM.
            budget_s: seconds to wait at most.
            since: what was read for another VM may be reused if it was read after this. By default,
                everything that can change is read now.
            start: of this VM; what its caller's role assignments are is read, too.

        Raises:
            DependencyAway: Azure does not answer at all, or throttles the very first read.
        """
        ...
