"""Sends nudges: many at once in one list, because concurrent sends on one link get in each other's way."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import structlog
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusSender
from azure.servicebus.exceptions import (
    MessageNotFoundError,
    MessageSizeExceededError,
    ServiceBusError,
)

from workers.bus.connection import NOTICES, SOCKET_TIMEOUT_S, WORK
from workers.bus.nudge_batch import as_message, filled
from workers.domain.errors import DependencyAway
from workers.domain.nudges import Nudge
from workers.runtime.lull import after_lull

log = structlog.get_logger(__name__)

SEND_TIMEOUT_S = 10.0
CANCEL_TIMEOUT_S = 3.0
"""Short: the SDK repeats a cancelling that finds nothing, and what fires anyway finds nothing to do."""
_SPARE_S = 2.0
"""The SDK's own timeout does not end everything: cut off at the wrong moment, a call has waited for ever."""
_MOST_AT_ONCE = 200
_MOST_MANAGED = 9_000
"""Schedulings and cancellings for which a sender is used. The SDK lets the broker answer 10,000 of them, and
no more: the next one would be carried out, and wait for its answer until it times out."""
_GATHER_S = 0.04
"""Seconds for which nudges gather at most; a lull ends it sooner. In a burst each list would hold a few, and
a list costs as much as twenty nudges in it."""

Sendable = ServiceBusMessage | Nudge


class QueueSender:
    """One queue's sender. Whatever is handed in while a send is under way goes out together, next."""

    def __init__(self, client: ServiceBusClient, queue: str) -> None:
        self._client = client
        self._queue = queue
        self._sender: ServiceBusSender | None = None
        self._waiting: list[tuple[Sequence[Sendable], asyncio.Future[None]]] = []
        self._draining: asyncio.Task[None] | None = None
        self._opening = asyncio.Lock()
        # Scheduling and cancelling open a link of their own, and the SDK opens it twice when asked at once.
        self._managing = asyncio.Lock()
        self._managed = 0
        self._retired: dict[ServiceBusSender, asyncio.Task[None]] = {}

    async def send(self, messages: Sequence[Sendable]) -> None:
        """Returns once the broker has acknowledged all of them.

        Raises:
            DependencyAway: it did not; some may have arrived all the same.
        """
        if not messages:
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((messages, done))
        if self._draining is None:
            self._draining = asyncio.create_task(self._drain())
        await done

    async def schedule(self, message: Sendable, due: datetime) -> int:
        """Have the broker enqueue it then; answers its sequence number.

        Raises:
            DependencyAway: not acknowledged.
        """
        sender: ServiceBusSender | None = None
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S + _SPARE_S), self._managing:
                sender = await self._manager()
                numbers = await sender.schedule_messages(_message(message), due, timeout=SEND_TIMEOUT_S)
        except Exception as error:
            await self._drop(sender)
            raise _away(self._queue, error) from error
        return int(numbers[0])

    async def cancel(self, sequence_number: int) -> None:
        """Take a scheduled message back. One that is gone already is no error.

        Raises:
            DependencyAway: not acknowledged.
        """
        sender: ServiceBusSender | None = None
        try:
            async with asyncio.timeout(CANCEL_TIMEOUT_S + _SPARE_S), self._managing:
                sender = await self._manager()
                await sender.cancel_scheduled_messages(sequence_number, timeout=CANCEL_TIMEOUT_S)
        except MessageNotFoundError:
            return
        except Exception as error:
            await self._drop(sender)
            raise _away(self._queue, error) from error

    async def open(self) -> None:
        """Connect now: opening takes several round trips, which the first nudge should not wait for."""
        try:
            await self._opened()
        except (ServiceBusError, OSError, ValueError) as error:
            raise _away(self._queue, error) from error

    async def close(self) -> None:
        """Send what waits, then close."""
        while self._draining is not None:
            await asyncio.wait([self._draining])
        for sender, closing in list(self._retired.items()):
            closing.cancel()
            await self._end(sender)
        if self._sender is not None:
            await self._sender.close()

    async def _manager(self) -> ServiceBusSender:
        """The sender for one scheduling or cancelling; another one when it has done its share of them."""
        if self._managed >= _MOST_MANAGED and self._sender is not None:
            old, self._sender = self._sender, None
            self._retired[old] = asyncio.create_task(self._retire(old))
        sender = await self._opened()
        self._managed += 1
        return sender

    async def _retire(self, sender: ServiceBusSender) -> None:
        """Close it when whatever is under way on it has ended, or timed out."""
        await asyncio.sleep(SEND_TIMEOUT_S + _SPARE_S)
        await self._end(sender)
        del self._retired[sender]

    async def _opened(self) -> ServiceBusSender:
        async with self._opening:
            if self._sender is None:
                sender = self._client.get_queue_sender(self._queue, socket_timeout=SOCKET_TIMEOUT_S)
                await sender.__aenter__()
                self._sender, self._managed = sender, 0
            return self._sender

    async def _drain(self) -> None:
        try:
            while self._waiting:
                gathered = asyncio.Event()
                after_lull(gathered.set, lambda: len(self._waiting), within_s=_GATHER_S)
                await gathered.wait()
                batch = self._take()
                sender: ServiceBusSender | None = None
                try:
                    async with asyncio.timeout(SEND_TIMEOUT_S + _SPARE_S):
                        sender = await self._opened()
                        await self._send(sender, [message for some, _ in batch for message in some])
                except Exception as error:
                    log.warning("nudges were not sent", queue=self._queue, count=len(batch), error=str(error))
                    await self._drop(sender)
                    for _, done in batch:
                        if not done.done():
                            done.set_exception(_away(self._queue, error))
                else:
                    for _, done in batch:
                        if not done.done():
                            done.set_result(None)
        finally:
            self._draining = None

    async def _send(self, sender: ServiceBusSender, messages: list[Sendable]) -> None:
        """All in one list if it fits into one of the broker's messages, else in halves."""
        try:
            await sender.send_messages(await _packed(sender, messages), timeout=SEND_TIMEOUT_S)
        except MessageSizeExceededError:
            half = len(messages) // 2
            if not half:
                raise
            await self._send(sender, messages[:half])
            await self._send(sender, messages[half:])

    def _take(self) -> list[tuple[Sequence[Sendable], asyncio.Future[None]]]:
        taken: list[tuple[Sequence[Sendable], asyncio.Future[None]]] = []
        count = 0
        while self._waiting and (not taken or count + len(self._waiting[0][0]) <= _MOST_AT_ONCE):
            taken.append(self._waiting.pop(0))
            count += len(taken[-1][0])
        return taken

    async def _drop(self, sender: ServiceBusSender | None) -> None:
        """After an error a sender may be stuck in a state that it doesn't leave; a new one is cheap.

        Only the one that failed: in its place another may be open already, with calls of others under way.
        """
        if sender is not None and sender is self._sender:
            self._sender = None
            await self._end(sender)

    async def _end(self, sender: ServiceBusSender) -> None:
        try:
            async with asyncio.timeout(_SPARE_S):
                await sender.close()
        except Exception as error:
            log.debug("closing a sender", error=str(error))


async def _packed(sender: ServiceBusSender, messages: list[Sendable]) -> Any:
    """What the SDK takes: its types don't say so of a list of both sorts."""
    nudges = [one for one in messages if isinstance(one, Nudge) and one.due is None]
    if len(nudges) == len(messages):
        return filled(await sender.create_message_batch(), nudges)
    return [_message(one) for one in messages]


def _message(one: Sendable) -> Any:
    return as_message(one) if isinstance(one, Nudge) else one


def _away(queue: str, error: Exception) -> DependencyAway:
    return DependencyAway("servicebus", f"could not send to {queue}: {type(error).__name__}")


class BusNudger:
    """``workers.domain.ports.Nudger`` on Service Bus."""

    def __init__(self, client: ServiceBusClient) -> None:
        self._work = QueueSender(client, WORK)
        self._notices = QueueSender(client, NOTICES)

    async def open(self) -> None:
        """Connect both senders."""
        await asyncio.gather(self._work.open(), self._notices.open())

    async def work(self, *nudges: Nudge) -> None:
        """Have workers look at it."""
        await self._work.send(nudges)

    async def schedule_work(self, nudge: Nudge) -> int:
        """Have workers look at it when it is due; the number takes it back."""
        if nudge.due is None:
            raise ValueError("a nudge without a due time can't be scheduled")
        return await self._work.schedule(nudge, nudge.due)

    async def cancel_work(self, sequence_number: int) -> None:
        """Take a scheduled nudge back."""
        await self._work.cancel(sequence_number)

    async def notices(self, *nudges: Nudge) -> None:
        """Have the bot look at it."""
        await self._notices.send(nudges)

    async def close(self) -> None:
        """Send what waits, then close."""
        await asyncio.gather(self._work.close(), self._notices.close())
