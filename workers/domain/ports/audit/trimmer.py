"""The end of the audit's retention."""

from datetime import timedelta
from typing import Protocol

from workers.domain.ports.clock import Clock
from workers.domain.ports.store import Store


class AuditTrimmer(Protocol):
    """Removes audit records that are older than the retention, and says so in the audit."""

    async def trim(self, store: Store, clock: Clock, *, retention: timedelta) -> int:
        """Remove them; returns how many.

        Args:
            store: takes the record that says from where on the audit is kept.
            clock: tells how old records are.
            retention: how long records are kept.

        Raises:
            DependencyAway: Redis does not answer.
        """
        ...
