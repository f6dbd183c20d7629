"""One link to a queue: takes a batch, has it worked on side by side, and goes on."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import AutoLockRenewer, ServiceBusReceiver

from workers.bus.gate import Gate

_READ_S = 1.0
"""Seconds of waiting for a message, after which the link sees whether it should end."""
_AT_ONCE_S = 1e-6
"""Seconds of waiting for more: what the link holds already, and no other. By itself the SDK waits 0.2 s after
the first message for its batch to fill, which a person who waits for an answer would feel twice."""
_BATCH_S = 0.05
"""Seconds that a batch is waited for. What takes longer is worked on beside the next one: it must not hold up
the starts behind it, and what it is settled by then waits for a read, which nobody feels."""

Take = Callable[[ServiceBusReceivedMessage], Coroutine[Any, Any, None]]


class Link:
    """A receiver that is open, and the messages under way on it.

    Args:
        receiver: the SDK's, with prefetch: the next batch comes while this one is worked on.
        take: works on one message until it is settled; never raises.
        renewer: renews the locks of what takes longer than a batch should.
        concurrency: messages under way at once.
        quiet_s: seconds without a message after which the link may have fallen silent, and ends.
        gate: while it is shut nothing is taken, and half open one message at a time.
        leaving: no more messages are to be taken.
        works: called when a read has ended without an error.
    """

    def __init__(
        self,
        receiver: ServiceBusReceiver,
        take: Take,
        *,
        renewer: AutoLockRenewer,
        concurrency: int,
        quiet_s: float,
        gate: Gate,
        leaving: asyncio.Event,
        works: Callable[[], None],
    ) -> None:
        self._receiver = receiver
        self._take = take
        self._renewer = renewer
        self._concurrency = concurrency
        self._quiet_s = quiet_s
        self._gate = gate
        self._leaving = leaving
        self._works = works
        self._under_way: dict[asyncio.Task[None], ServiceBusReceivedMessage] = {}
        self._renewed: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Receive until the process leaves, the gate shuts, or nothing was heard for minutes.

        What is under way is finished by then; cancelled, it is given up, and comes again.

        Raises:
            ServiceBusError, OSError, ValueError: the link broke.
        """
        broken: Exception | None = None
        try:
            try:
                await self._receive()
            except Exception as error:
                broken = error
            if self._under_way:
                await asyncio.wait(self._under_way)
        finally:
            # There are some only if this was cancelled while it waited for them.
            for task in self._under_way:
                task.cancel()
        if broken is not None:
            raise broken

    async def _receive(self) -> None:
        loop = asyncio.get_running_loop()
        # Not all links of a queue at the same moment.
        patience_s, heard_at = self._quiet_s * random.uniform(0.8, 1.0), loop.time()
        while not self._leaving.is_set() and not self._gate.remaining_s:
            asked_at = loop.time()
            first = await self._receiver.receive_messages(1, max_wait_time=_READ_S)
            if not first and loop.time() - asked_at < _READ_S / 2:
                raise ConnectionError("the link has ended")  # the SDK says so by an empty answer at once
            self._works()
            if first:
                heard_at = loop.time()
                await self._work_on(first)
            elif not self._under_way and loop.time() - heard_at > patience_s:
                return

    async def _work_on(self, first: list[ServiceBusReceivedMessage]) -> None:
        """The message that came, and those that came with it."""
        half_open = self._gate.shut
        begun = self._begin(first)
        if half_open:
            # What this one message shows decides whether the link goes on.
            await asyncio.wait(begun)
            return
        room = self._concurrency - len(self._under_way)
        if room > 0:
            self._begin(await self._receiver.receive_messages(room, max_wait_time=_AT_ONCE_S))
        await asyncio.wait(self._under_way, timeout=_BATCH_S)
        self._renew()
        while len(self._under_way) >= self._concurrency and not self._leaving.is_set():
            await asyncio.wait(self._under_way, timeout=_READ_S, return_when=asyncio.FIRST_COMPLETED)

    def _begin(self, batch: list[ServiceBusReceivedMessage]) -> list[asyncio.Task[None]]:
        begun = {asyncio.create_task(self._take(raw)): raw for raw in batch}
        for task in begun:
            task.add_done_callback(self._ended)
        self._under_way.update(begun)
        return list(begun)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.pop(task, None)
        self._renewed.discard(task)

    def _renew(self) -> None:
        """Have the locks of slow messages renewed, from now until they are settled."""
        for task, raw in self._under_way.items():
            # One that is settled has no lock, though its task may not have ended yet.
            if task not in self._renewed and raw.locked_until_utc is not None:
                self._renewed.add(task)
                self._renewer.register(self._receiver, raw)
