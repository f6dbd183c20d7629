"""Looks at standing containments soon after Azure told of something that can undo one.

The event says that a network interface was written, not what changed, so what it means is found by reading.
However many come, one look covers them. The regular look finds what a process forgets that ends before it.
"""

from collections.abc import Awaitable, Callable, Sequence

import structlog

from workers.domain.audit import AuditRecord
from workers.domain.containment.afterwards.disturbances import Disturbance
from workers.domain.ids import partition_of_vm
from workers.domain.ports.clock import Clock
from workers.domain.ports.store import Commit, Store

log = structlog.get_logger(__name__)

_OURS = "startgate"
"""What the names of our locks and snapshots begin with."""


class Disturbances:
    """What came to this process and was not looked after yet.

    Attributes:
        noted: whether there is any.
    """

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self.noted = False

    async def note(self, disturbances: Sequence[Disturbance]) -> None:
        """Something was done. That a lock or a snapshot of ours was deleted goes into the audit.

        Raises:
            DependencyAway: the store does not answer.
        """
        for one in disturbances:
            name = one.resource_id.rstrip("/").rpartition("/")[2].lower()
            if one.operation.endswith("/delete") and name.startswith(_OURS):
                await self._record(one)
        self.noted = True

    async def _record(self, one: Disturbance) -> None:
        log.warning("something of ours was deleted in Azure", operation=one.operation, id=one.resource_id)
        record = AuditRecord(
            kind="azure.deleted",
            at=self._clock.now(),
            by=one.caller,
            details={"operation": one.operation, "resource_id": one.resource_id},
        )
        await self._store.commit(Commit(partition=partition_of_vm(one.resource_id), audit=(record,)))


class LookWhenDisturbed:
    """Run by every worker; each looks after what came to it.

    Args:
        disturbances: noted by whoever reads the events.
        look: re-reads what stands.
        period_s: seconds between two looks, however many events come.
    """

    name = "disturbed"

    def __init__(
        self, *, disturbances: Disturbances, look: Callable[[], Awaitable[object]], period_s: float = 5.0
    ) -> None:
        self.period_s = period_s
        self._disturbances = disturbances
        self._look = look

    async def __call__(self) -> bool:
        """Look, if anything was noted since; whether it did. A look that fails is made again."""
        if not self._disturbances.noted:
            return False
        self._disturbances.noted = False
        try:
            await self._look()
        except BaseException:
            self._disturbances.noted = True
            raise
        return True
