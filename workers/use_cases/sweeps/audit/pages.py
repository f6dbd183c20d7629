"""Calls on-call outside Slack, by what the audit says that happened.

Each target reads the audit at its own pace: one that is away keeps its place and holds up nothing else, no
start and no other target. A place moves on only when a page was taken, so a lost process costs a repetition.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import timedelta

import structlog

from workers.domain.asking.notices.pages import Action, Page, pages_of
from workers.domain.audit import AuditRecord
from workers.domain.errors import DependencyAway
from workers.domain.ids import PARTITIONS
from workers.domain.policy.model import Policy
from workers.domain.ports.clock import Clock
from workers.domain.ports.leases import Leases
from workers.domain.ports.paging import AuditCursor, OpenPages, PageRefused, PageTarget, Written
from workers.domain.ports.store import Commit, Store

log = structlog.get_logger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=10)
"""After a failure, doubled with each further one; what the target asks for counts if it is longer."""
BUDGET_S = 20.0
"""A run sends no further page after so long; the next one goes on."""
_AT_ONCE = 200


class SendPages:
    """Run by every worker; one at a time sends.

    Args:
        targets: those that settings name; without any, nothing is read.
        policy: on what on-call is paged.
        running: seconds, for the budget of a run.
    """

    name = "pages"

    def __init__(
        self,
        *,
        targets: Sequence[PageTarget],
        cursor: AuditCursor,
        open_pages: OpenPages,
        leases: Leases,
        store: Store,
        clock: Clock,
        policy: Callable[[], Policy],
        period_s: float,
        running: Callable[[], float] = time.monotonic,
    ) -> None:
        self.period_s = period_s
        self._targets = [
            _Reader(
                target=target,
                cursor=cursor,
                open_pages=open_pages,
                store=store,
                clock=clock,
                policy=policy,
                running=running,
            )
            for target in targets
        ]
        self._leases = leases

    async def __call__(self) -> int:
        """Send what is due; how many pages were taken.

        Raises:
            DependencyAway: Redis does not answer, or a target does not; the others have been served.
        """
        if not self._targets or not await self._leases.take(self.name, for_s=max(self.period_s - 1, 1)):
            return 0
        results = await asyncio.gather(*(each() for each in self._targets), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return sum(result for result in results if isinstance(result, int))


class _Reader:
    """What one target has been told."""

    def __init__(
        self,
        *,
        target: PageTarget,
        cursor: AuditCursor,
        open_pages: OpenPages,
        store: Store,
        clock: Clock,
        policy: Callable[[], Policy],
        running: Callable[[], float],
    ) -> None:
        self._target, self._cursor, self._open = target, cursor, open_pages
        self._store, self._clock, self._policy, self._running = store, clock, policy, running
        self._failures = 0
        self._not_before = clock.now()

    @property
    def _name(self) -> str:
        return f"pages:{self._target.name}"

    async def __call__(self) -> int:
        if self._clock.now() < self._not_before:
            return 0
        sent, until = 0, self._running() + BUDGET_S
        try:
            for partition in range(PARTITIONS):
                sent += await self._read(partition, until)
        except DependencyAway as away:
            if away.service == self._target.name:
                self._wait(away)
            raise
        self._failures = 0
        return sent

    def _wait(self, away: DependencyAway) -> None:
        pause = min(FIRST_PAUSE * (1 << min(self._failures, 10)), LONGEST_PAUSE)
        asked = timedelta(seconds=away.retry_after_s or 0)
        self._failures += 1
        self._not_before = self._clock.now() + max(pause, min(asked, LONGEST_PAUSE))

    async def _read(self, partition: int, until: float) -> int:
        place = await self._cursor.place(self._name, partition)
        if place is None:  # what was before somebody wanted pages is nobody's call
            await self._cursor.move(self._name, partition, await self._cursor.newest(partition))
            return 0
        sent = 0
        while self._running() < until:
            found = await self._cursor.after(partition, place, limit=_AT_ONCE)
            for written in found:
                sent += await self._told(written, partition)
                place = written.place
            if found:
                await self._cursor.move(self._name, partition, place)
            if len(found) < _AT_ONCE:
                break
        return sent

    async def _told(self, written: Written, partition: int) -> int:
        """Send what this record calls for. Its place is kept as soon as somebody was called by it."""
        wanted = [page for page in (pages_of(written.record) if written.record else ()) if self._wants(page)]
        sent = 0
        for page in wanted:
            sent += await self._send(page, partition)
        if sent:
            await self._cursor.move(self._name, partition, written.place)
        return sent

    def _wants(self, page: Page) -> bool:
        return page.on in self._policy().oncall.page

    async def _send(self, page: Page, partition: int) -> int:
        """A call that is open is not made again, and only an open one is ended."""
        called = not page.once and await self._open.is_open(self._target.name, page.key)
        if called is (page.action is Action.TRIGGER):
            return 0
        refused = ""
        try:
            await self._target.send(page)
        except PageRefused as error:
            refused = str(error)
            log.error("a page was refused", target=self._target.name, page=page.key, because=refused)
        else:
            await self._note_open(page)
        await self._audit(page, partition, refused)
        return 1

    async def _note_open(self, page: Page) -> None:
        if page.once or page.action is Action.ACKNOWLEDGE:
            return
        note = self._open.opened if page.action is Action.TRIGGER else self._open.closed
        await note(self._target.name, page.key)

    async def _audit(self, page: Page, partition: int, refused: str) -> None:
        details = {"target": self._target.name, "event": page.on.value, "action": page.action.value}
        record = AuditRecord(
            kind="page.refused" if refused else "page.sent",
            at=self._clock.now(),
            about=page.about if page.vm else "",
            vm=page.vm,
            details=details | {"key": page.key} | ({"error": refused} if refused else {}),
        )
        await self._store.commit(Commit(partition=partition, audit=(record,)))
