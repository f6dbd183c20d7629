"""Watches the kill switch: says when writes to Azure are paused or go on, and ends a pause in time.

Whoever pauses only writes it down, so that it works from a command line that reaches nothing but the store.
"""

import asyncio
import contextlib

import structlog
from pydantic import ValidationError

from workers.domain.audit import AuditRecord
from workers.domain.containment.brakes.pause import Pause
from workers.domain.errors import Conflict, DependencyAway, NewerDocument, NotFound
from workers.domain.ids import partition_of_id
from workers.domain.nudges import Nudge, Subject
from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Commit, Store
from workers.runtime.lifecycle import leave_if_cancelled
from workers.telemetry.health import Health

log = structlog.get_logger(__name__)

AT_ONCE = 100
"""So many nudges are sent in one call."""


def show_pause(health: Health, pause: Pause, *, on: bool) -> None:
    """Have health show a pause, or that there is none."""
    if on and pause.until is not None:
        health.trouble(
            "pause",
            f"changes in Azure are paused by {pause.by} until {pause.until.isoformat(timespec='seconds')}:"
            f" {pause.reason}",
        )
    else:
        health.trouble_over("pause")


async def show_pauses(health: Health, store: Store, clock: Clock, *, every_s: float = 10.0) -> None:
    """Have health show whether there is a pause, for ever; for the process that only shows it."""
    while True:
        with contextlib.suppress(DependencyAway):  # health has that from elsewhere
            pause = await store.pause()
            show_pause(health, pause, on=pause.on(clock.now()))
        leave_if_cancelled()
        await asyncio.sleep(every_s)


class WatchPause:
    """Run by every worker. Several at the same time do no harm: a nudge too many finds nothing to do.

    Args:
        health: shows the pause.
        period_s: what was held back goes on within this many seconds after a pause.
    """

    name = "pause"

    def __init__(
        self, *, store: Store, nudger: Nudger, health: Health, clock: Clock, period_s: float = 2.0
    ) -> None:
        self.period_s = period_s
        self._store = store
        self._nudger = nudger
        self._health = health
        self._clock = clock
        self._told: int | None = None

    async def __call__(self) -> bool:
        """Look once; whether anything was told.

        Raises:
            DependencyAway: the store or the bus does not answer. It is told at a later run.
        """
        pause = await self._store.pause()
        if pause.over(self._clock.now()):
            pause = await self._ended(pause)
        show_pause(self._health, pause, on=pause.on(self._clock.now()))
        if self._told is None and pause.version == 0:
            self._told = 0  # there never was one
        if pause.version == self._told:
            return False
        await self._tell(paused=pause.until is not None)
        self._told = pause.version
        return True

    async def _ended(self, pause: Pause) -> Pause:
        """The pause has come to its end by itself."""
        record = AuditRecord(
            kind="pause.over",
            at=self._clock.now(),
            about=pause.id,
            details={"by": pause.by, "reason": pause.reason},
        )
        ended = pause.ended()
        try:
            await self._store.commit(
                Commit(partition=partition_of_id(pause.id), documents=(ended,), audit=(record,))
            )
        except Conflict:
            return await self._store.pause()  # another worker, or somebody who paused anew
        log.warning("the pause of changes in Azure has ended by itself", by=pause.by)
        return ended.changed(version=ended.version + 1)

    async def _tell(self, *, paused: bool) -> None:
        """Every card that is open shows it; what is under way holds, or goes on."""
        work: list[Nudge] = []
        notices = [
            Nudge(subject=Subject.APPROVAL, id=approval_id, version=0)
            for approval_id in await self._store.open_approvals()
        ]
        for containment_id in await self._store.standing():
            nudge = Nudge(subject=Subject.CONTAINMENT, id=containment_id, version=0)
            notices.append(nudge)
            if await self._waits(containment_id, paused=paused):
                work.append(nudge)
        for start in range(0, len(work), AT_ONCE):
            await self._nudger.work(*work[start : start + AT_ONCE])
        for start in range(0, len(notices), AT_ONCE):
            await self._nudger.notices(*notices[start : start + AT_ONCE])

    async def _waits(self, containment_id: str, *, paused: bool) -> bool:
        """Whether the engine has to look: to hold it back, or to go on with it."""
        try:
            containment = await self._store.containment(containment_id)
        except (NotFound, NewerDocument, ValidationError):
            return False
        return containment.working and (paused or containment.held is not None)
