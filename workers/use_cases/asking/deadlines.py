"""The scheduled message that has an approval looked at when it is due. An answer cancels it."""

from datetime import timedelta

import structlog

from workers.domain.asking.approvals import Approval
from workers.domain.errors import StartgateError
from workers.domain.nudges import Nudge, Scheduled, Subject
from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Store

log = structlog.get_logger(__name__)

_FIRING = timedelta(seconds=1)


class Deadlines:
    """Schedules that message, and cancels it.

    Both may fail without harm: a message too many finds nothing to do, and the resync replaces one too few.
    """

    def __init__(self, *, store: Store, nudger: Nudger, clock: Clock) -> None:
        self._store = store
        self._nudger = nudger
        self._clock = clock

    async def set(self, approval: Approval, *, version: int) -> None:
        """Schedule a look at the approval, at this version, for when it is next due."""
        due = approval.due_at()
        if due is None:
            return
        nudge = Nudge(subject=Subject.APPROVAL, id=approval.id, version=version, due=due)
        number = await self._nudger.schedule_work(nudge)
        await self._cancel(
            await self._store.note_scheduled(approval.id, Scheduled(sequence_number=number, due=due))
        )

    async def clear(self, approval_id: str) -> None:
        """Cancel what is scheduled for this approval."""
        try:
            scheduled = await self._store.take_scheduled(approval_id)
        except StartgateError as error:
            log.info("a scheduled look was not cancelled; it will find nothing to do", error=str(error))
            return
        await self._cancel(scheduled)

    async def _cancel(self, scheduled: Scheduled | None) -> None:
        try:
            # What is due by now was sent, or is about to be, so cancelling it would be in vain.
            if scheduled is not None and scheduled.due > self._clock.now() + _FIRING:
                await self._nudger.cancel_work(scheduled.sequence_number)
        except StartgateError as error:
            log.info("a scheduled look was not cancelled; it will find nothing to do", error=str(error))
