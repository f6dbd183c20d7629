"""On-call answers whether containments beyond the cap go on."""

from typing import NamedTuple

from workers.domain.asking.decisions import may_release
from workers.domain.audit import AuditRecord
from workers.domain.containment.brakes.cap import CapAsked
from workers.domain.errors import Conflict
from workers.domain.ids import partition_of_id
from workers.domain.nudges import Nudge, Subject
from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Commit, Store
from workers.domain.starts.people import Actor
from workers.use_cases.after_write import after_write
from workers.use_cases.conflicts import until_written
from workers.use_cases.refuse import refuse_unless


class Answered(NamedTuple):
    """The question as it now stands, and the containments that go on now."""

    asked: CapAsked
    released: tuple[str, ...]


class AnswerCap:
    """Does what the buttons of that question ask for."""

    def __init__(self, *, store: Store, nudger: Nudger, clock: Clock) -> None:
        self._store = store
        self._nudger = nudger
        self._clock = clock

    async def __call__(self, number: int, shown: int, actor: Actor, *, go_on: bool) -> Answered:
        """Have those that were shown go on, or hold back everything that waits, for an hour.

        Args:
            number: which question was shown.
            shown: the highest number among the containments that it showed.
            actor: who answers.
            go_on: what they say.

        Raises:
            NotAllowed: they are not on call.
            AlreadyDecided: somebody had them go on before, or it is about others by now.
        """
        await refuse_unless(
            may_release(actor),
            actor,
            store=self._store,
            clock=self._clock,
            kind="cap.refused",
            wanted="go on" if go_on else "hold",
        )
        answered, version = await until_written(lambda: self._write(number, shown, actor, go_on=go_on))
        await after_write(answered.asked.card_id, lambda: self._nudge(answered, version))
        return answered

    async def _write(self, number: int, shown: int, actor: Actor, *, go_on: bool) -> tuple[Answered, int]:
        before, now = await self._store.cap_question(), self._clock.now()
        after = before.answered(number, shown, actor, now, go_on=go_on)
        if after.asked is None:
            raise Conflict("the question about the cap is gone")
        new = tuple(one for one in after.released if one not in before.released)
        record = AuditRecord(
            kind="cap.released" if go_on else "cap.held",
            at=now,
            about=after.id,
            by=actor.label,
            details={"question": number, "containments": list(new), "waiting": len(after.asked.waiting)},
        )
        await self._store.commit(
            Commit(partition=partition_of_id(after.id), documents=(after,), audit=(record,))
        )
        return Answered(after.asked, new), after.version + 1

    async def _nudge(self, answered: Answered, version: int) -> None:
        """Those that wait and were not shown look again, too: they ask anew."""
        ids = (*answered.released, *(one.id for one in answered.asked.waiting))
        await self._nudger.work(*(Nudge(subject=Subject.CONTAINMENT, id=one, version=0) for one in ids))
        await self._nudger.notices(Nudge(subject=Subject.CAP, id=answered.asked.card_id, version=version))
