"""What a card should show in Slack, and the writes and calls that bring it there.

The messages are computed from the documents; the card notes what was posted. Only the difference is sent. The
intent to post is written first, so that a crash between posting and noting it does not post twice.
"""

import asyncio
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from bot.cards.audience import Audience, Notice, Subjects, as_asked
from bot.cards.blocks.access.card import access_card
from bot.cards.blocks.brakes.cap_card import cap_card
from bot.cards.blocks.brakes.paused import on_card
from bot.cards.blocks.bursts.card import burst_card
from bot.cards.blocks.bursts.digest import digest_card
from bot.cards.blocks.card import approval_card
from bot.cards.blocks.delegated import with_delegations
from bot.cards.blocks.message import Message
from bot.cards.blocks.oncall.containment_card import lockdown_card
from bot.cards.blocks.oncall.notice_card import notice_card, policy_notice_card
from bot.cards.blocks.oncall.report_card import report_card
from bot.cards.bursts import shows_burst
from bot.cards.poster import Poster, ThreadGone
from bot.cards.replies.burst_thread import burst_replies, digest_replies
from bot.cards.replies.moved import moved
from bot.cards.replies.thread import replies
from bot.cards.wanted import Wanted, differs, only_progress, still_needed
from bot.slack.channels import trouble_of
from bot.slack.errors import Refused, Throttled
from bot.slack.pace import ASKS, HIGH_RISK, REPORTS
from workers.domain.asking.access import AccessRequest
from workers.domain.asking.approvals import Approval
from workers.domain.asking.cards import REFUSED, Card, Copy, CopyKind, Post
from workers.domain.asking.notices.reports import PolicyReport
from workers.domain.containment.brakes.cap import CapQuestion
from workers.domain.errors import Conflict
from workers.domain.ids import partition_of_id
from workers.domain.policy.notice import PolicyNotice
from workers.domain.ports.clock import Clock
from workers.domain.ports.store import Commit, Said, Store
from workers.domain.starts.risk import Level
from workers.telemetry.health import Health
from workers.use_cases.asking.ask import NoteAsked

log = structlog.get_logger(__name__)

INTENT_LEASE = timedelta(seconds=10)
"""A post that another process is about to send is left to it for this long; then it is looked for."""
SETTLING = timedelta(seconds=3)
"""After our own attempt failed, Slack may still be working on it, so it is looked for this much later."""
_SOON = timedelta(seconds=2)
"""How soon a card looks again for a channel that is not known yet."""

PROGRESS_EVERY = timedelta(seconds=2)
"""How often a message that tells the progress of a containment is edited. Slack takes 50 edits a minute in a
whole workspace, and a containment has twenty things to tell in a few seconds. Its end is told at once.
Source: https://docs.slack.dev/reference/methods/chat.update (tier 3)"""

GROWING_EVERY = timedelta(seconds=1)
"""How often a card that asks about several starts is edited at most."""


class InFlight(Exception):
    """Another process is posting this very message."""


class Delivery:
    """Brings single cards up to date."""

    def __init__(
        self,
        *,
        store: Store,
        poster: Poster,
        audience: Audience,
        note_asked: NoteAsked,
        clock: Clock,
        health: Health,
    ) -> None:
        self._store = store
        self._poster = poster
        self._audience = audience
        self._note_asked = note_asked
        self._clock = clock
        self._health = health
        self._mine: set[str] = set()

    def missing(self, card: Card, subjects: Subjects) -> list[Wanted]:
        """The messages that are not posted yet, or show something else."""
        return [wanted for wanted in self._wanted(card, subjects) if differs(card, wanted, subjects)]

    def _wanted(self, card: Card, subjects: Subjects) -> list[Wanted]:
        approval, containment = subjects.approval, subjects.containment
        if approval is not None:
            approval = as_asked(approval, card)
        mention = self._audience.oncall_mention()
        wanted: list[Wanted] = []
        for copy in card.copies:
            root = self._root(card, copy, subjects._replace(approval=approval), mention)
            if root is None:
                continue  # what it says is history
            together = approval is not None and shows_burst(card, copy, approval)
            waits = together and card.waits
            root = with_delegations(root, approval, subjects.delegations, waits=waits)
            root = on_card(root, subjects.pause if subjects.waiting or waits else None)
            wanted.append(Wanted(copy.channel, copy.key, "", root, first=_urgency(card, copy, approval)))
            if not copy.sent:
                continue  # replies follow once the card is there
            link = self._audience.card_link(copy)
            if approval is not None and together:
                below = digest_replies if card.digest else burst_replies
                thread = below(card, approval, kind=copy.kind, oncall_mention=mention, card_link=link)
            else:
                thread = replies(
                    approval,
                    containment,
                    kind=copy.kind,
                    oncall_mention=mention,
                    card_link=link,
                    also=subjects.also,
                )
            if copy.instead_of:
                thread.insert(0, moved(copy.instead_of, copy.because, mention))
            wanted.extend(
                Wanted(copy.channel, copy.key, r.key, r.message, ASKS if r.pages else REPORTS) for r in thread
            )
        return wanted

    @staticmethod
    def _root(card: Card, copy: Copy, subjects: Subjects, mention: str) -> Message | None:
        """The card itself in this copy; ``None`` where nothing is to be said there any more."""
        approval, containment, notice, *_ = subjects
        if approval is not None and shows_burst(card, copy, approval):
            if card.digest:
                return digest_card(card, approval, kind=copy.kind)
            return burst_card(card, approval, kind=copy.kind, reader=copy.email)
        if approval is not None:
            return approval_card(approval, containment, kind=copy.kind, reader=copy.email)
        if notice is not None:
            return _notice(card, notice, mention)
        return lockdown_card(subjects.need_containment(), kind=copy.kind)

    def turn(self, card: Card, subjects: Subjects, wanted: Wanted) -> datetime | None:
        """When this message can go to Slack; ``None`` for now."""
        post = card.post_of(wanted.copy, wanted.reply)
        now = self._clock.now()
        if wanted.channel.startswith("#"):  # the audience looks for it, and no message can go before
            return now + _SOON if post is None else max(post.again_at, now + _SOON)
        if post is not None and post.ts == REFUSED:
            if now < post.again_at and (post.was == "" or still_needed(card, wanted, subjects)):
                return post.again_at
            post = None
        if post is not None and post.edited_at is not None and card.members:
            next_edit = post.edited_at + GROWING_EVERY
            if now < next_edit:
                return next_edit
        progress = post is not None and post.edited_at is not None and only_progress(subjects)
        if post is not None and post.edited_at is not None and progress:
            next_edit = post.edited_at + PROGRESS_EVERY
            if now < next_edit:
                return next_edit
        first = REPORTS if progress else wanted.first
        return self._poster.turn(
            wanted.channel,
            wanted.key(card),
            post,
            first=first,
            progress=progress,
            detail=bool(wanted.reply),
        )

    async def send(self, card: Card, todo: list[Wanted], subjects: Subjects) -> bool:
        """Write the intents, send everything concurrently, and write the results.

        Answers whether the card shows its subjects now; the second write says so, too.

        Raises:
            InFlight: another process is posting one of them.
            Conflict: another process wrote the card.
            DependencyAway: Slack or Redis does not answer.
        """
        card, intended = await self._intend(card, todo)
        intents = [post.intent for w in todo if (post := card.post_of(w.copy, w.reply)) is not None]
        self._mine |= set(intents)
        threads = {copy.key: copy.thread for copy in card.copies}
        card, failed = await self._sent(card, [wanted for wanted in todo if not wanted.reply], intended)
        # A card that somebody deleted is in Slack anew now: its replies go below that one, in the next pass.
        now_at = {copy.key: copy.thread for copy in card.copies}
        below = [w for w in todo if w.reply and now_at[w.copy] == threads[w.copy]]
        card, others = await self._sent(card, below, intended)
        at_rest = not self.missing(card, subjects)
        said = _said(card, todo)
        await self.note(card, subjects, changed=True, at_rest=at_rest, said=said)
        # What failed stays ours: we look for it again soon, where another process would wait longer.
        failed |= others
        self._mine -= set(intents) - set(failed)
        for error in failed.values():
            raise error
        return at_rest

    async def _sent(
        self, card: Card, todo: list[Wanted], intended: set[str]
    ) -> tuple[Card, dict[str, BaseException]]:
        """The card after these messages were sent side by side, and by intent what went wrong."""
        results = await asyncio.gather(
            *(self._send(card, wanted, fresh=intended) for wanted in todo), return_exceptions=True
        )
        failed: dict[str, BaseException] = {}
        for wanted, result in zip(todo, results, strict=True):
            if isinstance(result, ThreadGone):
                copy = card.copy_of(wanted.copy)
                card = card if copy is None else card.with_copy(copy.changed(root=None, replies={}))
            elif not isinstance(result, BaseException):
                card = self._noted(card, wanted, result)
            elif (post := card.post_of(wanted.copy, wanted.reply)) is not None:
                failed[post.intent] = result
            else:
                raise result
        return card, failed

    def _noted(self, card: Card, wanted: Wanted, post: Post | None) -> Card:
        """The card with what became of one message; a channel that refused it shows in health."""
        copy = card.copy_of(wanted.copy)
        if (
            copy is not None
            and not wanted.reply
            and copy.sent
            and post is not None
            and post.ts != copy.thread
        ):
            copy = copy.changed(replies={})  # they are below a card that somebody deleted
            card = card.with_copy(copy)
        if copy is None or copy.kind is CopyKind.OWNER or post is None or post.ts is None:
            return card.with_post(wanted.copy, wanted.reply, post)
        if post.ts != REFUSED:
            self._health.trouble_over(trouble_of(wanted.channel))
            return card.with_post(wanted.copy, wanted.reply, post)
        self._health.trouble(trouble_of(wanted.channel), f"Slack refuses messages there: {post.refused}")
        if not wanted.reply or copy.root is None or not wanted.first:
            return card.with_post(wanted.copy, wanted.reply, post)
        # Nobody is paged there any more, so the whole copy goes to the other channel, the page with it.
        # What is there already stays, and goes on when the channel takes messages again.
        card = card.with_post(wanted.copy, wanted.reply, None)
        if not copy.sent:  # an earlier reply of this pass was refused
            return card
        root = copy.root.changed(ts=None, was=copy.thread or "").not_taken(post.refused, self._clock.now())
        return card.with_post(wanted.copy, "", root)

    async def _intend(self, card: Card, todo: list[Wanted]) -> tuple[Card, set[str]]:
        """The card with the posts that are about to be sent written to it, and which intents are new."""
        now = self._clock.now()
        intended: set[str] = set()
        for wanted in todo:
            post = card.post_of(wanted.copy, wanted.reply)
            if post is None or post.ts == REFUSED:
                fresh = Post(intent=secrets.token_hex(8), intended_at=now)
                if post is not None:
                    fresh = fresh.changed(refusals=post.refusals, was=post.was)
                intended.add(fresh.intent)
                card = card.with_post(wanted.copy, wanted.reply, fresh)
            elif post.ts is None:
                lease = SETTLING if post.intent in self._mine else INTENT_LEASE
                if now - post.intended_at < lease:
                    raise InFlight
        if intended or card.version == 0:
            await self._store.commit(_of(card, documents=(card,)))
            card = card.changed(version=card.version + 1)
        return card, intended

    async def note(
        self, card: Card, subjects: Subjects, *, changed: bool, at_rest: bool, said: Said | None = None
    ) -> None:
        """Write the card if it has changed, and once it is at rest that it shows its subjects.

        Once everybody who can be reached has the card, the same write notes that they were asked; the
        channel's copy may still wait for its turn. Each card notes ``approval.asked`` once, whatever is
        posted later.
        """
        shown = _versions(subjects) if at_rest else ()
        alone = _of(card, documents=(card,) if changed else (), shown=shown, said=said)
        asked = as_asked(subjects.approval, card) if subjects.approval is not None else None
        if asked is None or asked == subjects.approval or not card.reached:
            if changed or at_rest:
                await self._store.commit(alone)
            return
        noting = self._note_asked.noting(asked)
        if at_rest:
            # Written only if nothing else changed the approval: then the card shows this version already.
            shown = (*_versions(subjects._replace(approval=None)), (asked.id, asked.version + 1))
        together = noting.changed(documents=(*alone.documents, *noting.documents), shown=shown, said=said)
        try:
            await self._store.commit(together)
        except Conflict:
            # The approval changed meanwhile. The card is written all the same, or it would be posted again.
            if changed or at_rest:
                await self._store.commit(alone)
            if asked.quiet_until is not None:
                raise  # with the approval as it is now, it is noted at the next try
            await self._note_asked(asked.id, asked.asked_whom, at=asked.asked_at, notice=asked.notice)
        else:
            await self._note_asked.noted(asked)

    async def _send(self, card: Card, wanted: Wanted, *, fresh: set[str]) -> Post | None:
        """What is known of the post afterwards; ``None`` if Slack certainly did not take it."""
        root, post = card.post_of(wanted.copy), card.post_of(wanted.copy, wanted.reply)
        if root is None or post is None:
            raise Conflict(f"card {card.id} has no copy {wanted.copy}")
        channel, thread = wanted.channel, root.ts if wanted.reply else None
        digest, key = wanted.message.digest, wanted.key(card)
        ts, known = post.ts, post if post.intent not in fresh else None
        if ts is None and post.was:
            ts, known = post.was, post
        try:
            if ts is None and known is not None:
                ts = await self._poster.find(channel, post, key=key, thread_ts=thread)
                known = post.changed(ts=ts)
            if ts is not None:
                if await self._poster.edit(channel, ts, wanted.message, key=key, first=wanted.first):
                    return post.changed(ts=ts, was="", shows=digest, edited_at=self._clock.now())
                if wanted.reply:
                    return None  # somebody deleted it: the next pass sends it with an intent of its own
                raise ThreadGone
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
            # A reply tells progress from the first moment; the card itself waits for an answer then.
            edited_at = self._clock.now() if wanted.reply else None
            return post.changed(ts=ts, shows=digest, edited_at=edited_at)
        except Throttled:
            return known
        except Refused as refused:
            # The other copies still tell.
            log.error("Slack refuses a message", card=card.id, channel=channel, error=refused.code)
            return post.changed(shows=digest).not_taken(refused.code, self._clock.now())


def _urgency(card: Card, copy: Copy, approval: Approval | None) -> int:
    """How urgent a card is. What asks at high risk never waits behind others."""
    if card.members and copy.kind is CopyKind.CHANNEL:
        return REPORTS  # the owner's edits take the turns there are
    risk = approval.risk if approval is not None and approval.open else None
    return HIGH_RISK if risk is not None and risk.level is Level.HIGH else ASKS


def _notice(card: Card, notice: Notice, mention: str) -> Message | None:
    """The card of what is about no single VM; ``None`` if it asked something that is answered since."""
    if isinstance(notice, CapQuestion):
        asked = notice.of(card.id)
        return None if asked is None else cap_card(asked, mention)
    if isinstance(notice, AccessRequest):
        return access_card(notice, mention)
    if isinstance(notice, PolicyNotice):
        return policy_notice_card(notice, mention)
    if isinstance(notice, PolicyReport):
        return report_card(notice)
    return notice_card(notice, mention)


def _of(
    card: Card,
    *,
    documents: tuple[Card, ...],
    shown: tuple[tuple[str, int], ...] = (),
    said: Said | None = None,
) -> Commit:
    return Commit(partition=partition_of_id(card.id), documents=documents, shown=shown, said=said)


def _said(card: Card, todo: Sequence[Wanted]) -> Said:
    """What was sent just now, and what the card shows by now."""
    posts = (post for copy in card.copies for post in (copy.root, *copy.replies.values()))
    texts = {wanted.message.digest: wanted.message.says for wanted in todo}
    return Said(card.id, texts, tuple({post.shows for post in posts if post}))


def _versions(subjects: Subjects) -> tuple[tuple[str, int], ...]:
    return tuple((d.id, d.version) for d in subjects.documents)
