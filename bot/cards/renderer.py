"""Brings every Slack copy of a card in line with its state: the consumer of the queue ``notices``.

The wanted messages are computed from the documents; what was posted is in the card. The difference is done,
intent first, so that a crash between posting and noting it does not post twice.

What Slack does not take yet holds nothing back: the rest is sent and noted, the owner counts as asked, and
the nudge comes again at the turn of what is left. Until then the card counts as not shown, and other nudges
leave it to the one that comes.
"""

import asyncio
import secrets
from datetime import datetime, timedelta
from typing import NamedTuple
from weakref import WeakValueDictionary

import structlog

from bot.cards.audience import Audience, Subjects, as_asked
from bot.cards.blocks.card import approval_card
from bot.cards.blocks.containment_card import lockdown_card
from bot.cards.blocks.message import Message as SlackMessage
from bot.cards.blocks.thread import replies, without_past_rounds
from bot.cards.poster import Poster, Refused
from bot.slack.errors import Throttled
from workers.domain.asking.cards import REFUSED, Card, Post
from workers.domain.errors import Conflict, NewerDocument, NotFound
from workers.domain.ids import partition_of_id
from workers.domain.messages import Complete, Later, Message, Settlement
from workers.domain.nudges import Nudge, Subject
from workers.domain.ports.clock import Clock
from workers.domain.ports.store import Commit, Store
from workers.use_cases.asking.ask import NoteAsked
from workers.use_cases.read_nudge import put_off, read_nudge

log = structlog.get_logger(__name__)

INTENT_LEASE = timedelta(seconds=10)
"""A post that another process set out to send is left to it for this long; then it is looked for."""
SETTLING = timedelta(seconds=3)
"""After our own attempt failed: Slack may still be working on what it received, so it is looked for later."""
EARLY_S = 0.3
"""A message comes this long before its turn, and waits: queues are not punctual."""
_SURELY_S = 2.0
"""What should have come again by then may be here, or never come: it is relied on no longer."""
_MOST_AWAITED = 10_000
_PASSES = 6


class _Wanted(NamedTuple):
    """One message that should be there: the card itself (``reply`` empty), or a reply in its thread."""

    channel: str
    copy: str
    reply: str
    message: SlackMessage
    first: bool  # somebody has to act on it

    def key(self, card: Card) -> str:
        """Of this message, among all that go to Slack."""
        return f"{card.id} {self.copy} {self.reply}"


class _InFlight(Exception):
    """Somebody else is posting this very message."""


class Renderer:
    """Renders cards."""

    def __init__(
        self,
        *,
        store: Store,
        poster: Poster,
        audience: Audience,
        note_asked: NoteAsked,
        clock: Clock,
    ) -> None:
        self._store = store
        self._poster = poster
        self._audience = audience
        self._note_asked = note_asked
        self._clock = clock
        # Weak: a lock lives as long as somebody holds it or waits for it, and not a moment less.
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._mine: set[str] = set()
        self._awaited: dict[str, datetime] = {}

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
            for card_id in cards:
                turns[card_id] = await self.render(card_id)
        except NotFound as gone:
            log.info("nothing to show", id=nudge.id, because=str(gone))
        except (_InFlight, Conflict):
            return Later(after_s=2.0)
        except NewerDocument as newer:
            return put_off(message, newer)
        return self._settled(turns)

    def _settled(self, turns: dict[str, datetime | None]) -> Settlement:
        """Come again at the first turn of cards for which nobody else comes by then."""
        now = self._clock.now()
        alone: dict[str, datetime] = {}
        for card_id, turn in turns.items():
            comes = self._awaited.get(card_id)
            if turn is None:
                self._awaited.pop(card_id, None)
            elif comes is None or not now + timedelta(seconds=_SURELY_S) < comes <= turn:
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
        lock = self._locks.setdefault(card_id, asyncio.Lock())
        async with lock:
            try:
                return await self._converge(card_id)
            except Throttled as no:  # before anything of it was sent: the people could not be looked up
                return self._clock.now() + timedelta(seconds=no.wait_s)

    async def _converge(self, card_id: str) -> datetime | None:
        for _ in range(_PASSES):
            subjects, card = await asyncio.gather(self._subjects(card_id), self._store.card(card_id))
            card = await self._audience.with_copies(card, subjects)
            card = without_past_rounds(card, subjects.containment)
            todo = self._todo(card, subjects)
            turns = [self._turn(card, wanted) for wanted in todo]
            ready = [wanted for wanted, turn in zip(todo, turns, strict=True) if turn is None]
            if ready:
                if await self._do(card, ready, subjects):
                    return None
                continue
            await self._note(card, subjects, changed=False, at_rest=not todo)
            return min((turn for turn in turns if turn is not None), default=None)
        raise Conflict(f"card {card_id} does not come to rest")

    async def _subjects(self, card_id: str) -> Subjects:
        if card_id.startswith("c"):
            return Subjects(None, await self._store.containment(card_id))
        approval = await self._store.approval(card_id)
        if approval.containment_id is None:
            return Subjects(approval, None)
        return Subjects(approval, await self._store.containment(approval.containment_id))

    # What they should show

    def _todo(self, card: Card, subjects: Subjects) -> list[_Wanted]:
        return [wanted for wanted in self._wanted(card, subjects) if _differs(card, wanted)]

    def _wanted(self, card: Card, subjects: Subjects) -> list[_Wanted]:
        approval, containment = subjects
        if approval is not None:
            approval = as_asked(approval, card)
        mention = self._audience.oncall_mention()
        wanted: list[_Wanted] = []
        for copy in card.copies:
            if approval is not None:
                root = approval_card(approval, containment, kind=copy.kind)
            else:
                root = lockdown_card(subjects.need_containment())
            wanted.append(_Wanted(copy.channel, copy.key, "", root, first=True))
            if copy.root is None or copy.root.ts is None:
                continue  # replies follow once the card is there
            thread = replies(approval, containment, kind=copy.kind, oncall_mention=mention)
            wanted.extend(_Wanted(copy.channel, copy.key, r.key, r.message, r.pages) for r in thread)
        return wanted

    def _turn(self, card: Card, wanted: _Wanted) -> datetime | None:
        post = card.post_of(wanted.copy, wanted.reply)
        return self._poster.turn(wanted.channel, wanted.key(card), post, first=wanted.first)

    # Doing it

    async def _do(self, card: Card, todo: list[_Wanted], subjects: Subjects) -> bool:
        """Note the intents in one write, do all of it side by side, note the results in another.

        Answers whether the card shows its subjects now, which the same write says.
        """
        card, intended = await self._intend(card, todo)
        intents = [post.intent for w in todo if (post := card.post_of(w.copy, w.reply)) is not None]
        self._mine |= set(intents)
        results = await asyncio.gather(
            *(self._send(card, wanted, fresh=intended) for wanted in todo), return_exceptions=True
        )
        for wanted, result in zip(todo, results, strict=True):
            if not isinstance(result, BaseException):
                card = card.with_post(wanted.copy, wanted.reply, result)
        at_rest = not self._todo(card, subjects)
        await self._note(card, subjects, changed=True, at_rest=at_rest)
        # What failed stays ours: the next attempt looks for it soon, where another process would wait longer.
        done = zip(intents, results, strict=True)
        self._mine -= {intent for intent, result in done if not isinstance(result, BaseException)}
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return at_rest

    async def _intend(self, card: Card, todo: list[_Wanted]) -> tuple[Card, set[str]]:
        """The card with what is going to be posted noted in it, and which intents are new."""
        now = self._clock.now()
        intended: set[str] = set()
        for wanted in todo:
            post = card.post_of(wanted.copy, wanted.reply)
            if post is None:
                fresh = Post(intent=secrets.token_hex(8), intended_at=now)
                intended.add(fresh.intent)
                card = card.with_post(wanted.copy, wanted.reply, fresh)
            elif post.ts is None:
                lease = SETTLING if post.intent in self._mine else INTENT_LEASE
                if now - post.intended_at < lease:
                    raise _InFlight
        if intended or card.version == 0:
            await self._store.commit(_of(card, documents=(card,)))
            card = card.changed(version=card.version + 1)
        return card, intended

    async def _note(self, card: Card, subjects: Subjects, *, changed: bool, at_rest: bool) -> None:
        """Write the card, if it has changed, and once it is at rest that it shows its subjects.

        The same write notes that its people were asked, once it has reached all of them that it can: the
        channel's copy may still wait for its turn. That is one ``approval.asked`` for each card, whatever
        is posted later.
        """
        shown = _versions(subjects) if at_rest else ()
        alone = _of(card, documents=(card,) if changed else (), shown=shown)
        asked = as_asked(subjects.approval, card) if subjects.approval is not None else None
        if asked is None or asked == subjects.approval or not (at_rest or card.reached):
            if changed or at_rest:
                await self._store.commit(alone)
            return
        noting = self._note_asked.noting(asked)
        if at_rest:
            # Written only if nothing else changed the approval: then the card shows this version already.
            shown = (*_versions(subjects._replace(approval=None)), (asked.id, asked.version + 1))
        together = noting.changed(documents=(*alone.documents, *noting.documents), shown=shown)
        try:
            await self._store.commit(together)
        except Conflict:
            # Whatever became of the approval: a posting that is not noted would be made again.
            if changed or at_rest:
                await self._store.commit(alone)
            await self._note_asked(asked.id, asked.asked_whom, at=asked.asked_at, notice=asked.notice)
        else:
            await self._note_asked.noted(asked)

    async def _send(self, card: Card, wanted: _Wanted, *, fresh: set[str]) -> Post | None:
        """The post as far as it came; ``None`` if Slack has not taken it, which is certain."""
        root, post = card.post_of(wanted.copy), card.post_of(wanted.copy, wanted.reply)
        if root is None or post is None:
            raise Conflict(f"card {card.id} has no copy {wanted.copy}")
        channel, thread = wanted.channel, root.ts if wanted.reply else None
        digest, key = wanted.message.digest, wanted.key(card)
        ts, known = post.ts, post if post.intent not in fresh else None
        try:
            if ts is None and known is not None:
                ts = await self._poster.find(channel, post, key=key, thread_ts=thread)
                known = post.changed(ts=ts)
            if ts is not None and await self._poster.edit(channel, ts, wanted.message, key=key):
                return post.changed(ts=ts, shows=digest)
            known = None
            ts = await self._poster.post(
                channel,
                wanted.message,
                key=key,
                card_id=card.id,
                intent=post.intent,
                thread_ts=thread,
                first=wanted.first,
            )
            return post.changed(ts=ts, shows=digest)
        except Throttled:
            return known
        except Refused as refused:
            # Trying again is pointless; the other copies still tell. What it should show counts as shown.
            log.error("Slack refuses a message", card=card.id, channel=channel, error=refused.code)
            return post.changed(ts=post.ts or REFUSED, shows=digest)


def _of(card: Card, *, documents: tuple[Card, ...], shown: tuple[tuple[str, int], ...] = ()) -> Commit:
    return Commit(partition=partition_of_id(card.id), documents=documents, shown=shown)


def _versions(subjects: Subjects) -> tuple[tuple[str, int], ...]:
    return tuple((d.id, d.version) for d in subjects if d is not None)


def _differs(card: Card, wanted: _Wanted) -> bool:
    post = card.post_of(wanted.copy, wanted.reply)
    return post is None or post.ts is None or (post.ts != REFUSED and post.shows != wanted.message.digest)
