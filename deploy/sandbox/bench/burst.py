"""Bursts: thousands of starts at once; what they take, and whether a click is still answered in time."""

import asyncio
import itertools
import math
import time
from collections.abc import AsyncIterator
from typing import NamedTuple

from deploy.sandbox.bench.ask import Cards
from deploy.sandbox.bench.contain import owner_of
from deploy.sandbox.bench.crowd import Start
from deploy.sandbox.bench.meter import Peak
from deploy.sandbox.bench.report import Row, percentile
from deploy.sandbox.bench.rig import Entry, Rig, Tail
from deploy.sandbox.bench.sizes import Sizes

MUST_EXPONENT, MUST_MB, ACK_MS = 1.1, 100.0, 150.0
CLICKS_PER_S = 50
_A_SECOND = 150
"""More starts than are asked about in a second: so many for each second of clicks keep the burst going."""
_STALLED_S = 60.0
_LOOK_S = 0.25


class _Burst(NamedTuple):
    """What one burst took."""

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
    done: list[_Burst] = []
    for count in sizes.bursts:
        done.append(await _burst(rig, count))
        print(f"  {done[-1].told()}", flush=True)
    small, big = done[0], done[-1]
    lost = sum(b.starts - b.asked for b in done)
    exponent = math.log(big.seconds / small.seconds) / math.log(big.starts / small.starts)
    told = "; ".join(b.told() for b in done)
    yield Row(name="burst, growth of time", measured=exponent, against=MUST_EXPONENT, unit="exponent",
              must=1.0, note=told)  # fmt: skip
    yield Row(name="burst, growth of memory", measured=max(0.0, big.peak_mb - small.peak_mb),
              against=MUST_MB, unit="MB", must=1.0,
              note=f"workers and bot together, from {small.starts:,} to {big.starts:,} starts")  # fmt: skip
    yield Row(name="burst, lost", measured=lost, against=sum(b.starts for b in done), unit="starts", must=0.0,
              note="Slack's limits are off: with one message a start in the channel they alone would take "
              f"{big.starts:,} s")  # fmt: skip


def _starts(rig: Rig, count: int) -> list[Start]:
    """So many starts, of all machines in turn."""
    return rig.crowd.starts(itertools.islice(itertools.cycle(rig.crowd.names), count))


async def _burst(rig: Rig, count: int) -> _Burst:
    messages = rig.crowd.told(_starts(rig, count))
    product = await rig.shared()
    posted, audit = Tail(rig.slack, "posted"), await rig.audit()
    await posted.new()
    peak = Peak(product.processes)
    async with peak.watched():
        began = moved = time.monotonic()
        await rig.send(messages)
        asked = sent = 0
        while asked < count and time.monotonic() - moved < _STALLED_S:
            await asyncio.sleep(_LOOK_S)
            sent += len(await posted.new())
            before, asked = asked, await audit.count("approval.asked")
            moved = time.monotonic() if asked > before else moved
        sent += len(await posted.new())
    refused = sum(p.output().count("ratelimited") for p in product.processes)
    return _Burst(count, asked, moved - began, peak.mb, sent, refused)


async def ack(rig: Rig, sizes: Sizes) -> AsyncIterator[Row]:
    """Clicks on cards that are there already, while more are being posted."""
    count = next((n for n in sizes.bursts if n >= _A_SECOND * sizes.click_s), sizes.bursts[-1])
    await rig.shared()
    cards = Cards(rig)
    await cards.look()
    await rig.send(rig.crowd.told(_starts(rig, count)))
    clicks = CLICKS_PER_S * sizes.click_s
    waiting: list[tuple[str, Entry]] = []
    deadline = time.monotonic() + _STALLED_S
    while len(waiting) < clicks // 5 and time.monotonic() < deadline:
        waiting += await cards.look()
        await asyncio.sleep(0.2)
    clicker = _Clicker(rig)
    for n in range(clicks):
        if n % CLICKS_PER_S == 0:
            waiting += await cards.look()
        if waiting:
            clicker.click(*waiting.pop(0))
        await asyncio.sleep(1 / CLICKS_PER_S)
    took = await clicker.acks()
    queues = await rig.bus.get("/_state")
    still = queues["starts"]["active"] + queues["notices"]["active"]
    yield Row(name="ack, p99", measured=percentile(took, 0.99), against=ACK_MS, unit="ms", must=1.0,
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
