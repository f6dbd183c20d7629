"""When the next call may go to Slack: by itself at once, and in turn where Slack has refused one.

Slack takes about one message a second in a channel, with short bursts that it gives no number for, and of
most methods so many calls a minute; one too many is answered with 429 and ``Retry-After``, and nothing was
done (https://docs.slack.dev/apis/web-api/rate-limits). How long a burst may be, only a refusal tells. So a
line is free at first: calls go at once, but only a few while answers are still out, so that only a few are
refused. From a refusal on they go one by one at the documented pace, in the order in which they asked, until
nobody has wanted to for a while. What somebody has to act on goes before what only tells how things go.

What is known here is known to this process alone. Where several run, a card that comes again may come to
another one, and the turn that was kept for it goes unused: so each goes slower, and refusals do the rest.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import NamedTuple

import structlog

from bot.slack.errors import Throttled, slack_away
from workers.domain.ports.clock import Clock

log = structlog.get_logger(__name__)

WAITS_S = 1.0
"""A turn that is so near is waited for; for one further away the caller comes again."""
QUIET_S = 10.0
"""A line in which nobody has wanted to go for so long is free again: a short burst is forgotten by then."""
_MISSED_S = 60.0
"""Whoever has not come for a turn by then went through another process, or is not wanted any more."""
_MOST_LINES = 1000


class Limit(NamedTuple):
    """One of Slack's limits.

    Attributes:
        every_s: seconds between two calls, with a twentieth more: what is sent evenly does not arrive evenly.
        at_once: calls under way while it is free.
        channel: where the limit is a channel's.
    """

    method: str
    every_s: float
    at_once: int
    channel: str = ""


_TIER_3_EVERY_S = 60 / 50 * 1.05
EDITING = Limit("chat.update", _TIER_3_EVERY_S, 8)
SEARCHING = Limit("conversations.history", _TIER_3_EVERY_S, 8)
"""``conversations.replies`` has a limit of its own, and shares this one's line."""
OPENING = Limit("conversations.open", _TIER_3_EVERY_S, 8)
LOOKING_UP = Limit("users.lookupByEmail", _TIER_3_EVERY_S, 8)


def posting(channel: str) -> Limit:
    """Messages into one channel.

    Some hundreds a minute in the whole workspace are a limit, too; a refusal does not say which of the two it
    is for. It is taken for the channel's: the others find out for themselves.
    """
    return Limit("chat.postMessage", 1.05, 2, channel)


class Pace:
    """Says when a call may go.

    Args:
        sleep: waits so many seconds.
    """

    def __init__(self, clock: Clock, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._clock = clock
        self._sleep = sleep
        self._lines: dict[Limit, _Line] = {}

    def turn(self, limit: Limit, key: str, *, first: bool = False) -> datetime | None:
        """When this call may go, if that is too far away to be waited for.

        The turn is kept for it: whoever asks with the same key gets the same answer, or a later one where
        somebody who goes ``first`` has come in before.
        """
        line, now = self._lines.get(limit), self._now()
        if line is None or not line.spaced(now):
            return None
        at = line.turn(key, now, first=first)
        return datetime.fromtimestamp(at, UTC) if at - now > WAITS_S else None

    @contextlib.asynccontextmanager
    async def kept(self, limit: Limit, key: str, *, first: bool = False) -> AsyncIterator[None]:
        """Around one call: waits for its turn, and heeds what Slack answers.

        Raises:
            Throttled: its turn is too far away, and nothing was sent; or Slack refused it.
            DependencyAway: Slack does not answer; see ``slack_away``.
        """
        line = self._line(limit)
        line.users += 1
        try:
            async with self._place(line, key, first=first):
                try:
                    with slack_away():
                        yield
                except Throttled as no:
                    log.info("Slack asks to wait", method=limit.method, channel=limit.channel, s=no.wait_s)
                    line.refused(key, self._now(), no.wait_s)
                    raise
        finally:
            line.users -= 1
            if not line.users and not line.spaced(self._now()):
                self._lines.pop(limit, None)

    @contextlib.asynccontextmanager
    async def _place(self, line: "_Line", key: str, *, first: bool) -> AsyncIterator[None]:
        if line.spaced(self._now()):
            self._near(line, key, first=first)
        try:
            async with asyncio.timeout(WAITS_S):
                await line.places.acquire()
        except TimeoutError:
            line.crowded(self._now())
            self._near(line, key, first=first)
            raise Throttled("answers are slow", wait_s=line.limit.every_s) from None
        try:
            # It may have become spaced meanwhile, or been refused another call.
            while line.spaced(self._now()) and (wait := self._near(line, key, first=first)) > 0:
                await self._sleep(wait)
            line.went(key, self._now())
            yield
        finally:
            line.places.release()

    def _near(self, line: "_Line", key: str, *, first: bool) -> float:
        """Seconds until its turn; raises if it is not near."""
        now = self._now()
        wait = line.turn(key, now, first=first) - now
        if wait > WAITS_S:
            raise Throttled("not its turn yet", wait_s=wait)
        return wait

    def _line(self, limit: Limit) -> "_Line":
        if len(self._lines) >= _MOST_LINES:
            now = self._now()
            self._lines = {k: line for k, line in self._lines.items() if line.users or line.spaced(now)}
        return self._lines.setdefault(limit, _Line(limit))

    def _now(self) -> float:
        return self._clock.now().timestamp()


class _Turn(NamedTuple):
    """When somebody goes, in seconds since 1970, and whether nobody comes in before."""

    at: float
    first: bool


class _Line:
    """Those who wait because of one limit. Moments are seconds since 1970."""

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self.users = 0
        self.places = asyncio.Semaphore(limit.at_once)
        self._spaced = False
        self._opens = self._next = self._next_first = self._last = 0.0
        self._turns: dict[str, _Turn] = {}

    def spaced(self, now: float) -> bool:
        """Whether calls go one by one."""
        if self._spaced and now > self._next + QUIET_S:
            self._spaced = False
            self._turns.clear()
        return self._spaced

    def turn(self, key: str, now: float, *, first: bool) -> float:
        """The turn that is kept for this key, or a new one: at the end of the line, or of those who go first.

        Whoever comes late goes as soon as another may; if that would not be soon, the turn is lost.
        """
        soonest = max(self._opens, self._last + self.limit.every_s)
        mine = self._turns.get(key)
        if mine is not None and soonest <= max(mine.at, now) + WAITS_S:
            return max(mine.at, soonest)
        at = max(now, soonest, self._next_first if first else self._next)
        if first:
            self._make_room(at)
        self._keep(key, at, now, first=first)
        return at

    def _make_room(self, at: float) -> None:
        """Somebody comes in then: of the others, whoever would go later goes one later, in the same order."""
        every_s = self.limit.every_s
        for key, turn in self._turns.items():
            if not turn.first and turn.at > at - every_s:
                self._turns[key] = _Turn(turn.at + every_s, first=False)
        if self._next > at:
            self._next += every_s

    def went(self, key: str, now: float) -> None:
        """It goes now."""
        self._turns.pop(key, None)
        self._last = now
        self._next = max(self._next, now + self.limit.every_s)

    def refused(self, key: str, now: float, wait_s: float) -> None:
        """Nothing goes before the time that Slack asks for; then the one that it refused goes first."""
        self._spaced = True
        self._opens = max(self._opens, now + wait_s)
        self._keep(key, self._opens, now, first=True)

    def crowded(self, now: float) -> None:
        """Answers are so slow that its places don't come free: whoever did not get one goes in turn, too."""
        self._spaced = True
        self._opens = max(self._opens, now + self.limit.every_s)

    def _keep(self, key: str, at: float, now: float, *, first: bool) -> None:
        self._turns.pop(key, None)
        self._turns[key] = _Turn(at, first)
        self._next = max(self._next, at + self.limit.every_s)
        if first:
            self._next_first = max(self._next_first, at + self.limit.every_s)
        while (oldest := next(iter(self._turns))) != key and self._turns[oldest].at < now - _MISSED_S:
            del self._turns[oldest]
