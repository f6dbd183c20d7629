"""A request for a restore that nobody confirmed in time is taken back."""

from workers.domain.audit import AuditRecord
from workers.domain.containment.containment import Containment
from workers.domain.ids import partition_of_id
from workers.domain.nudges import Nudge, Subject
from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Commit, Store
from workers.use_cases.conflicts import until_written
from workers.use_cases.containment.next_look import schedule_next_look


class Lapse:
    """Looks at the request of a containment that is at rest."""

    def __init__(self, *, store: Store, nudger: Nudger, clock: Clock) -> None:
        self._store = store
        self._nudger = nudger
        self._clock = clock

    async def __call__(self, containment_id: str) -> None:
        """Take the request back if its time is over, and schedule the next look.

        Raises:
            NotFound: there is no such containment.
            Conflict: others wrote in between, again and again; their writes nudge.
            DependencyAway: the store does not answer.
        """
        containment = await self._store.containment(containment_id)
        if containment.working or containment.restore_request is None:
            return
        version = await until_written(lambda: self._write(containment_id))
        if version is not None:
            nudge = Nudge(subject=Subject.CONTAINMENT, id=containment_id, version=version)
            await self._nudger.notices(nudge)
            return
        nudge = Nudge(subject=Subject.CONTAINMENT, id=containment_id, version=containment.version)
        await schedule_next_look(self._store, self._nudger, self._clock, nudge, containment.due_at())

    async def _write(self, containment_id: str) -> int | None:
        """Write that it has expired; the version that says so, or ``None`` if it has not."""
        containment = await self._store.containment(containment_id)
        request, now = containment.restore_request, self._clock.now()
        if containment.working or request is None or now < request.expires_at:
            return None
        await self._store.commit(
            Commit(
                partition=partition_of_id(containment_id),
                documents=(containment.changed(restore_request=None),),
                audit=(expired(containment, self._clock),),
            )
        )
        return containment.version + 1


def expired(containment: Containment, clock: Clock) -> AuditRecord:
    """The record of a request that came to nothing."""
    request = containment.restore_request
    return AuditRecord(
        kind="restore.request-expired",
        at=clock.now(),
        about=containment.id,
        vm=containment.vm.key,
        details={"by": request.by.label if request else "", "reason": request.reason if request else ""},
    )
