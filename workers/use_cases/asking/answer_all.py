"""One answer to several questions of a card: put on record first, then given to each of them."""

from collections.abc import Mapping

from workers.domain.asking.bursts import Ordered
from workers.domain.asking.decisions import Answer, Decision
from workers.domain.audit import AuditRecord
from workers.domain.errors import NotYet
from workers.domain.ids import partition_of_id
from workers.domain.nudges import Nudge, Subject
from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Commit, Store
from workers.domain.starts.people import Actor
from workers.use_cases.after_write import after_write
from workers.use_cases.asking.decide import Decide
from workers.use_cases.conflicts import until_written

VIA = "burst"


class AnswerAll:
    """Orders the answer. Whoever renders the card gives it to each question, and checks each again."""

    def __init__(self, *, decide: Decide, store: Store, nudger: Nudger, clock: Clock) -> None:
        self._decide = decide
        self._store = store
        self._nudger = nudger
        self._clock = clock

    async def may(self, answer: Answer, card_id: str, actor: Actor) -> None:
        """Raises as ``Decide.permitted`` unless they may. Others may be open where this question is not."""
        await self._decide.permitted(answer, card_id, actor)

    async def __call__(
        self,
        answer: Answer,
        card_id: str,
        actor: Actor,
        *,
        shown: int = 0,
        chosen: Mapping[str, int] | None = None,
        reason: str = "",
    ) -> int:
        """How many questions it is given to: those that wait among the first ``shown``, or the chosen ones.

        Args:
            answer: what they say. A start of high risk is not confirmed together with others.
            card_id: the card.
            actor: who answers.
            shown: how many members they were shown.
            chosen: question id → how many of its starts they were shown.
            reason: their own words.

        Raises:
            NotAllowed: they may not.
            NotFound: no such card.
            NotYet: another answer is still being given.
        """
        await self.may(answer, card_id, actor)
        decision = Decision(answer=answer, by=actor, at=self._clock.now(), via=VIA, reason=reason.strip())
        count = await until_written(lambda: self._write(card_id, decision, shown, chosen))
        nudge = Nudge(subject=Subject.APPROVAL, id=card_id, version=0)
        await after_write(card_id, lambda: self._nudger.notices(nudge))
        return count

    async def _write(
        self, card_id: str, decision: Decision, shown: int, chosen: Mapping[str, int] | None
    ) -> int:
        card = await self._store.card(card_id)
        if card.ordered is not None:
            raise NotYet("Another answer to these starts is still being recorded. Try again in a moment.")
        starts = {
            one.approval_id: one.starts if chosen is None else chosen[one.approval_id]
            for place, one in enumerate(card.members)
            if one.open
            and (place < shown if chosen is None else one.approval_id in chosen)
            and not (one.high and decision.confirms and chosen is None)
        }
        if not starts:
            return 0
        record = AuditRecord(
            kind="burst.answered",
            at=decision.at,
            about=card_id,
            by=decision.by.label,
            details={"answer": str(decision.answer), "questions": len(starts), "reason": decision.reason},
        )
        ordered = card.changed(ordered=Ordered(decision=decision, starts=starts))
        await self._store.commit(
            Commit(partition=partition_of_id(card_id), documents=(ordered,), audit=(record,))
        )
        return len(starts)
