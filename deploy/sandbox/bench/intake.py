"""Intake: how many starts a second a process takes in, beside the bare client on like messages."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from azure.servicebus import ServiceBusMessage

from deploy.sandbox.bench.report import Row
from deploy.sandbox.bench.rig import Rig, Tail
from deploy.sandbox.bench.sizes import Sizes

MUST_PASSED, MUST_ASKED = 0.5, 0.25
MUST_TWO = 1.05
"""Two processes must give more than one; how much more depends on the cores that the stand-ins leave."""
_WARM_UP = 0.1
"""The first tenth is left out: opening, and the first of everything."""
_STALLED_S = 30.0
_LOOK_S = 0.2


async def intake(rig: Rig, sizes: Sizes) -> AsyncIterator[Row]:
    """All rows about intake."""
    meter = _Meter(rig)
    names = rig.crowd.names[: sizes.asked]
    many = list(itertools.islice(itertools.cycle(names), sizes.bare))
    async with rig.product(workers=1, bot=False):
        audit = await rig.audit()
        await meter.rate(rig.crowd.told(rig.crowd.starts(names)))  # reads what is believed for ten minutes
        starts = rig.crowd.starts(names)
        asked = await meter.rate(rig.crowd.told(starts))
        nudges = len(await meter.nudges.new())
        again = itertools.islice(itertools.cycle(starts), sizes.bare)
        duplicates = await meter.rate(rig.crowd.told(again))
        passed = await meter.rate(rig.crowd.told(rig.crowd.starts(many), succeeded=False))
    opened, noted = await audit.count("approval.opened"), await audit.count("start.failed")
    bare = await meter.bare(rig.crowd.told(rig.crowd.starts(many)), processes=1)
    for name, measured, must, note in (
        (
            "intake, duplicates",
            duplicates,
            MUST_PASSED,
            "starts that were seen before: parsed, looked up, completed",
        ),
        (
            "intake, failed starts",
            passed,
            MUST_PASSED,
            f"deduplicated, audited ({noted} of {len(many)}), completed: as a policy's 'pass' will be",
        ),
        (
            "intake, asked",
            asked,
            MUST_ASKED,
            f"3 ARM reads each; {opened} of {2 * len(names)} approvals opened, {nudges} card nudges",
        ),
    ):
        yield Row(
            name=name,
            measured=measured,
            against=bare,
            unit="starts/s",
            must=must,
            sense="at least",
            note=note,
        )
    yield await _two(rig, meter, names, _One(asked, duplicates, sizes.bare))


class _One(NamedTuple):
    """What one process did: starts a second, and how many duplicates that was measured with."""

    asked: float
    duplicates: float
    messages: int


async def _two(rig: Rig, meter: "_Meter", names: Sequence[str], one: _One) -> Row:
    """Two processes on one queue; some starts are told twice at once, so that they race for them."""
    async with rig.product(workers=2, bot=False):
        audit = await rig.audit()
        await meter.rate(rig.crowd.told(rig.crowd.starts(names)))
        starts = rig.crowd.starts(names)
        asked = await meter.rate(rig.crowd.told(starts))
        again = itertools.islice(itertools.cycle(starts), one.messages)
        duplicates = await meter.rate(rig.crowd.told(again))
        raced = rig.crowd.starts(names)
        twins = zip(rig.crowd.told(raced), rig.crowd.told(raced), strict=True)
        await meter.rate([message for pair in twins for message in pair])
    opened, wanted = await audit.count("approval.opened"), 3 * len(names)
    if opened != wanted:
        raise AssertionError(f"two workers opened {opened} approvals for {wanted} starts")
    return Row(
        name="intake, two processes",
        measured=duplicates,
        against=one.duplicates,
        unit="starts/s",
        must=MUST_TWO,
        sense="at least",
        note=f"duplicates, against one process; asking {asked:,.0f} against {one.asked:,.0f}, where Azure's "
        f"stand-in needs its share of the cores. {len(names)} starts told twice at once: one approval each",
    )


class _Meter:
    """Measures by what the bus saw completed."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._completed = Tail(rig.bus, "completed", queue="starts")
        self.nudges = Tail(rig.bus, "enqueued", queue="notices")

    async def rate(self, messages: Sequence[ServiceBusMessage]) -> float:
        """Send these, and answer how many a second were completed."""
        await self._completed.new()
        await self._rig.send(messages)
        return await self._drained(len(messages))

    async def bare(self, messages: Sequence[ServiceBusMessage], *, processes: int) -> float:
        """The same by the bare client."""
        await self._rig.purge("starts")
        await self._completed.new()
        async with self._clients(processes):
            await self._rig.send(messages)
            return await self._drained(len(messages))

    @contextlib.asynccontextmanager
    async def _clients(self, processes: int) -> AsyncIterator[None]:
        command = ("-m", "deploy.sandbox.bench.bare", "--connection", self._rig.system.connection)
        clients = [self._rig.process("bare", *command) for _ in range(processes)]
        try:
            await asyncio.gather(*(client.start() for client in clients))
            yield
        finally:
            await asyncio.gather(*(client.stop() for client in clients))

    async def _drained(self, count: int) -> float:
        times: list[float] = []
        moved = time.monotonic()
        while len(times) < count:
            fresh = [float(e["at_ms"]) for e in await self._completed.new()]
            if fresh:
                times += fresh
                moved = time.monotonic()
            elif time.monotonic() - moved > _STALLED_S:
                raise TimeoutError(f"only {len(times)} of {count} messages were completed")
            await asyncio.sleep(_LOOK_S)
        skipped = int(len(times) * _WARM_UP)
        return (len(times) - skipped - 1) / max(0.001, (times[-1] - times[skipped]) / 1000)
