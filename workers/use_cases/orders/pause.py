"""The kill switch: somebody pauses all writes to Azure, or ends that. The sweep ``pause`` tells everybody."""

from datetime import datetime, timedelta

from workers.domain.asking.access import AccessRequest, WantedPause
from workers.domain.asking.decisions import may_pause
from workers.domain.audit import AuditRecord
from workers.domain.containment.brakes.pause import DEFAULT_PAUSE, Pause
from workers.domain.errors import NotYet
from workers.domain.ids import partition_of_id
from workers.domain.ports.clock import Clock
from workers.domain.ports.store import Commit, Store
from workers.domain.starts.people import Actor
from workers.use_cases.conflicts import until_written
from workers.use_cases.orders.access.ask import AskSecond
from workers.use_cases.refuse import refuse_unless


class PauseWrites:
    """Does what ``/vm-pause``, ``startgate pause`` and ``startgate resume`` ask for.

    Whoever types at a command line holds the store's password, and could write there anyway: only people in
    Slack are asked for their permission.
    """

    def __init__(self, *, store: Store, clock: Clock, second: AskSecond) -> None:
        self._store = store
        self._clock = clock
        self._second = second

    @property
    def takes_two(self) -> bool:
        """Whether somebody else has to approve a pause, so that it is asked for by ``ask``."""
        return self._second.needed

    async def may(self, actor: Actor, *, wanted: str) -> None:
        """Refuse whoever is not on call, with a record in the audit.

        Raises:
            NotAllowed: with who may.
        """
        await refuse_unless(
            may_pause(actor), actor, store=self._store, clock=self._clock, kind="pause.refused", wanted=wanted
        )

    async def begin(self, by: str, reason: str, *, span: timedelta = DEFAULT_PAUSE) -> Pause:
        """Pause from now on. A pause that is on gets this end and reason instead.

        Args:
            by: who, for the audit and for everybody who sees it.
            reason: their own words.
            span: when it ends by itself.

        Raises:
            NotYet: it is too long, or gives no reason; nothing was changed.
            TakesTwo: it takes two persons, so that one has to ``ask`` for it.
        """
        self._second.refuse_alone()

        async def write() -> Pause:
            before, now = await self._store.pause(), self._clock.now()
            pause = pausing(before, by, reason, now, span)
            await self._store.commit(pause_begun(before, pause, now))
            return pause.changed(version=pause.version + 1)

        return await until_written(write)

    async def ask(
        self, actor: Actor, reason: str, *, via: str, span: timedelta = DEFAULT_PAUSE
    ) -> AccessRequest:
        """Ask somebody else of on-call for it; arguments and errors as those of ``begin``.

        It counts from when it is approved.
        """
        pausing(await self._store.pause(), actor.label, reason, self._clock.now(), span)
        return await self._second(actor, reason, via=via, pauses=WantedPause(span=span))

    async def end(self, by: str, reason: str = "") -> Pause | None:
        """Writes go on, and with them whatever waited. ``None`` if none was paused."""

        async def write() -> Pause | None:
            before, now = await self._store.pause(), self._clock.now()
            if not before.on(now):
                return None
            details = {"was": before.reason, "since": before.at.isoformat() if before.at else None}
            record = AuditRecord(
                kind="pause.ended", at=now, by=by, details=details | ({"reason": reason} if reason else {})
            )
            ended = before.ended()
            await self._store.commit(_written(ended, record))
            return ended.changed(version=ended.version + 1)

        return await until_written(write)


def pausing(
    before: Pause, by: str, reason: str, now: datetime, span: timedelta, *, approved_by: str = ""
) -> Pause:
    """The pause from now on.

    Raises:
        NotYet: it is too long, or gives no reason; with the remedy.
    """
    try:
        return before.begun(by, reason, now, span, approved_by=approved_by)
    except ValueError as error:
        raise NotYet(f"{error}.") from None


def pause_begun(before: Pause, pause: Pause, now: datetime) -> Commit:
    """What is written of a pause that begins now, or takes the place of one that is on."""
    details: dict[str, object] = {"reason": pause.reason}
    if pause.until is not None:
        details["until"] = pause.until.isoformat()
    if pause.approved_by:
        details["approved_by"] = pause.approved_by
    kind = "pause.changed" if before.on(now) else "pause.begun"
    return _written(pause, AuditRecord(kind=kind, at=now, by=pause.by, details=details))


def _written(pause: Pause, record: AuditRecord) -> Commit:
    return Commit(
        partition=partition_of_id(pause.id),
        documents=(pause,),
        audit=(record.changed(about=pause.id),),
    )
