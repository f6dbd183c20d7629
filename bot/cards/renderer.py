"""Brings every Slack copy of a card up to date: the consumer of the queue ``notices``.

A message that Slack does not take yet holds nothing else back: the others are sent and noted, the owner
counts as asked, and the nudge comes again when the message has its turn. Until then the card does not count
as shown, and other nudges leave it to the one that comes.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

import structlog

from bot.cards.audience import Audience, Subjects
from bot.cards.bursts import Bursts, alone, untold
from bot.cards.delivery import Delivery, InFlight
from bot.cards.poster import Poster
from bot.cards.replies.thread import without_past_rounds
from bot.cards.wanted import Wanted
from bot.slack.errors import Throttled
from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.asking.cards import Card, CopyKind
from workers.domain.containment.brakes.pause import Pause
from workers.domain.errors import Conflict, DependencyAway, NewerDocument, NotFound
from workers.domain.messages import Complete, Later, Message, Settlement
from workers.domain.nudges import Nudge, Subject
from workers.domain.ports.clock import Clock
from workers.domain.ports.store import Store
from workers.telemetry.health import Health
from workers.telemetry.spans import following
from workers.use_cases.asking.ask import NoteAsked
from workers.use_cases.orders.reading.also_started import AllStarted
from workers.use_cases.read_nudge import put_off, read_nudge

log = structlog.get_logger(__name__)

EARLY_S = 0.3
"""A message comes this long before its turn, and waits, since queues are not punctual."""
_OVERDUE_S = 2.0
"""A nudge that is due within this time, or was due already, is no longer relied on to come again."""
_MOST_AWAITED = 10_000
_PASSES = 6


class Renderer:
    """Renders cards."""

    def __init__(
        self,
        *,
        store: Store,
        poster: Poster,
        audience: Audience,
        note_asked: NoteAsked,
        bursts: Bursts,
        clock: Clock,
        health: Health | None = None,
        also: Callable[[Approval], Awaitable[AllStarted]] | None = None,
    ) -> None:
        self._store = store
        self._also_started = also
        self._audience = audience
        self._delivery = Delivery(
            store=store,
            poster=poster,
            audience=audience,
            note_asked=note_asked,
            clock=clock,
            health=health or Health(),
        )
        self._bursts = bursts
        self._clock = clock
        self._turns: dict[str, datetime | None] = {}
        # Weak, so that a lock lives exactly as long as somebody holds it or waits for it.
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._awaited: dict[str, datetime] = {}
        self._also_known: dict[str, AllStarted] = {}

    async def __call__(self, message: Message) -> Settlement:
        """Render every card that shows the nudge's document.

        Raises:
            DependencyAway: Slack or Redis does not answer; the message comes again.
        """
        turns: dict[str, datetime | None] = {}
        nudge = read_nudge(message)
        if not isinstance(nudge, Nudge):
            return nudge
        try:
            cards: tuple[str, ...] = (nudge.id,)
            if nudge.subject is Subject.CONTAINMENT:
                cards = (await self._store.containment(nudge.id)).cards
            elif nudge.subject is Subject.NOTICE:
                cards = ((await self._store.dead_letter_notice()).card_id,)
            elif nudge.subject is Subject.POLICY:
                cards = ((await self._store.policy_notice()).card_id,)
            elif nudge.subject is Subject.CAP:
                question = await self._store.cap_question()
                # The one before, too: its answer may have come right before the next one was asked.
                cards = tuple(one.card_id for one in (question.before, question.asked) if one is not None)
            for card_id in cards:
                shown, turn = await self._rendered(card_id)
                turns[shown] = turn
            turns |= await self._also_outdated(nudge.id)
        except NotFound as gone:
            log.info("nothing to show", id=nudge.id, because=str(gone))
        except (InFlight, Conflict):
            return Later(after_s=2.0)
        except NewerDocument as newer:
            return put_off(message, newer)
        return self._settled(turns)

    async def _also_outdated(self, card_id: str) -> dict[str, datetime | None]:
        """Render the cards of those from which this start differs, until they say so."""
        turns = dict([await self._rendered(lead) for lead in self._bursts.outdated(card_id)])
        if not any(turns.values()):
            self._bursts.renewed(card_id)
        return turns

    def _settled(self, turns: dict[str, datetime | None]) -> Settlement:
        """Come again at the first turn of cards for which nobody else comes by then."""
        now = self._clock.now()
        alone: dict[str, datetime] = {}
        for card_id, turn in turns.items():
            comes = self._awaited.get(card_id)
            if turn is None:
                self._awaited.pop(card_id, None)
            elif comes is None or not now + timedelta(seconds=_OVERDUE_S) < comes <= turn:
                alone[card_id] = turn
        if not alone:
            return Complete()
        at = max(now, min(alone.values()) - timedelta(seconds=EARLY_S))
        if len(self._awaited) >= _MOST_AWAITED:
            self._awaited = {card_id: comes for card_id, comes in self._awaited.items() if comes > now}
        self._awaited |= dict.fromkeys(alone, at)
        return Later(after_s=(at - now).total_seconds())

    async def render(self, card_id: str) -> datetime | None:
        """Post and edit until this card shows what it should; else when the next of it has its turn."""
        return (await self._rendered(card_id))[1]

    async def _rendered(self, card_id: str) -> tuple[str, datetime | None]:
        """As ``render``, with the card that shows it: its own, or one that asks about several starts."""
        async with self._locks.setdefault(card_id, asyncio.Lock()):
            subjects, card = known = await self._read(card_id)
            approval = subjects.approval
            if approval is None:
                return card_id, await self._converged(card_id, known)
            if not approval.has_card or self._audience.asks_nobody(approval):
                return card_id, None
            lead = await self._bursts.lead_of(approval, card)
            if lead == card_id:
                return card_id, await self._converged(card_id, known)
            self._bursts.joins(lead, approval, subjects.containment)
            if alone(approval, card):
                await self._converged(card_id, known)
        return lead, await self._on_lead(lead, card_id)

    async def _on_lead(self, lead: str, card_id: str) -> datetime | None:
        """Bring the card up to date that lists this question, unless somebody else has just done so."""
        async with self._locks.setdefault(lead, asyncio.Lock()):
            if not self._bursts.is_listed(lead, card_id) or lead not in self._turns:
                if len(self._turns) >= _MOST_AWAITED:
                    self._turns.clear()
                self._turns[lead] = await self._converged(lead, await self._read(lead))
            return self._turns[lead]

    async def _converged(self, card_id: str, known: tuple[Subjects, Card]) -> datetime | None:
        try:
            with following("show", _trace(known[0])):
                return await self._converge(card_id, known)
        except Throttled as no:  # the people could not be looked up, so nothing was sent
            return self._clock.now() + timedelta(seconds=no.wait_s)

    async def _converge(self, card_id: str, known: tuple[Subjects, Card]) -> datetime | None:
        told = False
        for number in range(_PASSES):
            subjects, card = await self._read(card_id) if number else known
            if subjects.approval is not None:
                card = await self._bursts.carry_out(card)
                card = await self._bursts.grown(card, subjects.approval, subjects.containment)
            card = await self._audience.with_copies(card, subjects)
            card = without_past_rounds(card, subjects.containment)
            todo = self._delivery.missing(card, subjects)
            turns = [self._delivery.turn(card, subjects, wanted) for wanted in todo]
            ready = [wanted for wanted, turn in zip(todo, turns, strict=True) if turn is None]
            if ready:
                if await self._delivery.send(card, ready, subjects) and not untold(card):
                    return None
                continue
            if (
                subjects.approval is not None
                and not told
                and untold(card)
                and not any(map(_asks_owner, todo))
            ):
                told = True
                await self._bursts.tell(card, subjects.approval)
                continue
            await self._delivery.note(card, subjects, changed=False, at_rest=not todo)
            return min((turn for turn in turns if turn is not None), default=None)
        raise Conflict(f"card {card_id} does not come to rest")

    async def _read(self, card_id: str) -> tuple[Subjects, Card]:
        """What the card is about, with the pause if one is on, and what is known of the card itself."""
        subjects, card, pause = await self._documents(card_id)
        return subjects._replace(pause=pause if pause.on(self._clock.now()) else None), card

    async def _also(self, approval: Approval) -> AllStarted:
        """What else the caller has started; read once, since it looks back from the rejection."""
        if approval.state is not ApprovalState.REJECTED or self._also_started is None:
            return AllStarted()
        known = self._also_known.get(approval.id)
        if known is None:
            try:
                known = await self._also_started(approval)
            except DependencyAway as away:  # it must not hold the rejection back
                log.warning("what else was started is not known", id=approval.id, because=str(away))
                return AllStarted()
            if len(self._also_known) >= _MOST_AWAITED:
                self._also_known.clear()
            self._also_known[approval.id] = known
        return known

    async def _documents(self, card_id: str) -> tuple[Subjects, Card, Pause]:
        if card_id.startswith("a"):
            approval, card, pause, delegations = await self._store.shown_question(card_id)
            held = approval.containment_id
            containment = await self._store.containment(held) if held else None
            current = delegations.current(self._clock.now()) if approval.open or card.waits else ()
            also = await self._also(approval)
            return Subjects(approval, containment, delegations=current, also=also), card, pause
        if card_id.startswith("n"):
            subjects = Subjects(None, None, await self._store.dead_letter_notice())
        elif card_id.startswith("f"):
            subjects = Subjects(None, None, await self._store.policy_notice())
        elif card_id.startswith("o"):
            subjects = Subjects(None, None, await self._store.report(card_id))
        elif card_id.startswith("g"):
            subjects = Subjects(None, None, await self._store.access_request(card_id))
        elif card_id.startswith("k"):
            subjects = Subjects(None, None, await self._store.cap_question())
        else:
            subjects = Subjects(None, await self._store.containment(card_id))
        return subjects, await self._store.card(card_id), await self._store.pause()


def _trace(subjects: Subjects) -> str:
    """The trace that these messages belong to: that of the question, else of the containment."""
    document = subjects.approval or subjects.containment
    return document.trace if document is not None else ""


def _asks_owner(wanted: Wanted) -> bool:
    """Whether it is a card, not a reply, in an owner's own conversation."""
    return not wanted.reply and wanted.copy.startswith(CopyKind.OWNER)
