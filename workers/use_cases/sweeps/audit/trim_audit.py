"""Trims the audit: records older than the retention are removed."""

from datetime import timedelta

from workers.domain.ports.audit.trimmer import AuditTrimmer
from workers.domain.ports.clock import Clock
from workers.domain.ports.store import Store


class TrimAudit:
    """Has the audit trimmed every hour."""

    name = "audit-retention"
    period_s = 3600.0

    def __init__(self, *, trimmer: AuditTrimmer, store: Store, clock: Clock, retention: timedelta) -> None:
        self._trimmer = trimmer
        self._store = store
        self._clock = clock
        self._retention = retention

    async def __call__(self) -> int:
        """Trim once; returns how many records were removed.

        Raises:
            DependencyAway: Redis does not answer.
        """
        return await self._trimmer.trim(self._store, self._clock, retention=self._retention)
