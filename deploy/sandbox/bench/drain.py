"""How fast a full queue is drained: by the product, which stands still meanwhile, or by the bare client."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from azure.servicebus import ServiceBusMessage

from deploy.sandbox.bench.meter import cpu_s
from deploy.sandbox.bench.records import Tail
from deploy.sandbox.bench.rig import Product, Rig
from deploy.sandbox.processes import Process

STARTS, BARE = "starts", "notices"
"""What is sent on to the bot, of which there is none, and nobody else takes from that queue."""
_WARM_UP = 0.1
"""Of the bare client the first tenth is left out: opening, and the first of everything."""
_STALLED_S = 30.0
_LOOK_S = 0.2


class Way(NamedTuple):
    """How the bare client takes messages."""

    receivers: int
    socket_timeout_s: float
    concurrency: int
    prefetch: int

    def arguments(self) -> tuple[str, ...]:
        """For its command line."""
        return (
            "--receivers", str(self.receivers), "--socket-timeout", str(self.socket_timeout_s),
            "--concurrency", str(self.concurrency), "--prefetch", str(self.prefetch),
        )  # fmt: skip


WAYS = (Way(2, 0.05, 64, 500), Way(4, 0.05, 32, 200))
"""The fastest there are, within a tenth of each other: one link is slower; more than four, or shorter reads,
spend CPU on polling."""


class Rate(NamedTuple):
    """Messages completed a second, and CPU milliseconds for each in the measured processes."""

    per_s: float
    cpu_ms: float


class Drain:
    """Fills a queue, then measures by what the bus saw completed.

    What fills the queue would take CPU from what drains it: everything is there before the first is taken.
    The bare client has a queue to itself, so that both are measured in turn: a machine is quicker at one
    moment than at another.
    """

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._completed = {queue: Tail(rig.bus, "completed", queue=queue) for queue in (STARTS, BARE)}

    async def product(self, product: Product, messages: Sequence[ServiceBusMessage]) -> Rate:
        """By the product's workers, which are warm and stopped by a signal while the queue is filled."""
        await self._completed[STARTS].new()
        with _stopped(product.workers):
            await self._rig.send(messages)
            began_ms = time.time() * 1000
        return await self._drained(STARTS, len(messages), product.workers, began_ms)

    async def bare(self, product: Product, messages: Sequence[ServiceBusMessage], ways: int) -> Rate:
        """By the bare client in one process, in the best of so many ways; each gets a share.

        The product's workers do nothing meanwhile.
        """
        share = len(messages) // ways
        with _stopped(product.workers):
            rates = [
                await self._bare(messages[at * share : (at + 1) * share], way)
                for at, way in enumerate(WAYS[:ways])
            ]
        return max(rates)

    async def _bare(self, messages: Sequence[ServiceBusMessage], way: Way) -> Rate:
        await self._rig.purge(BARE)
        await self._rig.send(messages, queue=BARE)
        await self._completed[BARE].new()
        where = ("--connection", self._rig.system.connection, "--queue", BARE)
        client = self._rig.process("bare", "-m", "deploy.sandbox.bench.bare", *where, *way.arguments())
        try:
            await client.start()
            return await self._drained(BARE, len(messages), [client])
        finally:
            await client.kill()

    async def _drained(
        self, queue: str, count: int, processes: Sequence[Process], began_ms: float | None = None
    ) -> Rate:
        cpu = _cpu_s(processes)
        times: list[float] = []
        moved = time.monotonic()
        while len(times) < count:
            fresh = [float(e["at_ms"]) for e in await self._completed[queue].new()]
            if fresh:
                times += fresh
                moved = time.monotonic()
            elif time.monotonic() - moved > _STALLED_S:
                raise TimeoutError(f"only {len(times)} of {count} messages were completed")
            await asyncio.sleep(_LOOK_S)
        per_s = rate(times) if began_ms is None else len(times) / max(0.001, (times[-1] - began_ms) / 1000)
        return Rate(per_s, (_cpu_s(processes) - cpu) / count * 1000)


def rate(times_ms: Sequence[float]) -> float:
    """Completions a second, from when the first tenth was done to the last.

    Of the product, with hundreds of starts under way at once, that would count as done in no time what had
    been begun by then: its rate is that of all of them, from when it was let go.
    """
    skipped = int(len(times_ms) * _WARM_UP)
    return (len(times_ms) - skipped - 1) / max(0.001, (times_ms[-1] - times_ms[skipped]) / 1000)


def _cpu_s(processes: Sequence[Process]) -> float:
    return sum(cpu_s(process.pid or 0) for process in processes)


@contextlib.contextmanager
def _stopped(processes: Sequence[Process]) -> Iterator[None]:
    """They do not run in this block; what the bus has lent them by then is what they had asked for ahead."""
    pids = [process.pid for process in processes if process.pid]
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
