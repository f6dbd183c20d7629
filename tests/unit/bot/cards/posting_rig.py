"""An approval that was opened, and the bot that posts it to a Slack in the test's hand."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, cast

from bot.cards.audience import Audience
from bot.cards.blocks.message import Message as SlackMessage
from bot.cards.bursts import Bursts
from bot.cards.poster import ThreadGone
from bot.cards.renderer import Renderer
from bot.slack.directory import Directory, Found
from bot.slack.errors import Refused, Throttled
from bot.slack.pace import EDITING, SEARCHING, Pace, posting
from tests import acting
from tests import builders as a
from tests.doubles import FakeClock
from tests.rig import Rig
from workers.domain.asking.approvals import Approval
from workers.domain.asking.cards import Card, Post
from workers.domain.errors import DependencyAway, NotFound
from workers.domain.ids import partition_of_id
from workers.domain.messages import Message, Settlement
from workers.domain.nudges import Nudge, Subject
from workers.domain.ports.groups import NoGroups
from workers.domain.ports.store import Commit
from workers.domain.starts.people import Owner
from workers.store.in_memory.store import MemoryStore
from workers.telemetry.health import Health
from workers.use_cases.asking.ask import NoteAsked
from workers.use_cases.asking.pass_on import PassOn

if TYPE_CHECKING:
    from bot.cards.poster import Poster
    from bot.slack.channels import Channels

DM, CHANNEL, ONCALL = "D1", "C1", "C2"
Meanwhile = Callable[[], Awaitable[None]]


class People:
    """Knows Alice, and two channels.

    Attributes:
        throttled_s: how long Slack looks nobody up; 0 when it does.
        unknown: names of channels that Slack does not show.
        sought: names of channels that are still being looked for.
        quiet: until when a person or channel is not to be disturbed.
        quiet_from: when that begins, where it does not hold already.
    """

    def __init__(self) -> None:
        self.found = Found({a.ALICE: "alice@contoso.com"}, "")
        self.throttled_s = 0.0
        self.unknown: set[str] = set()
        self.sought: set[str] = set()
        self.quiet: dict[str, datetime] = {}
        self.quiet_from: dict[str, datetime] = {}
        self.conversations: dict[str, str] = {}

    async def until(self, user: str, _email: str, *, at: datetime | None = None) -> datetime | None:
        await asyncio.sleep(0)
        begins = self.quiet_from.get(user)
        return None if begins is not None and (at is None or at < begins) else self.quiet.get(user)

    def of_channel(self, channel: str) -> datetime | None:
        return self.quiet.get(channel)

    async def with_members(self, owner: Owner) -> tuple[Owner, str]:
        await asyncio.sleep(0)
        return owner, ""

    async def owners(self, _owner: Owner) -> Found:
        if self.throttled_s:
            raise Throttled("ratelimited", wait_s=self.throttled_s)
        return self.found

    async def direct_message(self, user: str) -> str:
        return self.conversations.get(user, DM)

    def of_policy(self, _channel: str) -> bool:
        return True

    def id_of(self, name: str) -> str:
        if name in self.sought:
            raise DependencyAway("slack", f"{name} is still being looked for")
        if name in self.unknown:
            raise NotFound(f"there is no channel {name} that the bot can see; invite it there")
        return ONCALL if name == "#vm-oncall" else CHANNEL

    def oncall_mention(self) -> str:
        return ""

    async def workspace_url(self) -> str:
        return "https://contoso.slack.com/"


class Slack:
    """Keeps what was posted, at the product's own pace.

    Attributes:
        posted: by intent, each message's ``ts``, which tells its channel.
        shows: by ``ts``, each message as it is now.
        full: channels that take nothing now, and for how many seconds they say so.
        away: channels from which no answer comes; what was posted there has not arrived.
        sought: intents that were looked for.
        unsearchable_s: for how long Slack looks for nothing; 0 when it does.
        sending: runs once, before the first message has arrived.
        meanwhile: runs once, when the first message has arrived and its answer has not.
    """

    def __init__(self, clock: FakeClock) -> None:
        self.pace = Pace(clock)
        self.posted: dict[str, str] = {}
        self.shows: dict[str, SlackMessage] = {}
        self.full: dict[str, float] = {}
        self.away: set[str] = set()
        self.sought: list[str] = []
        self.unsearchable_s = 0.0
        self.edits: list[str] = []
        self.refuses: dict[str, str] = {}
        self.deleted: set[str] = set()
        self.threads: dict[str, list[str | None]] = {}
        self.sending: Meanwhile | None = None
        self.meanwhile: Meanwhile | None = None

    def turn(
        self,
        channel: str,
        key: str,
        post: Post | None,
        *,
        first: int = 0,
        progress: bool = False,
        detail: bool = False,
    ) -> datetime | None:
        if post is None:
            return self.pace.turn(posting(channel), key, first=first)
        if post.ts is None:
            return self.pace.turn(SEARCHING, key)
        return self.pace.progress_turn(detail=detail) if progress else None

    async def another_was_refused(self, channel: str, wait_s: float) -> None:
        """Somebody else's message into this channel was one too many."""
        with contextlib.suppress(Throttled):
            async with self.pace.in_turn(posting(channel), "another card"):
                raise Throttled("ratelimited", wait_s=wait_s)

    async def post(
        self,
        channel: str,
        message: SlackMessage,
        *,
        key: str,
        card_id: str,
        intent: str,
        thread_ts: str | None = None,
        first: int = 0,
    ) -> str:
        del card_id
        if channel in self.refuses:
            raise Refused(self.refuses[channel])
        if thread_ts in self.deleted:
            raise ThreadGone
        async with self.pace.in_turn(posting(channel), key, first=first):
            if channel in self.full:
                raise Throttled("ratelimited", wait_s=self.full[channel])
            if channel in self.away:
                raise DependencyAway("slack", "no answer")
        if self.sending is not None:
            sending, self.sending = self.sending, None
            await sending()
        assert intent not in self.posted, "posted twice"
        self.posted[intent] = f"{channel}-{len(self.posted)}"
        self.shows[self.posted[intent]] = message
        self.threads.setdefault(channel, []).append(thread_ts)
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()
        return self.posted[intent]

    async def edit(self, _channel: str, ts: str, message: SlackMessage, *, key: str, first: int = 0) -> bool:
        async with self.pace.in_turn(EDITING, key, first=first):
            pass
        self.edits.append(ts)
        self.shows[ts] = message
        return ts not in self.deleted

    async def find(self, _channel: str, post: Post, *, key: str, thread_ts: str | None = None) -> str | None:
        del thread_ts
        async with self.pace.in_turn(SEARCHING, key):
            if self.unsearchable_s:
                raise Throttled("ratelimited", wait_s=self.unsearchable_s)
        self.sought.append(post.intent)
        return self.posted.get(post.intent)


class Watched(MemoryStore):
    """Keeps the commits that were written. ``fails`` names the commits, counted from 1, that Redis loses."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.written: list[Commit] = []
        self.fails: dict[int, str] = {}
        self._count = 0

    async def commit(self, commit: Commit) -> bool:
        self._count += 1
        how = self.fails.get(self._count)
        if how == "lost":
            raise DependencyAway("redis", "before it was written")
        done = await super().commit(commit)
        self.written.append(commit)
        if how == "unknown":
            raise DependencyAway("redis", "after it was written")
        return done


class Posting(Rig):
    """An approval that was opened, and the bot that is about to post it."""

    def __init__(self) -> None:
        super().__init__()
        self.slack, self.people = Slack(self.clock), People()
        self.store: Watched = Watched(self.clock)
        self.note_asked = NoteAsked(store=self.store, nudger=self.nudger, clock=self.clock)
        self.decide = acting.decide(store=self.store, nudger=self.nudger, clock=self.clock)
        self.pass_on = PassOn(
            store=self.store,
            nudger=self.nudger,
            clock=self.clock,
            policy=lambda: self.policy,
            groups=NoGroups(),
        )
        self.health = Health(now=self.clock.now)
        self.renderer = self.bot()
        self.id = a.approval().id

    def bot(self) -> Renderer:
        """A process of the bot; all share the store and Slack."""
        people = (cast("Directory", self.people), cast("Channels", self.people))
        return Renderer(
            store=self.store,
            poster=cast("Poster", self.slack),
            audience=Audience(*people, lambda: self.policy, self.clock, self.health, quiet=self.people),
            note_asked=self.note_asked,
            bursts=Bursts(
                store=self.store,
                decide=self.decide,
                pass_on=self.pass_on,
                note_asked=self.note_asked,
                policy=lambda: self.policy,
                clock=self.clock,
            ),
            clock=self.clock,
            health=self.health,
        )

    async def open_one(self) -> None:
        await self.change(a.approval(version=0, asked_at=None, asked_whom=()))
        self.store.written.clear()
        self.store._count = 0

    async def change(self, document: Approval | Card) -> None:
        """Somebody else's write."""
        await MemoryStore.commit(
            self.store, Commit(partition=partition_of_id(document.id), documents=(document,))
        )

    async def nudged(self, bot: Renderer | None = None) -> Settlement:
        """One nudge about it is worked on; what becomes of the nudge."""
        nudge = Nudge(subject=Subject.APPROVAL, id=self.id, version=1)
        return await (bot or self.renderer)(Message(body=nudge.model_dump_json().encode()))

    async def render(self) -> None:
        await self.renderer.render(self.id)

    async def approval(self) -> Approval:
        return await self.store.approval(self.id)

    async def unshown(self) -> list[str]:
        return list(await self.store.unshown(self.clock.now()))

    async def asked_records(self) -> int:
        return (await self.kinds()).count("approval.asked")

    async def posts(self) -> set[str | None]:
        """The ``ts`` of each copy, as the card knows them."""
        return {copy.root.ts if copy.root else None for copy in (await self.store.card(self.id)).copies}
