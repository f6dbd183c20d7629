"""The kill switch: somebody pauses all writes to Azure, or ends that. The sweep ``pause`` tells everybody."""

from datetime import timedelta

from workers.domain.asking.decisions import may_pause
from workers.domain.audit import AuditRecord
from workers.domain.containment.brakes.pause import DEFAULT_PAUSE, Pause
from workers.domain.errors import NotYet
from workers.domain.ids import partition_of_id
from workers.domain.ports.clock import Clock
from workers.domain.ports.store import Commit, Store
from workers.domain.starts.people import Actor
from workers.use_cases.conflicts import until_written
from workers.use_cases.refuse import refuse_unless


class PauseWrites:
    """Does what ``/vm-pause``, ``startgate pause`` and ``startgate resume`` ask for.

    Whoever types at a command line holds the store's password, and could write there anyway: only people in
    Slack are asked for their permission.
    """

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

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
        """

        async def write() -> Pause:
            before, now = await self._store.pause(), self._clock.now()
            try:
                pause = before.begun(by, reason, now, span)
            except ValueError as error:
                raise NotYet(f"{error}.") from None
            kind = "pause.changed" if before.on(now) else "pause.begun"
            details = {"reason": pause.reason, "until": (now + span).isoformat()}
            return await self._commit(pause, AuditRecord(kind=kind, at=now, by=by, details=details))

        return await until_written(write)

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
            return await self._commit(before.ended(), record)

        return await until_written(write)

    async def _commit(self, pause: Pause, record: AuditRecord) -> Pause:
        await self._store.commit(
            Commit(
                partition=partition_of_id(pause.id),
                documents=(pause,),
                audit=(record.changed(about=pause.id),),
            )
        )
        return pause.changed(version=pause.version + 1)
