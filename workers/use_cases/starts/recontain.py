"""A contained VM was started again: contain it once more, at once and without asking anybody."""

from datetime import timedelta

from workers.domain.audit import AuditRecord
from workers.domain.containment.containment import Containment, ContainmentState
from workers.domain.errors import NotFound
from workers.domain.ids import partition_of_id
from workers.domain.nudges import Nudge, Subject
from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Commit, Store
from workers.domain.starts.events import StartEvent
from workers.use_cases.conflicts import until_written

PROOF_MARGIN = timedelta(seconds=5)
"""A start that Azure dates this shortly before our proof may have come after it: the two clocks differ.

It is contained again then, which is the safe side. The margin is small, because the event of the very start
that led to the containment is dated before the proof, too, and may come after it.
"""


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
        # While it is under way, it reads the VM back before it is CONTAINED, and stops it again if it runs. A
        # start from before the proof arrived late: the VM was read back as stopped after it.
        covered = containment.working or (proven is not None and event.at < proven - PROOF_MARGIN)
        again = containment if covered else containment.once_more()
        fresh = await self._store.commit(
            Commit(
                partition=partition_of_id(containment.id),
                documents=() if covered else (again,),
                # Two events of the same start must not begin two rounds.
                once=f"recontain:{event.dedupe_key_at_its_time}",
                audit=(
                    AuditRecord(
                        kind="start.contained" if covered else "containment.again",
                        at=now,
                        about=containment.id,
                        vm=containment.vm.key,
                        by=event.caller.label[:200],
                        details={"correlation_id": event.correlation_id, "round": again.round},
                    ),
                ),
            )
        )
        if covered:
            return containment
        return again if fresh else containment
