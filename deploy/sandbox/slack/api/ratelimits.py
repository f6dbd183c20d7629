"""Rate limits: how many calls of a method a minute, and how often into one channel.

They are counted by method, app and workspace (https://docs.slack.dev/apis/web-api/rate-limits), and here
there is one app in one workspace. Every tier is "at least" so many calls and allows bursts that Slack does
not specify; none is granted here, so that an app which lives with these lives with Slack's.
"""

import math
import time
from collections import deque
from collections.abc import Callable
from enum import Enum

from deploy.sandbox.slack.errors import RateLimitedError

MINUTE_S = 60.0


class Tier(Enum):
    """A method's tier, as its page under https://docs.slack.dev/reference/methods says; calls a minute."""

    ONE = 1
    TWO = 20
    THREE = 50
    FOUR = 100
    POSTING = 300
    """``chat.postMessage``: "several hundred messages per minute" in all, beside each channel's pace."""
    HUNDREDS = 301
    """``auth.test`` and ``chat.getPermalink``: "hundreds of requests per minute"."""


CHANNEL_INTERVAL_S = 1.0
CHANNEL_BURST = 3
"""Slack says "short bursts >1 allowed" and gives no number."""


class Limiter:
    """Sliding windows of a minute by method, and a token bucket for each channel.

    Attributes:
        now: seconds that only grow; a test may stop them.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.now = now
        self._calls: dict[str, deque[float]] = {}
        self._buckets: dict[str, tuple[float, float]] = {}

    def count(self, method: str, tier: Tier) -> None:
        """Count a call.

        Raises:
            RateLimitedError: if it is one too many; it is not counted then.
        """
        now = self.now()
        calls = self._calls.setdefault(method, deque())
        while calls and now - calls[0] >= MINUTE_S:
            calls.popleft()
        if len(calls) >= tier.value:
            raise RateLimitedError(max(1, math.ceil(MINUTE_S - (now - calls[0]))))
        calls.append(now)

    def count_post(self, channel: str) -> None:
        """Count a message into a channel; raises like ``count``."""
        now = self.now()
        tokens, since = self._buckets.get(channel, (float(CHANNEL_BURST), now))
        tokens = min(float(CHANNEL_BURST), tokens + (now - since) / CHANNEL_INTERVAL_S)
        if tokens < 1:
            self._buckets[channel] = (tokens, now)
            raise RateLimitedError(max(1, math.ceil((1 - tokens) * CHANNEL_INTERVAL_S)))
        self._buckets[channel] = (tokens - 1, now)
