"""How fast a full queue is drained, by the product or by the bare client: both stand still while it fills."""

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
"""Of the bare client's messages, a tenth goes ahead: opening, and the first of everything."""
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


WAYS = (Way(4, 0.02, 32, 200), Way(6, 0.02, 32, 200))
"""The fastest of 16 that were tried, within a twentieth of each other: one link alone takes a third less,
longer reads stand still for as long at the end, and shorter ones spend CPU on polling."""


class Rate(NamedTuple):
    """Messages completed a second, and CPU milliseconds for each in the measured processes."""

    per_s: float
    cpu_ms: float


class Drain:
    """Fills a queue, then measures by what the bus saw completed.

    What fills the queue would take CPU from what drains it: everything is there before the first is taken.
    A rate is that of all messages, from when the process is let go: where it was only that of the last ones,
    the bare client, which asks for hundreds ahead, came out quicker than its processor time allows.
    The bare client has a queue to itself, so that both are measured in turn: a machine is quicker at one
    moment than at another.
    """

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._completed = {queue: Tail(rig.bus, "completed", queue=queue) for queue in (STARTS, BARE)}

    async def product(self, product: Product, messages: Sequence[ServiceBusMessage]) -> Rate:
        """By the product's workers, which are warm."""
        return await self._full(STARTS, messages, product.workers)

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
        where = ("--connection", self._rig.system.connection, "--queue", BARE)
        client = self._rig.process("bare", "-m", "deploy.sandbox.bench.bare", *where, *way.arguments())
        ahead = int(len(messages) * _WARM_UP)
        try:
            await client.start()
            await self._full(BARE, messages[:ahead], [client])
            return await self._full(BARE, messages[ahead:], [client])
        finally:
            await client.kill()

    async def _full(
        self, queue: str, messages: Sequence[ServiceBusMessage], processes: Sequence[Process]
    ) -> Rate:
        """Stopped by a signal while the queue is filled, and let go."""
        completed = self._completed[queue]
        await completed.new()
        with _stopped(processes):
            await self._rig.send(messages, queue=queue)
            cpu, began_ms = _cpu_s(processes), time.time() * 1000
        count, last_ms, moved = 0, began_ms, time.monotonic()
        while count < len(messages):
            fresh = await completed.new()
            if fresh:
                count += len(fresh)
                last_ms, moved = float(fresh[-1]["at_ms"]), time.monotonic()
            elif time.monotonic() - moved > _STALLED_S:
                raise TimeoutError(f"only {count} of {len(messages)} messages were completed")
            await asyncio.sleep(_LOOK_S)
        took_s = max(0.001, (last_ms - began_ms) / 1000)
        return Rate(count / took_s, (_cpu_s(processes) - cpu) / count * 1000)


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
