"""An owner says that none of the VMs on a card is theirs: put on record first, then each question goes on."""

from workers.domain.asking.approvals import Approval
from workers.domain.asking.cards import Card
from workers.domain.asking.passing import PassedAll
from workers.domain.audit import AuditRecord
from workers.domain.errors import AlreadyDecided, NotYet
from workers.domain.ids import partition_of_id
from workers.domain.nudges import Nudge, Subject
from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Commit, Store
from workers.domain.starts.people import Actor
from workers.use_cases.after_write import after_write
from workers.use_cases.asking.pass_on import PassOn
from workers.use_cases.conflicts import until_written


class PassAll:
    """Orders it. Whoever renders the card passes each question on, and checks each again."""

    def __init__(self, *, pass_on: PassOn, store: Store, nudger: Nudger, clock: Clock) -> None:
        self._pass_on = pass_on
        self._store = store
        self._nudger = nudger
        self._clock = clock

    async def may(self, card_id: str, actor: Actor, shown: int) -> tuple[Approval, int]:
        """The first question that waits among the first ``shown``, and how many do, if they may pass it on.

        All are of one caller and one owner. One whose risk is high by now has a card of its own, and stays.

        Raises:
            NotAllowed: they may not; it is in the audit.
            AlreadyDecided: none of them waits any more.
            NotFound: there is no such card.
        """
        waiting = _waiting(await self._store.card(card_id), shown)
        if not waiting:
            raise AlreadyDecided("None of these starts waits for an answer any more.")
        return await self._pass_on.may(waiting[0], actor), len(waiting)

    async def __call__(self, card_id: str, actor: Actor, to: Actor | None, *, shown: int) -> int:
        """Pass those on that wait among the first ``shown``, to this person or on-call; how many they are.

        Raises:
            NotAllowed, AlreadyDecided, NotFound: as ``may`` does.
            NotYet: they can't go to this person, or another answer is still being given.
        """
        first, _ = await self.may(card_id, actor, shown)
        _, step = await self._pass_on.may_to(first.id, actor, to)

        async def attempt() -> int:
            card = await self._store.card(card_id)
            if card.ordered is not None or card.passing is not None:
                raise NotYet("Another answer to these starts is still being recorded. Try again in a moment.")
            questions = _waiting(card, shown)
            if not questions:
                raise AlreadyDecided("None of these starts waits for an answer any more.")
            record = AuditRecord(
                kind="burst.passed_on",
                at=self._clock.now(),
                about=card_id,
                by=actor.label,
                details={"to": to.label if to else "on-call", "questions": len(questions)},
            )
            passing = card.changed(passing=PassedAll(step=step, questions=questions))
            await self._store.commit(
                Commit(partition=partition_of_id(card_id), documents=(passing,), audit=(record,))
            )
            return len(questions)

        count = await until_written(attempt)
        nudge = Nudge(subject=Subject.APPROVAL, id=card_id, version=0)
        await after_write(card_id, lambda: self._nudger.notices(nudge))
        return count


def _waiting(card: Card, shown: int) -> tuple[str, ...]:
    return tuple(one.approval_id for one in card.members[:shown] if one.open and not one.high)
