"""The scheduled message that has an approval looked at when it is due. An answer cancels it."""

import asyncio
from datetime import timedelta

import structlog

from workers.domain.asking.approvals import Approval
from workers.domain.errors import DependencyAway, StartgateError
from workers.domain.nudges import Nudge, Scheduled, Subject
from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Store

log = structlog.get_logger(__name__)

_FIRING = timedelta(seconds=1)
AGAIN_S = 2.0
"""Seconds after which a scheduling that failed is tried again."""


class Deadlines:
    """Schedules that message, and cancels it.

    Both may fail without harm: a message too many finds nothing to do, and what could not be scheduled is
    tried again until it is due. After that, or when this process ends before, the resync sends it.
    """

    def __init__(self, *, store: Store, nudger: Nudger, clock: Clock) -> None:
        self._store = store
        self._nudger = nudger
        self._clock = clock
        self._trying: set[asyncio.Task[None]] = set()

    async def set(self, approval: Approval, *, version: int) -> None:
        """Schedule a look at the approval, at this version, for when it is next due."""
        due = approval.due_at()
        if due is None:
            return
        nudge = Nudge(subject=Subject.APPROVAL, id=approval.id, version=version, due=due)
        try:
            await self._schedule(nudge)
        except DependencyAway as away:
            log.warning("a deadline was not scheduled; trying again", id=approval.id, error=str(away))
            trying = asyncio.create_task(self._schedule_yet(nudge))
            self._trying.add(trying)
            trying.add_done_callback(self._trying.discard)

    async def clear(self, approval_id: str) -> None:
        """Cancel what is scheduled for this approval."""
        try:
            scheduled = await self._store.take_scheduled(approval_id)
        except StartgateError as error:
            log.info("a scheduled look was not cancelled; it will find nothing to do", error=str(error))
            return
        await self._cancel(scheduled)

    async def _schedule(self, nudge: Nudge) -> None:
        due = nudge.due
        if due is None:
            raise ValueError("a deadline has a time")
        number = await self._nudger.schedule_work(nudge)
        await self._cancel(
            await self._store.note_scheduled(nudge.id, Scheduled(sequence_number=number, due=due))
        )

    async def _schedule_yet(self, nudge: Nudge) -> None:
        while nudge.due is not None and self._clock.now() < nudge.due:
            await asyncio.sleep(AGAIN_S)
            try:
                # Past its due time by now, it is enqueued at once.
                await self._schedule(nudge)
            except StartgateError as error:
                log.debug("a deadline is still not scheduled", id=nudge.id, error=str(error))
            else:
                return

    async def _cancel(self, scheduled: Scheduled | None) -> None:
        try:
            # What is due by now was sent, or is about to be, so cancelling it would be in vain.
            if scheduled is not None and scheduled.due > self._clock.now() + _FIRING:
                await self._nudger.cancel_work(scheduled.sequence_number)
        except StartgateError as error:
            log.info("a scheduled look was not cancelled; it will find nothing to do", error=str(error))
