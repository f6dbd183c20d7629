"""Calls: how often a start asks Azure, Redis and the bus, as the stand-ins and the proxy count it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from deploy.sandbox.bench.crowd import OWNERS
from deploy.sandbox.bench.records import Tail
from deploy.sandbox.bench.report import Row
from deploy.sandbox.bench.rig import Rig
from deploy.sandbox.bench.rows.ask import Cards
from deploy.sandbox.bench.sizes import Sizes

FIRST_READS, REPEATED_READS, ROUND_TRIPS, MESSAGES = 10, 4, 6, 4
_STARTS = 3
_FROM = 320
"""Machines that nobody started yet."""
_SETTLE_S = 0.8


class _Counted(NamedTuple):
    """A start's share."""

    arm: float
    redis: float
    bus: float


async def calls(rig: Rig, sizes: Sizes) -> AsyncIterator[Row]:
    """Counted over a few starts one after the other, of owners whom the bot knows."""
    del sizes  # a count needs no more samples in a long run
    await rig.shared(via_proxy=True)
    counter = _Counter(rig)
    warm, names = (
        rig.crowd.names[_FROM - OWNERS : _FROM - OWNERS + _STARTS],
        rig.crowd.names[_FROM : _FROM + _STARTS],
    )
    await counter.over(warm)
    first = await counter.over(names)
    by_command = ", ".join(f"{n / _STARTS:g} {name}" for name, n in sorted(rig.proxy.commands.items()))
    again = await counter.over(names)
    unshown = sum([await rig.redis.zcard(f"sg:{{p{p:x}}}:unshown") for p in range(16)])
    left = f"; {unshown} of {3 * _STARTS} still counted as not shown" if unshown else ""
    for name, measured, against, unit, note in (
        ("ARM reads, first start", first.arm, FIRST_READS, "calls", "a VM with one NIC"),
        ("ARM reads, within 10 min", again.arm, REPEATED_READS, "calls", "the same VM once more"),
        ("Redis round trips", first.redis, ROUND_TRIPS, "calls", f"workers and bot together: {by_command}"),
        ("bus messages", first.bus, MESSAGES, "calls", f"the start's own included{left}"),
    ):
        yield Row(name=f"calls, {name}", measured=measured, against=against, unit=unit, must=1.0, note=note)


class _Counter:
    """Counts what some starts cause until everything is still."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._cards = Cards(rig)
        self._arm = Tail(rig.azure, "request")
        self._sent = (Tail(rig.bus, "enqueued", scheduled_as=None), Tail(rig.bus, "scheduled"))

    async def over(self, names: Sequence[str]) -> _Counted:
        """One start after the other."""
        await self._cards.look()
        await self._rig.forget_questions()
        await self._new()
        self._rig.proxy.round_trips = 0
        self._rig.proxy.commands.clear()
        for message in self._rig.crowd.told(self._rig.crowd.starts(names)):
            await self._rig.send([message])
            await asyncio.sleep(0.15)
        self._cards.by_vm.clear()
        await self._cards.wait_for(names)
        await asyncio.sleep(_SETTLE_S)
        round_trips = self._rig.proxy.round_trips
        arm, bus = await self._new()
        count = len(names)
        return _Counted(arm / count, round_trips / count, bus / count)

    async def _new(self) -> tuple[int, int]:
        return len(await self._arm.new()), sum([len(await tail.new()) for tail in self._sent])
