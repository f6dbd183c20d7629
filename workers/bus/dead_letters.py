"""What Service Bus put aside: looked at without a lock, sent once more, or thrown away."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterator
from typing import NamedTuple
from uuid import uuid4

from azure.servicebus import ServiceBusMessage, ServiceBusReceivedMessage, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver
from azure.servicebus.amqp import AmqpMessageBodyType
from azure.servicebus.exceptions import ServiceBusError

from workers.bus.connection import SOCKET_TIMEOUT_S
from workers.bus.sender import QueueSender
from workers.domain.errors import DependencyAway, StartgateError
from workers.domain.model import Model, UtcTime

_PAGE = 100
_TAKEN_AT_ONCE = 20
"""Few enough to settle all of them within the shortest usual lock, 30 s, on a slow line."""
_NO_MORE_S = 2.0
"""After so long without a message, the queue holds none that nobody else has locked."""
_ANSWER_S = 15.0
_ADDED = ("DeadLetterReason", "DeadLetterErrorDescription")
REPLAY_OF = "startgate-replay-of"
"""Application property of a copy: the message id it had before."""


class NotReplayable(StartgateError):
    """The body is an AMQP value or sequence; only bytes can be sent again as they came."""


class Dead(Model):
    """One dead letter. ``delivery_count`` counts deliveries before it died; ``enqueued_at`` is its arrival.

    ``reason`` and ``description`` are Service Bus's words or ours; ``properties`` are the sender's.
    """

    sequence: int
    message_id: str
    reason: str
    description: str
    delivery_count: int
    enqueued_at: UtcTime | None
    body: bytes
    properties: dict[str, str] = {}


class Handled(NamedTuple):
    """What came of it.

    Attributes:
        done: sequence numbers that were replayed or discarded.
        not_found: those that were asked for but not there, or locked by somebody else.
        refused: sequence number → why it could not be replayed.
    """

    done: list[int]
    not_found: list[int]
    refused: dict[int, str]


Note = Callable[[Dead, str], Awaitable[None]]
"""Writes the audit: the dead letter, and the new message id (empty when discarded)."""


class DeadLetters:
    """The dead-letter sub-queue of one queue.

    Every method raises ``DependencyAway`` when Service Bus does not answer or refuses.
    """

    def __init__(self, client: ServiceBusClient, queue: str) -> None:
        self._client = client
        self.queue = queue

    async def peek(self, *, from_sequence: int = 1) -> AsyncGenerator[Dead, None]:
        """All of them in the order of their sequence numbers, read without locking any."""
        with self._away():
            async with self._receiver() as receiver:
                while True:
                    page = await receiver.peek_messages(
                        _PAGE, sequence_number=from_sequence, timeout=_ANSWER_S
                    )
                    for raw in page:
                        yield _dead(raw)
                    if not page:
                        return
                    from_sequence = max(raw.sequence_number or 0 for raw in page) + 1

    async def replay(self, wanted: Collection[int], note: Note) -> Handled:
        """Send a copy of each to the queue, have it noted, then complete the dead letter, in that order.

        A crash in between leaves the dead letter beside its copy: replayed twice at worst, never lost. The
        copy has a fresh message id, or duplicate detection would drop it.
        """
        sender = QueueSender(self._client, self.queue)

        async def again(raw: ServiceBusReceivedMessage) -> str:
            copy = _copy(raw)
            await sender.send([copy])
            return str(copy.message_id)

        try:
            return await self._handle(wanted, again, note)
        finally:
            await sender.close()

    async def discard(self, wanted: Collection[int], note: Note) -> Handled:
        """Have each noted, then remove it."""

        async def nothing(_raw: ServiceBusReceivedMessage) -> str:
            return ""

        return await self._handle(wanted, nothing, note)

    async def _handle(
        self,
        wanted: Collection[int],
        act: Callable[[ServiceBusReceivedMessage], Awaitable[str]],
        note: Note,
    ) -> Handled:
        """Only deferred messages can be fetched by number: take whatever comes, and give back the rest."""
        missing, refused, done = set(wanted), dict[int, str](), list[int]()
        others: dict[int, ServiceBusReceivedMessage] = {}
        with self._away():
            async with self._receiver() as receiver:
                try:
                    while missing:
                        page = await receiver.receive_messages(_TAKEN_AT_ONCE, max_wait_time=_NO_MORE_S)
                        fresh = [raw for raw in page if (raw.sequence_number or 0) not in others]
                        if not fresh:
                            break
                        for raw in fresh:
                            number = raw.sequence_number or 0
                            if number not in missing:
                                others[number] = raw
                                continue
                            missing.discard(number)
                            try:
                                new_id = await act(raw)
                            except NotReplayable as error:
                                refused[number] = str(error)
                                others[number] = raw
                                continue
                            await note(_dead(raw), new_id)
                            await receiver.complete_message(raw)
                            done.append(number)
                finally:
                    await _give_back(receiver, others.values())
        return Handled(done, sorted(missing), refused)

    def _receiver(self) -> ServiceBusReceiver:
        return self._client.get_queue_receiver(
            self.queue, sub_queue=ServiceBusSubQueue.DEAD_LETTER, socket_timeout=SOCKET_TIMEOUT_S
        )

    @contextlib.contextmanager
    def _away(self) -> Iterator[None]:
        try:
            yield
        except (ServiceBusError, OSError, ValueError, TimeoutError) as error:
            raise DependencyAway(
                "servicebus", f"dead letters of {self.queue}: {type(error).__name__}: {error}"
            ) from error


async def _give_back(receiver: ServiceBusReceiver, messages: Collection[ServiceBusReceivedMessage]) -> None:
    """Unlock what was not asked for; where that fails, the lock runs out by itself."""
    for raw in messages:
        with contextlib.suppress(ServiceBusError, OSError, ValueError, TimeoutError):
            async with asyncio.timeout(_ANSWER_S):
                await receiver.abandon_message(raw)


def _dead(raw: ServiceBusReceivedMessage) -> Dead:
    properties = {_text(k): _text(v) for k, v in (raw.application_properties or {}).items()}
    return Dead(
        sequence=raw.sequence_number or 0,
        message_id=raw.message_id or "",
        reason=raw.dead_letter_reason or "",
        description=raw.dead_letter_error_description or "",
        delivery_count=raw.delivery_count or 0,
        enqueued_at=raw.enqueued_time_utc,
        body=_bytes(raw),
        properties={k: v for k, v in properties.items() if k not in _ADDED},
    )


def _bytes(raw: ServiceBusReceivedMessage) -> bytes:
    if raw.body_type is AmqpMessageBodyType.DATA:
        return b"".join(bytes(part) for part in raw.body)
    return str(raw).encode()


def _copy(raw: ServiceBusReceivedMessage) -> ServiceBusMessage:
    if raw.body_type is not AmqpMessageBodyType.DATA:
        raise NotReplayable("its body is an AMQP value, not bytes; it can't be sent again as it came")
    properties = {
        key: value for key, value in (raw.application_properties or {}).items() if _text(key) not in _ADDED
    }
    return ServiceBusMessage(
        _bytes(raw),
        message_id=uuid4().hex,
        content_type=raw.content_type,
        subject=raw.subject,
        correlation_id=raw.correlation_id,
        application_properties={**properties, REPLAY_OF: raw.message_id or ""},
    )


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
