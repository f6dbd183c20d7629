"""A VM was started again while it is contained, or while it is being contained: it is stopped again at once.

Nobody is asked. One that was contained goes through another round; one that is being contained goes on, with
its stop begun anew.
"""

from datetime import datetime, timedelta

from workers.domain.audit import AuditRecord
from workers.domain.containment.containment import Containment, ContainmentState, Restart
from workers.domain.errors import NotFound
from workers.domain.ids import partition_of_id
from workers.domain.nudges import Nudge, Subject
from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Commit, Remembered, Store
from workers.domain.starts.events import StartEvent
from workers.domain.starts.past.entries import of_event
from workers.use_cases.conflicts import until_written

CLOCK_MARGIN = timedelta(seconds=5)
"""A start that Azure dates this shortly before our proof or our stop may have come after it: clocks differ.

It is stopped again then, which is the safe side. The margin is small, because the event of the very start
that led to the containment is dated before the proof, too, and may come after it.
"""
TOLD_AGAIN_AFTER = timedelta(days=1)
"""A VM that somebody starts time and again must not call on-call each time."""


class Recontain:
    """Begins another round of a standing containment."""

    def __init__(self, *, store: Store, nudger: Nudger, clock: Clock) -> None:
        self._store = store
        self._nudger = nudger
        self._clock = clock

    async def __call__(self, containment_id: str, event: StartEvent) -> bool:
        """Contain it again. ``False`` if the containment no longer stands: the start must be asked about."""
        written = await until_written(lambda: self._write(containment_id, event))
        if written is None:
            return False
        nudge = Nudge(subject=Subject.CONTAINMENT, id=written.id, version=written.version + 1)
        await self._nudger.work(nudge)
        await self._nudger.notices(nudge)
        return True

    async def _write(self, containment_id: str, event: StartEvent) -> Containment | None:
        try:
            containment = await self._store.containment(containment_id)
        except NotFound:
            return None
        if not containment.active or containment.state is ContainmentState.RESTORING:
            return None
        now = self._clock.now()
        proven = containment.verified_at
        if containment.working:
            # A start from before the stop was begun is the one that led here, or as good as that.
            again = containment.started_again(event.at + CLOCK_MARGIN, now)
        elif proven is not None and event.at < proven - CLOCK_MARGIN:
            # It arrived late: the VM was read back as stopped after it.
            again = containment
        else:
            again = containment.once_more(now)
        covered = again == containment
        if not covered:
            again = _told(again, event, now)
        fresh = await self._store.commit(
            Commit(
                partition=partition_of_id(containment.id),
                documents=() if covered else (again,),
                # Two events of the same start must not begin two rounds.
                once=f"recontain:{event.dedupe_key_at_its_time}",
                past=Remembered(event.vm, of_event(event)),
                audit=(
                    AuditRecord(
                        kind=_kind(containment, again),
                        at=now,
                        about=containment.id,
                        vm=containment.vm.key,
                        by=event.caller.label[:200],
                        details={"correlation_id": event.correlation_id, "round": again.round},
                    ),
                ),
            )
        )
        return again if fresh else containment


def _told(containment: Containment, event: StartEvent, now: datetime) -> Containment:
    """On-call is told of the first such start, and then of one a day at most."""
    if containment.restart is not None and now - containment.restart.at < TOLD_AGAIN_AFTER:
        return containment
    return containment.changed(restart=Restart(by=event.caller.label[:200], at=now))


def _kind(before: Containment, after: Containment) -> str:
    if after == before:
        return "start.contained"
    return "containment.again" if after.round != before.round else "containment.started-again"
