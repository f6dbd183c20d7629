"""One answer to several questions of a card: put on record first, then given to each of them."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from workers.domain.asking.approvals import Approval
from workers.domain.asking.bursts import Member, Ordered
from workers.domain.asking.decisions import Answer, Decision, Permission
from workers.domain.audit import AuditRecord
from workers.domain.errors import NotYet
from workers.domain.ids import partition_of_id
from workers.domain.nudges import Nudge, Subject
from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Commit, Store
from workers.domain.starts.people import Actor
from workers.domain.starts.two_persons import not_the_second
from workers.use_cases.after_write import after_write
from workers.use_cases.asking.decide import Decide
from workers.use_cases.conflicts import until_written
from workers.use_cases.refuse import refuse_unless

VIA = "burst"


class Given(NamedTuple):
    """To how many questions an answer is given.

    Attributes:
        starts: all of them.
        seconds: those of them that somebody else has to confirm, too.
        until: until when they can.
    """

    starts: int
    seconds: int = 0
    until: datetime | None = None


class AnswerAll:
    """Orders the answer. Whoever renders the card gives it to each question, and checks each again."""

    def __init__(self, *, decide: Decide, store: Store, nudger: Nudger, clock: Clock) -> None:
        self._decide = decide
        self._store = store
        self._nudger = nudger
        self._clock = clock

    async def may(self, answer: Answer, card_id: str, actor: Actor) -> Approval:
        """A question that the card asks; raises as ``Decide.permitted`` unless they may answer it.

        Its own, unless that is closed and others wait: those may have been passed on since.
        """
        card = await self._store.card(card_id)
        waiting = (one.approval_id for one in card.members if one.open and not one.high)
        return (await self._decide.permitted(answer, next(waiting, card_id), actor)).approval

    async def __call__(
        self,
        answer: Answer,
        card_id: str,
        actor: Actor,
        *,
        shown: int = 0,
        chosen: Mapping[str, int] | None = None,
        reason: str = "",
    ) -> Given:
        """To how many it is given: of those that wait among the first ``shown``, or of the chosen ones.

        Args:
            answer: what they say. A start of high risk is not confirmed together with others.
            card_id: the card.
            actor: who answers.
            shown: how many members they were shown.
            chosen: question id → how many of its starts they were shown.
            reason: their own words.

        Raises:
            NotAllowed: they may not; or they have asked for a second person themselves, and nothing else is
                left for them to confirm.
            NotFound: no such card.
            NotYet: another answer is still being given.
        """
        asked = await self.may(answer, card_id, actor)
        decision = Decision(answer=answer, by=actor, at=self._clock.now(), via=VIA, reason=reason.strip())
        given = await until_written(lambda: self._write(card_id, asked, decision, shown, chosen))
        nudge = Nudge(subject=Subject.APPROVAL, id=card_id, version=0)
        await after_write(card_id, lambda: self._nudger.notices(nudge))
        return given

    async def _write(
        self,
        card_id: str,
        asked: Approval,
        decision: Decision,
        shown: int,
        chosen: Mapping[str, int] | None,
    ) -> Given:
        card = await self._store.card(card_id)
        if card.ordered is not None or card.passing is not None:
            raise NotYet("Another answer to these starts is still being recorded. Try again in a moment.")
        wanted = [
            one
            for place, one in enumerate(card.members)
            if one.open
            and (place < shown if chosen is None else one.approval_id in chosen)
            and not (one.high and decision.confirms)
        ]
        answered = [one for one in wanted if not self._asked_for_it(one, decision)]
        if not answered:
            await self._refuse_the_first(asked, wanted, decision)
            return Given(0)
        starts = {
            one.approval_id: one.starts if chosen is None else chosen[one.approval_id] for one in answered
        }
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
        within = asked.terms.second_within if decision.confirms else None
        if within is None:
            return Given(len(starts))
        alone = sum(not self._waits(one, decision.at) for one in answered)
        return Given(len(starts), alone, decision.at + within)

    @staticmethod
    def _waits(member: Member, now: datetime) -> bool:
        """Whether a second person can confirm it now."""
        request = member.waits_for_second
        return request is not None and request.in_time(now)

    def _asked_for_it(self, member: Member, decision: Decision) -> bool:
        """Whether they are the first of two persons, so that they can't be the second."""
        request = member.waits_for_second
        if request is None or not decision.confirms or not self._waits(member, decision.at):
            return False
        return bool(not_the_second(request.by, decision.by, ""))

    async def _refuse_the_first(self, asked: Approval, wanted: list[Member], decision: Decision) -> None:
        """Whoever asked for a second person is none, and is told so if that is all there is."""
        requests = [request for one in wanted if (request := one.waits_for_second) is not None]
        refusal = not_the_second(requests[0].by, decision.by, "these confirmations") if requests else ""
        await refuse_unless(
            Permission(allowed=not refusal, reason=refusal),
            decision.by,
            store=self._store,
            clock=self._clock,
            kind="decision.refused",
            about=asked,
            answer=str(decision.answer),
        )
