"""When the next call may go to Slack: at once, or in turn after Slack has refused one.

Slack takes about one message a second in a channel. It allows short bursts, without saying how long, and most
methods a number of times a minute. One call too many is answered with 429 and ``Retry-After``, and nothing
was done (https://docs.slack.dev/apis/web-api/rate-limits). Only a refusal tells where the limit is. So calls
go at once at first, with only a few unanswered at a time, so that only a few are refused. After a refusal
they go one by one at the documented pace, in the order in which they asked, until nobody has asked for a
while. Messages that somebody has to act on go before those that only report.

Each process keeps its own turns. Where several run, a card may come again in another process, and the turn
that this one kept for it goes unused: that only makes it slower.

A fixed-rate limiter would slow every burst down, and a client that sleeps on 429 would keep a message locked
and the order to chance. Neither lets an important message go first.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import NamedTuple

import structlog

from bot.slack.errors import Throttled, slack_away
from workers.domain.ports.clock import Clock

log = structlog.get_logger(__name__)

REPORTS, ASKS, HIGH_RISK = 0, 1, 2
"""How urgent a call is: it tells something; somebody has to act on it; and that at high risk."""
WAITS_S = 1.0
"""A turn within this time is waited for; for a later one the caller comes again."""
QUIET_S = 10.0
"""After this long without a call, Slack takes bursts again, and so calls go at once again."""
_MINUTE_S = 60.0
_MISSED_S = 60.0
"""Whoever has not come for a turn by then went through another process, or is no longer needed."""
_MOST_LIMITS = 1000


class Limit(NamedTuple):
    """One of Slack's limits.

    Attributes:
        every_s: seconds between two calls, with a twentieth more: what is sent evenly does not arrive evenly.
        at_once: most calls without an answer at one time.
        channel: the channel's id, where the limit is one channel's.
    """

    method: str
    every_s: float
    at_once: int
    channel: str = ""


_TIER_3_EVERY_S = 60 / 50 * 1.05
EDITING = Limit("chat.update", _TIER_3_EVERY_S, 8)
_DETAIL_A_MINUTE, _PROGRESS_A_MINUTE = 25, 40
SEARCHING = Limit("conversations.history", _TIER_3_EVERY_S, 8)
"""``conversations.replies`` has a limit of its own, and takes its turns with this one."""
OPENING = Limit("conversations.open", _TIER_3_EVERY_S, 8)
LOOKING_UP = Limit("users.lookupByEmail", _TIER_3_EVERY_S, 8)


def posting(channel: str) -> Limit:
    """Messages into one channel.

    The workspace has a limit too, of some hundreds a minute, and a refusal does not say which of the two it
    is about. It counts for this channel only; the other channels find out for themselves.
    """
    return Limit("chat.postMessage", 1.05, 2, channel)


class Pace:
    """Says when a call may go.

    Args:
        sleep: waits so many seconds.
        heard: called when Slack has answered a call.
    """

    def __init__(
        self,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        *,
        heard: Callable[[], None] = lambda: None,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._heard = heard
        self._turns: dict[Limit, _Turns] = {}
        self._edits: deque[float] = deque()

    def progress_turn(self, *, detail: bool) -> datetime | None:
        """When an edit that only tells progress may go; ``None`` for now.

        The ``detail`` of a thread waits while half of the edits that Slack takes in a minute are used, and a
        card itself while four fifths are.
        """
        minute_ago = self._now() - _MINUTE_S
        while self._edits and self._edits[0] < minute_ago:
            self._edits.popleft()
        over = len(self._edits) - (_DETAIL_A_MINUTE if detail else _PROGRESS_A_MINUTE)
        return None if over < 0 else datetime.fromtimestamp(self._edits[over] + _MINUTE_S, UTC)

    def turn(self, limit: Limit, key: str, *, first: int = REPORTS) -> datetime | None:
        """When this call may go; ``None`` if at once, or so soon that ``in_turn`` waits for it.

        The turn is kept: whoever asks with the same key gets the same answer, or a later one after a call
        that goes ``first`` was put before it.
        """
        turns, now = self._turns.get(limit), self._now()
        if turns is None or not turns.one_by_one(now):
            return None
        at = turns.turn(key, now, first=first)
        return datetime.fromtimestamp(at, UTC) if at - now > WAITS_S else None

    @contextlib.asynccontextmanager
    async def in_turn(self, limit: Limit, key: str, *, first: int = REPORTS) -> AsyncIterator[None]:
        """Make one call inside: waits for its turn, and learns from what Slack answers.

        Raises:
            Throttled: its turn is too far away, and nothing was sent; or Slack refused it.
            DependencyAway: Slack does not answer; see ``slack_away``.
        """
        turns = self._turns_of(limit)
        turns.calls += 1
        try:
            async with self._place(turns, key, first=first):
                try:
                    with slack_away():
                        yield
                    self._heard()
                except Throttled as no:
                    log.info("Slack asks to wait", method=limit.method, channel=limit.channel, s=no.wait_s)
                    turns.refused(key, self._now(), no.wait_s)
                    raise
        finally:
            turns.calls -= 1
            if not turns.calls and not turns.one_by_one(self._now()):
                self._turns.pop(limit, None)

    @contextlib.asynccontextmanager
    async def _place(self, turns: "_Turns", key: str, *, first: int) -> AsyncIterator[None]:
        if turns.one_by_one(self._now()):
            self._wait_s(turns, key, first=first)
        try:
            async with asyncio.timeout(WAITS_S):
                await turns.places.acquire()
        except TimeoutError:
            turns.crowded(self._now())
            self._wait_s(turns, key, first=first)
            raise Throttled("answers are slow", wait_s=turns.limit.every_s) from None
        try:
            # Another call may have been refused while this one waited for its place.
            while turns.one_by_one(self._now()) and (wait := self._wait_s(turns, key, first=first)) > 0:
                await self._sleep(wait)
            turns.went(key, self._now())
            if turns.limit is EDITING:
                self._edits.append(self._now())
            yield
        finally:
            turns.places.release()

    def _wait_s(self, turns: "_Turns", key: str, *, first: int) -> float:
        """Seconds until its turn; raises ``Throttled`` if that is too long to wait for."""
        now = self._now()
        wait = turns.turn(key, now, first=first) - now
        if wait > WAITS_S:
            raise Throttled("not its turn yet", wait_s=wait)
        return wait

    def _turns_of(self, limit: Limit) -> "_Turns":
        if len(self._turns) >= _MOST_LIMITS:
            now = self._now()
            self._turns = {
                k: turns for k, turns in self._turns.items() if turns.calls or turns.one_by_one(now)
            }
        return self._turns.setdefault(limit, _Turns(limit))

    def _now(self) -> float:
        return self._clock.now().timestamp()


class _Turn(NamedTuple):
    """When one call goes, in seconds since 1970; only what is more urgent is put before it."""

    at: float
    first: int


class _Turns:
    """The turns under one limit. Times are seconds since 1970.

    Attributes:
        calls: how many are under way or wait.
        places: one for each call without an answer.
    """

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self.calls = 0
        self.places = asyncio.Semaphore(limit.at_once)
        self._one_by_one = False
        self._opens = self._last = 0.0
        # When the next call of each urgency can go: after all that are at least as urgent.
        self._next = [0.0] * (HIGH_RISK + 1)
        self._kept: dict[str, _Turn] = {}

    def one_by_one(self, now: float) -> bool:
        """Whether calls go one by one; otherwise they go at once."""
        if self._one_by_one and now > self._next[REPORTS] + QUIET_S:
            self._one_by_one = False
            self._kept.clear()
        return self._one_by_one

    def turn(self, key: str, now: float, *, first: int) -> float:
        """The turn kept for this key, or a new one: after all others, or after those that go first.

        A call that comes late goes as soon as any may; if that is too long to wait for, its turn is lost.
        """
        soonest = max(self._opens, self._last + self.limit.every_s)
        mine = self._kept.get(key)
        if mine is not None and soonest <= max(mine.at, now) + WAITS_S:
            return max(mine.at, soonest)
        at = max(now, soonest, self._next[first])
        self._make_room(at, first)
        self._keep(key, at, now, first=first)
        return at

    def _make_room(self, at: float, first: int) -> None:
        """Move those that are less urgent and would go after ``at`` one turn back, in the same order."""
        every_s = self.limit.every_s
        for key, turn in self._kept.items():
            if turn.first < first and turn.at > at - every_s:
                self._kept[key] = turn._replace(at=turn.at + every_s)
        for less in range(first):
            if self._next[less] > at:
                self._next[less] += every_s

    def went(self, key: str, now: float) -> None:
        """Note that this call goes now."""
        self._kept.pop(key, None)
        self._last = now
        self._next[REPORTS] = max(self._next[REPORTS], now + self.limit.every_s)

    def refused(self, key: str, now: float, wait_s: float) -> None:
        """Let nothing go before the time that Slack asks for; then the refused call goes first."""
        self._one_by_one = True
        self._opens = max(self._opens, now + wait_s)
        self._keep(key, self._opens, now, first=HIGH_RISK)

    def crowded(self, now: float) -> None:
        """Answers are so slow that no place came free: from now on calls go one by one."""
        self._one_by_one = True
        self._opens = max(self._opens, now + self.limit.every_s)

    def _keep(self, key: str, at: float, now: float, *, first: int) -> None:
        self._kept.pop(key, None)
        self._kept[key] = _Turn(at, first)
        for less in range(first + 1):
            self._next[less] = max(self._next[less], at + self.limit.every_s)
        while (oldest := next(iter(self._kept))) != key and self._kept[oldest].at < now - _MISSED_S:
            del self._kept[oldest]
