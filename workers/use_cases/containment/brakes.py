"""The brakes: what keeps the engine from changing anything in Azure. This is the one place that decides it.

The engine asks before it begins anything; and each request that would write asks once more right before it is
sent, so that a pause also stops a step in its middle.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from workers.domain.audit import AuditRecord
from workers.domain.containment.brakes.cap import WITHIN, CapQuestion
from workers.domain.containment.brakes.held import Held, HeldBy
from workers.domain.containment.containment import Containment, ContainmentState
from workers.domain.errors import OnlyObserving, WritesPaused
from workers.domain.ids import partition_of_id
from workers.domain.nudges import Nudge, Subject
from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Commit, Store
from workers.use_cases.conflicts import until_written

LOOK_AGAIN = timedelta(minutes=1)
"""How long on-call's word may take to reach a containment whose nudge was lost."""


class Brakes:
    """Says whether a containment may go on, and whether anything may be written at all.

    Args:
        nudger: has the bot ask on-call about what goes beyond the cap.
        cap: how many containments may be begun in an hour; without it there is no such bound.
        observes: whether the policy only observes: then nothing is written at all.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        nudger: Nudger | None = None,
        cap: Callable[[], int] | None = None,
        observes: Callable[[], bool],
    ) -> None:
        self._store = store
        self._clock = clock
        self._nudger = nudger
        self._cap = cap
        self._observes = observes

    async def may_write(self) -> None:
        """Called right before any request that changes something in Azure.

        Raises:
            WritesPaused: all writes are paused, or the policy only observes.
            DependencyAway: the store does not answer, so that it can't be told.
        """
        if self._observes():
            raise WritesPaused(str(OnlyObserving()), until=self._clock.now() + LOOK_AGAIN)
        pause = await self._store.pause()
        if pause.until is not None and pause.on(self._clock.now()):
            raise WritesPaused(
                f"changes in Azure are paused by {pause.by}: {pause.reason}", until=pause.until
            )

    async def hold(self, containment: Containment) -> Held | None:
        """What holds this containment or its undo back at this moment; ``None`` if it may go on."""
        now = self._clock.now()
        if self._observes():
            return _held(containment, Held(by=HeldBy.MODE, since=now, until=now + LOOK_AGAIN))
        pause = await self._store.pause()
        if pause.until is not None and pause.on(now):
            return _held(containment, Held(by=HeldBy.PAUSE, since=now, until=pause.until))
        if self._cap is None or containment.state is not ContainmentState.PLANNED:
            return None
        until = await self._beyond_cap(containment, self._cap(), now)
        return _held(containment, Held(by=HeldBy.CAP, since=now, until=until)) if until else None

    async def _beyond_cap(self, containment: Containment, most: int, now: datetime) -> datetime | None:
        """When to look again at a containment that has to wait; ``None`` if it may begin now."""
        question = await self._store.cap_question()
        if containment.id in question.released:
            return None
        if until := question.held(containment.id, now):
            return min(until, now + LOOK_AGAIN)
        free_at = await self._store.take_turn(containment.id, now, most=most, within=WITHIN)
        if free_at is None:
            if question.waits(containment.id):
                await self._write(containment, lambda asked: asked.without(containment.id))
            return None
        name = containment.vm.name
        await self._write(containment, lambda asked: asked.with_waiting(containment.id, name, most, now))
        return min(free_at, now + LOOK_AGAIN)

    async def let_go(self, containment: Containment) -> None:
        """It will not begin after all: on-call need not be asked about it."""
        if containment.held is not None and containment.held.by is HeldBy.CAP:
            await self._write(containment, lambda asked: asked.without(containment.id), gone="cap.dropped")

    async def _write(
        self,
        containment: Containment,
        change: Callable[[CapQuestion], CapQuestion],
        *,
        gone: str = "cap.went-on",
    ) -> None:
        """Change the question, if that changes anything, and have it shown.

        ``gone`` is the kind of the record where it waits no longer.
        """

        async def write() -> CapQuestion | None:
            before = await self._store.cap_question()
            after = change(before)
            if after == before:
                return None
            fresh = after.asked is not None and (
                before.asked is None or before.asked.number != after.asked.number
            )
            kind = "cap.asked" if fresh else "cap.waits" if after.waits(containment.id) else gone
            record = AuditRecord(
                kind=kind,
                at=self._clock.now(),
                about=after.id,
                vm=containment.vm.key,
                details={"containment": containment.id, "question": after.asked.number if after.asked else 0},
            )
            await self._store.commit(
                Commit(partition=partition_of_id(after.id), documents=(after,), audit=(record,))
            )
            return after

        written = await until_written(write)
        if written is not None and written.asked is not None and self._nudger is not None:
            nudge = Nudge(subject=Subject.CAP, id=written.asked.card_id, version=written.version + 1)
            await self._nudger.notices(nudge)


def _held(containment: Containment, held: Held) -> Held:
    """Held since it first was, while the same holds it."""
    before = containment.held
    return held.changed(since=before.since) if before is not None and before.by is held.by else held
