"""Bursts: thousands of starts at once; what they take, and whether a click is still answered in time."""

import asyncio
import itertools
import math
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import NamedTuple

from deploy.sandbox.bench.crowd import Start
from deploy.sandbox.bench.meter import Peak
from deploy.sandbox.bench.records import Entry, Tail
from deploy.sandbox.bench.report import GUARD, Row, percentile
from deploy.sandbox.bench.rig import Rig
from deploy.sandbox.bench.rows.ask import Cards
from deploy.sandbox.bench.rows.contain import owner_of
from deploy.sandbox.bench.sizes import Sizes
from deploy.sandbox.slack.api.ratelimits import CHANNEL_BURST, CHANNEL_INTERVAL_S

MUST_EXPONENT, MUST_MB, MUST_PACED, ACK_MS = 1.1, 100.0, 1.5, 150.0
CLICKS_PER_S = 50
_A_SECOND = 150
"""More starts than are asked about in a second: so many for each second of clicks keep the burst going."""
_LOOK_EVERY = 10
"""Clicks between two looks for new cards."""
_STALLED_S = 60.0
_LOOK_S = 0.5
_PATIENCE = 3.0
"""So many times the floor a burst with Slack's limits on is waited for."""


class _Burst(NamedTuple):
    """What one burst took.

    Attributes:
        seconds: from before the first start was sent until the last was noted as asked about.
        messages: posted in Slack.
        refused: of Slack's answers, those that were a 429.
    """

    starts: int
    asked: int
    seconds: float
    peak_mb: float
    messages: int
    refused: int

    def told(self) -> str:
        """For people."""
        took = f"{self.starts:,}: {self.seconds:.1f} s, peak {self.peak_mb:.0f} MB"
        return f"{took}, {self.messages:,} messages, {self.refused} refused with 429"


async def burst(rig: Rig, sizes: Sizes) -> AsyncIterator[Row]:
    """Growth of time and memory, and what was lost. Slack's limits are off: see the note."""
    # Each machine once: the first burst must not be the one that finds nothing known.
    await _burst(rig, sizes, sizes.busy)
    done: list[_Burst] = []
    for count in sizes.bursts:
        done.append(await _burst(rig, sizes, count))
        print(f"  {done[-1].told()}", flush=True)
    small, big = done[0], done[-1]
    sizes_of = (small.starts, big.starts)
    lost = sum(b.starts - b.asked for b in done)
    told = "; ".join(b.told() for b in done)
    yield Row(name="burst, growth of time", measured=big.seconds,
              against=at_most_s(small.seconds, *sizes_of), unit="s", must=1.0, timed=True,
              note=f"n^{exponent(small.seconds, big.seconds, *sizes_of):.2f}, may be n^{MUST_EXPONENT:g} "
              f"from the smallest on. {told}")  # fmt: skip
    yield Row(name="burst, growth of memory", measured=max(0.0, big.peak_mb - small.peak_mb),
              against=MUST_MB, unit="MB", must=1.0,
              note=f"workers and bot together, from {small.starts:,} to {big.starts:,} starts")  # fmt: skip
    yield Row(name="burst, lost", measured=lost, against=sum(b.starts for b in done), unit="starts", must=0.0,
              note="Slack's limits are off: with one message a start in the channel they alone would take "
              f"{big.starts:,} s")  # fmt: skip
    if sizes.paced:
        async for row in _paced(rig, sizes):
            yield row


def at_most_s(small_s: float, small: int, big: int) -> float:
    """How long a burst may take, by what a smaller one took."""
    return small_s * math.pow(big / small, MUST_EXPONENT)


def exponent(small_s: float, big_s: float, small: int, big: int) -> float:
    """By which power of their number the time grew."""
    return math.log(big_s / small_s) / math.log(big / small)


async def _paced(rig: Rig, sizes: Sizes) -> AsyncIterator[Row]:
    """A burst at the pace that Slack allows a channel, of owners whom the bot knows."""
    floor = (sizes.paced - CHANNEL_BURST) * CHANNEL_INTERVAL_S
    await rig.slack.put("/_limits", {"tiers": True})
    try:
        done = await _burst(rig, sizes, sizes.paced, within_s=_PATIENCE * floor)
    finally:
        await rig.slack.put("/_limits", {"tiers": False})
        await rig.renew()
    yield Row(name="burst, Slack's limits on", measured=done.seconds, against=floor, unit="s",
              must=MUST_PACED, timed=True,
              note=f"{done.told()}; floor: a channel takes {CHANNEL_BURST} messages at once, then one every "
              f"{CHANNEL_INTERVAL_S:g} s")  # fmt: skip
    yield Row(name="burst, not asked with limits on", measured=done.starts - done.asked, against=done.starts,
              unit="starts", must=0.0, note=f"within {_PATIENCE:g} times the floor")  # fmt: skip


def _starts(rig: Rig, busy: int, count: int) -> list[Start]:
    """So many starts, each of another machine: a second start of one would join its question."""
    return rig.crowd.starts(itertools.islice(itertools.cycle(rig.crowd.names[:busy]), count))


async def _burst(rig: Rig, sizes: Sizes, count: int, *, within_s: float = math.inf) -> _Burst:
    messages = rig.crowd.told(_starts(rig, sizes.busy, count))
    product = await rig.shared(via_proxy=sizes.one_product)
    await rig.forget_questions()
    posted, audit = Tail(rig.slack, "posted"), await rig.audit()
    refused = Tail(rig.slack, "api", error="ratelimited")
    await asyncio.gather(posted.new(), refused.new())
    peak = Peak(product.processes)
    async with peak.watched():
        began, moved = datetime.now(UTC), time.monotonic()
        await rig.send(messages)
        asked = sent = limited = 0
        ends = moved + within_s
        while asked < count and time.monotonic() < min(ends, moved + _STALLED_S):
            await asyncio.sleep(_LOOK_S)
            sent, limited = sent + len(await posted.new()), limited + len(await refused.new())
            before, asked = asked, await audit.count("approval.asked")
            moved = time.monotonic() if asked > before else moved
        sent, limited = sent + len(await posted.new()), limited + len(await refused.new())
    # One that is not over took at least until now.
    ended = audit.latest["approval.asked"] if asked == count else datetime.now(UTC)
    return _Burst(count, asked, (ended - began).total_seconds(), peak.mb, sent, limited)


async def ack(rig: Rig, sizes: Sizes) -> AsyncIterator[Row]:
    """Clicks on cards that are there already, while more are being posted."""
    count = next((n for n in sizes.bursts if n >= _A_SECOND * sizes.click_s), sizes.bursts[-1])
    await rig.shared(via_proxy=sizes.one_product)
    await rig.forget_questions()
    cards = Cards(rig)
    await cards.look()
    await rig.send(rig.crowd.told(_starts(rig, sizes.busy, count)))
    clicks = CLICKS_PER_S * sizes.click_s
    waiting: list[tuple[str, Entry]] = []
    deadline = time.monotonic() + _STALLED_S
    while len(waiting) < clicks // 2 and time.monotonic() < deadline:
        waiting += await cards.look()
        await asyncio.sleep(0.2)
    clicker, began = _Clicker(rig), time.monotonic()
    for n in range(clicks):
        if n % _LOOK_EVERY == 0 or not waiting:
            waiting += await cards.look()
        if waiting:
            clicker.click(*waiting.pop(0))
        await asyncio.sleep(max(0.0, began + (n + 1) / CLICKS_PER_S - time.monotonic()))
    took = await clicker.acks()
    if len(took) < GUARD * clicks:
        raise RuntimeError(f"only {len(took)} of {clicks} clicks: there were no more cards to click on")
    queues = await rig.bus.get("/_state")
    still = queues["starts"]["active"] + queues["notices"]["active"]
    yield Row(name="ack, p99", measured=percentile(took, 0.99), against=ACK_MS, unit="ms", must=1.0,
              timed=True,
              note=f"{len(took)} clicks, median {percentile(took, 0.5):.1f} ms, longest {max(took):.0f} ms; "
              f"{still} messages of {count:,} starts still waited at the end")  # fmt: skip


class _Clicker:
    """Confirms cards, without waiting for one answer before the next click."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._under_way: list[asyncio.Task[float]] = []

    def click(self, vm: str, card: Entry) -> None:
        """Begin one click."""
        self._under_way.append(asyncio.create_task(self._click(vm, card)))

    async def acks(self) -> list[float]:
        """Milliseconds until each acknowledgement; one that never came counts as Slack's three seconds."""
        return await asyncio.gather(*self._under_way)

    async def _click(self, vm: str, card: Entry) -> float:
        answer = await self._rig.slack.post(
            "/_act/click",
            user=owner_of(vm), channel=card["channel"], ts=card["ts"],
            action_id="approval.confirm", confirmed=True,
        )  # fmt: skip
        return float(answer.get("ack_ms") or 3000.0)
