"""What Azure knows about a VM."""

from datetime import datetime
from typing import Protocol

from workers.domain.starts.facts import Facts
from workers.domain.starts.vm import VmRef


class FactsReader(Protocol):
    """What Azure knows about a VM."""

    async def gather(self, vm: VmRef, *, budget_s: float, since: datetime | None = None) -> Facts:
        """Read everything concurrently; what does not come within the budget is named as missing.

        What was read a moment ago, for another VM, will do if that was after ``since``; otherwise, everything
        that changes is read now.

        Never raises for a single fact that fails. A VM that does not exist gives ``gone=True``.

        Raises:
            DependencyAway: Azure does not answer at all, or throttles the very first read.
        """
        ...
