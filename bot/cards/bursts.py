"""Which card a question is on, and what the card of a burst knows of its members.

Every write comes before what rests on it, and may be repeated: a question notes whose card it is on before
that card lists it, and counts as asked only once the owner's copy shows it. So a process may end between any
two of them, and nobody is asked twice, and nothing is lost.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from datetime import timedelta
from typing import TypeVar

import structlog

from bot.cards.audience import as_asked
from bot.cards.blocks.bursts.digest import digest_row
from bot.cards.blocks.status import approval_headline, known_as
from bot.cards.digests import Digests, by_itself, shows_digest
from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.asking.bursts import (
    MOST_MEMBERS,
    Burst,
    BurstStart,
    Member,
    Ordered,
    is_high,
    look_of,
    may_share,
    pair_of,
    stands_alone,
    within,
)
from workers.domain.asking.cards import Card, Copy, CopyKind
from workers.domain.asking.decisions import Decision
from workers.domain.asking.passing import PassedOn
from workers.domain.containment.containment import Containment
from workers.domain.errors import AlreadyDecided, NotAllowed, NotFound, NotYet, Outdated
from workers.domain.ids import partition_of_id
from workers.domain.policy.model import Policy
from workers.domain.ports.clock import Clock
from workers.domain.ports.store import Commit, Store
from workers.domain.starts.risk import Level
from workers.use_cases.asking.ask import NoteAsked
from workers.use_cases.asking.decide import Decide
from workers.use_cases.asking.pass_on import PassOn

log = structlog.get_logger(__name__)

T = TypeVar("T")

_AT_ONCE = 8
_MOST_PLACED = 10_000
_LONGEST_WHY = 200


def member_of(approval: Approval, containment: Containment | None = None) -> Member:
    """What a card shows of this question."""
    headline, decision = approval_headline(approval, containment), approval.decision
    return Member(
        approval_id=approval.id,
        at=approval.event.at,
        vm=approval.event.vm.name,
        group=approval.event.vm.resource_group,
        open=approval.open,
        said=_said(approval, headline.words),
        starts=approval.starts,
        level=approval.risk.level if approval.risk else Level.LOW,
        high=is_high(approval),
        reminded=approval.reminded_at is not None,
        escalated=approval.escalated_at is not None,
        version=approval.version,
        row=digest_row(approval),
        second=approval.confirm_request if approval.asks else None,
        answer=decision.past_tense if decision else "",
        by=_who(decision) if decision else "",
        why=(decision.reason if decision else approval.closed_because)[:_LONGEST_WHY],
        closed_at=approval.closed_at,
        silent=approval.state is ApprovalState.EXPIRED and approval.containment_id is None,
    )


def _who(decision: Decision) -> str:
    """Who gave it; in whose stead, and who asked for it, if somebody did."""
    parts = [known_as(decision.by)]
    if decision.in_stead_of is not None:
        parts.append(f"in the stead of {known_as(decision.in_stead_of)}")
    if decision.requested is not None:
        parts.append(f"asked for by {known_as(decision.requested.by)}")
    return ", ".join(parts)


def _said(approval: Approval, words: str) -> str:
    if is_high(approval):
        return "high risk: answer it by itself"
    if approval.waits_for_second is not None:
        return "waits for a second person"
    return "waits for an answer" if approval.open else words


class Bursts:
    """Places questions on cards."""

    def __init__(
        self,
        *,
        store: Store,
        decide: Decide,
        pass_on: PassOn,
        note_asked: NoteAsked,
        policy: Callable[[], Policy],
        clock: Clock,
    ) -> None:
        self._store = store
        self._decide = decide
        self._pass_on = pass_on
        self._note_asked = note_asked
        self._policy = policy
        self._clock = clock
        self._joining: dict[str, dict[str, Member]] = {}
        self._differing: dict[str, tuple[str, ...]] = {}
        self._outdated: dict[str, set[str]] = {}
        self._placed: dict[str, int] = {}
        self._digests = Digests(store)
        self._listing: set[str] = set()

    async def lead_of(self, approval: Approval, card: Card) -> str:
        """The id of the card that asks about this question; its own, unless it is on another's.

        Where it is on another's card is written down before anything else is done.

        Raises:
            Conflict: another process placed it at the same moment.
        """
        if card.part_of or card.version or not may_share(approval):
            if card.part_of and card.digest:
                self._listing.add(card.part_of)
            return card.part_of or card.id
        bursts, pair = self._policy().bursts, pair_of(approval)
        if not pair or not bursts.together:
            return card.id
        owner, follows = self._digests.counts(approval, bursts), False
        start = BurstStart(pair, look_of(approval), approval.id, approval.event.at, owner)
        burst = await self._store.join_burst(start)
        lead = burst.leads[start.look]
        if lead != approval.id and not await self._takes(lead, approval, bursts.within):
            follows = await self._follows(lead, approval, bursts.within)
            burst = await self._store.join_burst(start, leads=True)
            lead = approval.id
        self._note_differing(burst, approval.id, lead)
        alone = follows or burst.stands_out(start.look)
        digest = lead == approval.id and not alone and burst.noted > bursts.digest_over
        if digest:
            lead = await self._digests.lead_of(approval, owner, bursts)
        if lead != approval.id:
            placed = card.changed(part_of=lead, digest=digest)
            if digest:
                self._listing.add(lead)
            await self._store.commit(Commit(partition=partition_of_id(card.id), documents=(placed,)))
        return lead

    async def _takes(self, lead: str, approval: Approval, span: timedelta) -> bool:
        """Whether this card can ask about one more."""
        try:
            first, card, *_ = await self._store.shown_question(lead)
        except NotFound:
            return False
        members = card.members or (member_of(first),)
        placed = max(len(members), self._placed.get(lead, 1))
        takes = (
            not card.part_of
            and not card.digest
            and not card.passed  # whoever was named is asked about those that were passed on
            and card.passing is None
            and placed < MOST_MEMBERS
            and any(one.open for one in members)
            and within((*members, *self._joining.get(lead, {}).values()), approval.event.at, span)
        )
        if takes:
            if len(self._placed) >= _MOST_PLACED:
                self._placed.clear()
            self._placed[lead] = placed + 1
        return takes

    async def _follows(self, lead: str, approval: Approval, span: timedelta) -> bool:
        """Whether it looks like one on a digest, of seconds before: then they are a burst, with its card."""
        try:
            first, card, *_ = await self._store.shown_question(lead)
        except NotFound:
            return False
        return card.digest and abs(first.event.at - approval.event.at) <= span

    def _note_differing(self, burst: Burst, approval_id: str, lead: str) -> None:
        for look, asks in burst.leads.items():
            if differing := burst.differing(look):
                self._differing[asks] = max(self._differing.get(asks, ()), differing, key=len)
                if asks != lead:
                    self._outdated.setdefault(approval_id, set()).add(asks)

    def outdated(self, approval_id: str) -> tuple[str, ...]:
        """Cards that have to say that this start differs from theirs; nobody else may come for that."""
        return tuple(self._outdated.get(approval_id, ()))

    def renewed(self, approval_id: str) -> None:
        """All of those say so."""
        self._outdated.pop(approval_id, None)

    def joins(self, lead: str, approval: Approval, containment: Containment | None) -> None:
        """This question, as it is now, is to be listed on that card."""
        self._joining.setdefault(lead, {})[approval.id] = member_of(approval, containment)

    def is_listed(self, lead: str, approval_id: str) -> bool:
        """Whether somebody else has taken it since ``joins``, and has written it."""
        return approval_id not in self._joining.get(lead, {})

    async def grown(self, card: Card, lead: Approval, containment: Containment | None) -> Card:
        """The card with all that was to be listed on it, written.

        Raises:
            Conflict: another process wrote the card; what was to be listed still is.
            DependencyAway: the store does not answer; as above.
        """
        joining = self._joining.pop(card.id, {})
        if not joining and not card.members:
            return card
        digest = card.digest or card.id in self._listing
        members = (member_of(lead, containment), *joining.values())
        if not digest:  # of a burst, one line says as much
            members = tuple(one.changed(row="") for one in members)
        grown = card.changed(digest=digest).with_members(*members)
        differing = self._differing.pop(card.id, ())
        if len(differing) > len(card.differing):  # one that was read earlier may come later
            grown = grown.changed(differing=differing)
        if grown == card:
            return card
        try:
            await self._store.commit(Commit(partition=partition_of_id(card.id), documents=(grown,)))
        except BaseException:
            self._joining[card.id] = joining | self._joining.get(card.id, {})
            raise
        self._listing.discard(card.id)
        return grown.changed(version=card.version + 1)

    async def tell(self, card: Card, lead: Approval) -> None:
        """The owner's copy shows its members now: note of each that it was asked, and is shown."""
        untold = [one for one in card.members if _untold(one, card) and one.approval_id != lead.id]
        told = await self._side_by_side(self._told(one, as_asked(lead, card), card) for one in untold)
        members = {one.approval_id: one for one in card.members} | {
            one.approval_id: one for one in told if one is not None
        }
        changed = card.changed(members=tuple(members.values()))
        if changed != card:
            await self._store.commit(Commit(partition=partition_of_id(card.id), documents=(changed,)))

    async def _told(self, member: Member, lead: Approval, card: Card) -> Member | None:
        approval = await self._store.approval(member.approval_id)
        if approval.version != member.version:
            return None  # it has changed, and its own nudge is on its way
        shown, partition = approval.version, partition_of_id(approval.id)
        asked = approval
        if approval.open and approval.asked_at is None:
            asked = approval.asked(self._clock.now(), lead.asked_whom, card.notices).changed(
                remind_not_before=card.remind_not_before
            )
            if card.quiet_until is not None and not card.asks_owners:
                asked = approval.hushed(card.quiet_until, card.notices)
        hushed = asked.open and asked.asked_at is None
        if asked == approval:
            await self._store.commit(Commit(partition=partition, shown=((approval.id, shown),)))
            return member.changed(told=shown, hushed=hushed)
        noting = self._note_asked.noting(asked)
        await self._store.commit(noting.changed(shown=((asked.id, shown + 1),)))
        await self._note_asked.noted(asked)
        return member.changed(version=shown + 1, told=shown + 1, hushed=hushed)

    async def carry_out(self, card: Card) -> Card:
        """Give the ordered answer to each question that still waits, or pass it on; the card without that."""
        ordered, passing = card.ordered, card.passing
        if ordered is None and passing is None:
            return card
        done = card.changed(ordered=None, passing=None)
        if ordered is not None:
            answers = ordered.starts.items()
            await self._side_by_side(self._answer(one, starts, ordered) for one, starts in answers)
        if passing is not None:
            await self._side_by_side(self._pass(one, passing.step) for one in passing.questions)
            done = done.changed(passed=(*card.passed, passing.step))
        await self._store.commit(Commit(partition=partition_of_id(card.id), documents=(done,)))
        return done.changed(version=card.version + 1)

    async def _answer(self, approval_id: str, starts: int, ordered: Ordered) -> None:
        decision = ordered.decision
        try:
            if decision.confirms and not await self._confirms(approval_id, decision):
                return
            await self._decide(
                decision.answer,
                approval_id,
                decision.by,
                shown=starts,
                reason=decision.reason,
                via=decision.via,
                since=decision.at,
            )
        except (AlreadyDecided, NotAllowed, NotFound, Outdated) as refused:
            # It stands on the card as it is, and can be answered by itself.
            log.info("one of several answers was not recorded", approval=approval_id, because=str(refused))

    async def _pass(self, approval_id: str, step: PassedOn) -> None:
        try:
            await self._pass_on(approval_id, step.by, step.to, since=step.at)
        except (AlreadyDecided, NotAllowed, NotFound, NotYet) as refused:
            log.info("one of several was not passed on", approval=approval_id, because=str(refused))

    async def _confirms(self, approval_id: str, decision: Decision) -> bool:
        """Whether it is left to be confirmed: not at high risk, nor if this press asked for a second one."""
        approval = await self._store.approval(approval_id)
        if is_high(approval):
            log.info("a start of high risk is not confirmed with others", approval=approval_id)
            return False
        request = approval.waits_for_second
        return request is None or (request.at, request.by.slack_user) != (decision.at, decision.by.slack_user)

    async def _side_by_side(self, jobs: Iterable[Coroutine[object, object, T]]) -> list[T]:
        places = asyncio.Semaphore(_AT_ONCE)

        async def one(job: Coroutine[object, object, T]) -> T:
            async with places:
                return await job

        return list(await asyncio.gather(*(one(job) for job in jobs)))


def shows_burst(card: Card, copy: Copy, lead: Approval) -> bool:
    """Whether this copy is about all members.

    On-call's is while they are needed for that, and once all is answered. Of a first question that leads to
    more, such as a containment, it tells that story then, as on-call's cards of the others do.
    """
    if not card.members:
        return False
    if card.digest:
        return shows_digest(card, copy, lead)
    return copy.kind is not CopyKind.ONCALL or card.needs_oncall or not (card.waits or stands_alone(lead))


def untold(card: Card) -> bool:
    """Whether it lists something of which is not on record yet that it shows it."""
    return any(_untold(one, card) for one in card.members[1:])


def _untold(one: Member, card: Card) -> bool:
    """The same of one member; one in quiet hours has to be noted as asked once its owner is."""
    return one.told < one.version or (one.hushed and one.open and card.asks_owners)


def alone(approval: Approval | None, card: Card) -> bool:
    """Whether a question on another's card has one for on-call, too."""
    if not card.part_of or approval is None:
        return False
    return stands_alone(approval) or by_itself(approval, card)
