"""Brings every Slack copy of a card in line with its state: the consumer of the queue ``notices``.

The wanted messages are computed from the documents; what was posted is in the card. The difference is done,
intent first, so that a crash between posting and noting it does not post twice.
"""

import asyncio
import secrets
from datetime import timedelta
from typing import NamedTuple
from weakref import WeakValueDictionary

import structlog
from pydantic import ValidationError

from bot.audience import Audience, Subjects, as_asked
from bot.blocks.card import approval_card
from bot.blocks.containment_card import lockdown_card
from bot.blocks.message import Message as SlackMessage
from bot.blocks.thread import replies
from bot.poster import Poster, Refused
from workers.domain.cards import REFUSED, Card, Post
from workers.domain.errors import Conflict, NotFound
from workers.domain.ids import partition_of_id
from workers.domain.messages import Complete, DeadLetter, Later, Message, Settlement
from workers.domain.nudges import Nudge, Subject
from workers.domain.ports import Clock, Commit, Store
from workers.use_cases.ask import NoteAsked

log = structlog.get_logger(__name__)

INTENT_LEASE = timedelta(seconds=10)
"""A post that another process set out to send is left to it for this long; then it is looked for."""
SETTLING = timedelta(seconds=3)
"""After our own attempt failed: Slack may still be working on what it received, so it is looked for later."""
_PASSES = 6


class _Wanted(NamedTuple):
    """One message that should be there: the card itself (``reply`` empty), or a reply in its thread."""

    copy: str
    reply: str
    message: SlackMessage


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

    async def __call__(self, message: Message) -> Settlement:
        """Render every card that shows the nudge's document.

        Raises:
            DependencyAway: Slack or Redis does not answer; the message comes again.
        """
        try:
            nudge = Nudge.model_validate_json(message.body)
        except ValidationError as error:
            return DeadLetter(reason="NotANudge", description=str(error))
        try:
            cards: tuple[str, ...] = (nudge.id,)
            if nudge.subject is Subject.CONTAINMENT:
                cards = (await self._store.containment(nudge.id)).cards
            for card_id in cards:
                await self.render(card_id)
        except NotFound as gone:
            log.info("nothing to show", id=nudge.id, because=str(gone))
        except (_InFlight, Conflict):
            return Later(after_s=2.0)
        return Complete()

    async def render(self, card_id: str) -> None:
        """Post and edit until this card shows what it should."""
        lock = self._locks.setdefault(card_id, asyncio.Lock())
        async with lock:
            await self._converge(card_id)

    async def _converge(self, card_id: str) -> None:
        for _ in range(_PASSES):
            subjects, card = await asyncio.gather(self._subjects(card_id), self._store.card(card_id))
            card = await self._audience.with_copies(card, subjects)
            todo = self._todo(card, subjects)
            if todo:
                card, at_rest = await self._do(card, todo, subjects)
                if not at_rest:
                    continue
            else:
                await self._store.commit(
                    Commit(partition=partition_of_id(card.id), shown=_versions(subjects))
                )
            await self._asked(card, subjects)
            return
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
            wanted.append(_Wanted(copy.key, "", root))
            if copy.root is None or copy.root.ts is None:
                continue  # replies follow once the card is there
            thread = replies(approval, containment, kind=copy.kind, oncall_mention=mention)
            wanted.extend(_Wanted(copy.key, reply.key, reply.message) for reply in thread)
        return wanted

    # Doing it

    async def _do(self, card: Card, todo: list[_Wanted], subjects: Subjects) -> tuple[Card, bool]:
        """Note the intents in one write, do all of it side by side, note the results in another.

        Answers the card as written, and whether it shows its subjects now, which the same write says.
        """
        now = self._clock.now()
        intended: set[str] = set()
        for wanted in todo:
            post = _post(card, wanted)
            if post is None:
                fresh = Post(intent=secrets.token_hex(8), intended_at=now)
                intended.add(fresh.intent)
                card = _with_post(card, wanted, fresh)
            elif post.ts is None:
                lease = SETTLING if post.intent in self._mine else INTENT_LEASE
                if now - post.intended_at < lease:
                    raise _InFlight
        if intended or card.version == 0:
            card = await self._commit(card)
        mine = {post.intent for wanted in todo if (post := _post(card, wanted)) is not None}
        self._mine |= mine
        results = await asyncio.gather(
            *(self._send(card, wanted, fresh=intended) for wanted in todo), return_exceptions=True
        )
        for wanted, result in zip(todo, results, strict=True):
            if isinstance(result, Post):
                card = _with_post(card, wanted, result)
        at_rest = not self._todo(card, subjects)
        card = await self._commit(card, shown=_versions(subjects) if at_rest else ())
        # What failed stays ours: the next attempt looks for it soon, where another process would wait longer.
        self._mine -= {result.intent for result in results if isinstance(result, Post)}
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return card, at_rest

    async def _send(self, card: Card, wanted: _Wanted, *, fresh: set[str]) -> Post:
        copy, post = card.copy_of(wanted.copy), _post(card, wanted)
        if copy is None or post is None:
            raise Conflict(f"card {card.id} has no copy {wanted.copy}")
        thread = copy.root.ts if wanted.reply and copy.root else None
        digest = wanted.message.digest
        try:
            ts = post.ts
            if ts is None and post.intent not in fresh:
                ts = await self._poster.find(copy.channel, post, thread_ts=thread)
            if ts is not None and await self._poster.edit(copy.channel, ts, wanted.message):
                return post.changed(ts=ts, shows=digest)
            ts = await self._poster.post(
                copy.channel, wanted.message, card_id=card.id, intent=post.intent, thread_ts=thread
            )
            return post.changed(ts=ts, shows=digest)
        except Refused as refused:
            # Trying again is pointless; the other copies still tell. What it should show counts as shown.
            log.error("Slack refuses a message", card=card.id, channel=copy.channel, error=refused.code)
            return post.changed(ts=post.ts or REFUSED, shows=digest)

    async def _asked(self, card: Card, subjects: Subjects) -> None:
        approval = subjects.approval
        if approval is None:
            return
        asked = as_asked(approval, card)
        if asked != approval:
            await self._note_asked(
                approval.id, asked.asked_whom, at=asked.asked_at, notice=asked.notice, known=approval
            )

    async def _commit(self, card: Card, *, shown: tuple[tuple[str, int], ...] = ()) -> Card:
        await self._store.commit(Commit(partition=partition_of_id(card.id), documents=(card,), shown=shown))
        return card.changed(version=card.version + 1)


def _versions(subjects: Subjects) -> tuple[tuple[str, int], ...]:
    return tuple((d.id, d.version) for d in subjects if d is not None)


def _post(card: Card, wanted: _Wanted) -> Post | None:
    copy = card.copy_of(wanted.copy)
    if copy is None:
        return None
    return copy.replies.get(wanted.reply) if wanted.reply else copy.root


def _with_post(card: Card, wanted: _Wanted, post: Post) -> Card:
    copy = card.copy_of(wanted.copy)
    if copy is None:
        raise Conflict(f"card {card.id} has no copy {wanted.copy}")
    if wanted.reply:
        return card.with_copy(copy.changed(replies={**copy.replies, wanted.reply: post}))
    return card.with_copy(copy.changed(root=post))


def _differs(card: Card, wanted: _Wanted) -> bool:
    post = _post(card, wanted)
    return post is None or post.ts is None or (post.ts != REFUSED and post.shows != wanted.message.digest)
