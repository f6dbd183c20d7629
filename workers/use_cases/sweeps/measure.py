"""Counts for metrics what stands in the store: open questions, what is overdue, VMs that are contained."""

from datetime import timedelta

from workers.domain.ports.clock import Clock
from workers.domain.ports.store import Store
from workers.telemetry.instruments import OPEN, OVERDUE, STANDING, UNSHOWN

LATE = timedelta(minutes=1)
"""Two runs of the resync, which nudges again whatever is due: later than that, something does not work."""
_MOST = 10_000


class Measure:
    """Run by every worker; all of them tell the same."""

    name = "measure"

    def __init__(self, *, store: Store, clock: Clock, period_s: float = 60.0) -> None:
        self.period_s = period_s
        self._store = store
        self._clock = clock

    async def __call__(self) -> None:
        """Count once.

        Raises:
            DependencyAway: Redis does not answer.
        """
        now = self._clock.now()
        OPEN.set(len(await self._store.open_approvals()))
        OVERDUE.set(len(await self._store.past_due(now - LATE, limit=_MOST)))
        UNSHOWN.set(len(await self._store.unshown(now - LATE, limit=_MOST)))
        STANDING.set(len(await self._store.standing()))
