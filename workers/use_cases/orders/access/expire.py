"""The time of a request for what needs two persons is over: nothing was changed, and its card says so."""

from workers.domain.asking.access import AccessRequest
from workers.domain.audit import AuditRecord
from workers.domain.ids import partition_of_id
from workers.domain.nudges import Nudge, Subject
from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Commit, Store
from workers.use_cases.conflicts import until_written


class ExpireAccess:
    """Looks at a request again."""

    def __init__(self, *, store: Store, nudger: Nudger, clock: Clock) -> None:
        self._store = store
        self._nudger = nudger
        self._clock = clock

    async def __call__(self, request_id: str) -> None:
        """Note it if its time is over. Doing it again changes nothing.

        Raises:
            NotFound: there is no such request.
        """
        ended = await until_written(lambda: self._write(request_id))
        if ended is not None:
            nudge = Nudge(subject=Subject.ACCESS, id=request_id, version=ended.version + 1)
            await self._nudger.notices(nudge)

    async def _write(self, request_id: str) -> AccessRequest | None:
        before, now = await self._store.access_request(request_id), self._clock.now()
        after = before.expired(now)
        if after == before:
            return None
        record = AuditRecord(
            kind="access.expired",
            at=now,
            about=after.id,
            vm=after.vm_key,
            details={**after.summary, "requested_by": after.request.by.label},
        )
        await self._store.commit(
            Commit(partition=partition_of_id(after.id), documents=(after,), audit=(record,))
        )
        return after
