"""Takes messages to Service Bus, and keeps trying while it is away, as Event Grid does."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Protocol, cast

from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusSender
from azure.servicebus.exceptions import ServiceBusError

from deploy.sandbox.azure.messages import Message

RETRY_S = (0.25, 0.5, 1.0, 2.0, 5.0)
"""Waits in seconds between attempts; the last one repeats. Event Grid itself waits 10 s to 12 h."""


SOCKET_TIMEOUT_S = 5
"""A bus that takes connections and says nothing counts as away after this."""


class Queue(Protocol):
    """Where messages go, one at a time."""

    async def send(self, message: Message) -> None:
        """Return once the message is accepted; raise ``OSError`` or ``ServiceBusError`` if it is not."""

    async def close(self) -> None:
        """Let go of the connection."""


class ServiceBusQueue:
    """A queue of Service Bus, through the real client; connects when first used and again after a failure.

    Args:
        connection_string: with ``UseDevelopmentEmulator=true`` for a bus without TLS.
        queue: its name.
    """

    def __init__(self, connection_string: str, queue: str) -> None:
        self._connection_string = connection_string
        self._queue = queue
        self._client: ServiceBusClient | None = None
        self._sender: ServiceBusSender | None = None

    async def send(self, message: Message) -> None:
        if self._sender is None:
            self._client = ServiceBusClient.from_connection_string(
                self._connection_string, retry_total=0, socket_timeout=SOCKET_TIMEOUT_S
            )
            self._sender = self._client.get_queue_sender(self._queue)
        try:
            await self._sender.send_messages(
                ServiceBusMessage(
                    message.body,
                    message_id=message.message_id,
                    content_type="application/json",
                    application_properties=cast("dict[str | bytes, Any]", message.properties),
                )
            )
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        sender, client = self._sender, self._client
        self._sender = self._client = None
        for part in (sender, client):
            if part is not None:
                await part.close()


class Nowhere:
    """A queue for a server that was started without Service Bus: messages end in the record only."""

    async def send(self, message: Message) -> None:
        del message

    async def close(self) -> None:
        pass


class Outbox:
    """Messages on their way; nobody waits for it.

    Args:
        queue: where they go.
        record: ``record(kind, **data)``, told each message that was accepted or not.
    """

    def __init__(self, queue: Queue, record: Callable[..., Any]) -> None:
        self._queue = queue
        self._record = record
        self._tasks: set[asyncio.Task[float]] = set()
        self._turn = asyncio.Lock()

    def post(self, message: Message, *, delay_s: float = 0.0, **about: Any) -> asyncio.Task[float]:
        """Take a message; the task ends once it is accepted, with the Unix time in ms its sending began.

        Args:
            message: what to send.
            delay_s: wait this long first.
            about: further details for the record.
        """
        task = asyncio.create_task(self._deliver(message, delay_s, about))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    @property
    def waiting(self) -> int:
        """Messages that are not accepted yet."""
        return len(self._tasks)

    async def close(self) -> None:
        """Give up what is still on its way."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._queue.close()

    def forget(self) -> None:
        """Give up what is still on its way, but stay ready for more."""
        for task in list(self._tasks):
            task.cancel()

    async def _deliver(self, message: Message, delay_s: float, about: dict[str, Any]) -> float:
        await asyncio.sleep(delay_s)
        first = int(message.properties.get("aeg-delivery-count", "0"))
        attempt = 0
        while True:
            delivery = message.delivery(first + attempt)
            try:
                began = await self._send(delivery)
            except (OSError, ServiceBusError) as error:
                # Only the first refusal is news; a bus that is away for minutes must not fill the record.
                if attempt == 0:
                    self._note(delivery, about, accepted=False, error=f"{type(error).__name__}: {error}")
            else:
                took_ms = round((time.time() - began) * 1000, 3)
                self._note(delivery, about, accepted=True, attempts=attempt + 1, took_ms=took_ms)
                return round(began * 1000, 3)
            await asyncio.sleep(RETRY_S[min(attempt, len(RETRY_S) - 1)])
            attempt += 1

    async def _send(self, message: Message) -> float:
        """Send when it is this message's turn; returns the Unix time in seconds at which it was."""
        async with self._turn:
            began = time.time()
            await self._queue.send(message)
            return began

    def _note(self, message: Message, about: dict[str, Any], **outcome: Any) -> None:
        self._record(
            "event",
            event_id=message.event_id,
            message_id=message.message_id,
            properties=message.properties,
            body=message.body,
            **about,
            **outcome,
        )
