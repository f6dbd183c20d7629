"""The nouns of a queue: a message, how a queue is set up, what it refuses, and whom it talks to.

Times are Unix milliseconds.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Literal, NamedTuple, Protocol

MAX_MESSAGE_ID = 128
"""Characters in a message id."""

DEAD_LETTERS = "/$deadletterqueue"
"""What follows a queue's name in the name of its dead-letter queue; any case on the wire."""


class QueueError(Exception):
    """Base of what a queue refuses: ``LockLostError``, ``MessageNotFoundError``, ``BadMessageError``."""


class LockLostError(QueueError):
    """The lock expired, or the message was settled already. Receive it again."""


class MessageNotFoundError(QueueError):
    """No message with this sequence number is in the state that was asked for."""


class BadMessageError(QueueError):
    """The message breaks a limit of the service; it will be refused for ever."""


class State(IntEnum):
    """The values of ``x-opt-message-state``."""

    ACTIVE = 0
    DEFERRED = 1
    SCHEDULED = 2


class Payload(NamedTuple):
    """What was sent, immutable.

    Attributes:
        message_id: the sender's, as text; empty when there is none.
        content: opaque bytes.
        ttl_ms: time to live, in ms from enqueueing; ``None`` lives for ever.
        due_ms: when to enqueue it; ``None``, and times past, mean now.
        annotations: opaque bytes that go with the content.
        priority: the header's; kept, and of no consequence, as in the service.
        delivery_annotations: a whole section, opaque, that goes in front of the annotations.
    """

    message_id: str
    content: bytes
    ttl_ms: int | None = None
    due_ms: int | None = None
    annotations: bytes = b""
    priority: int | None = None
    delivery_annotations: bytes = b""


@dataclass(slots=True, eq=False)
class Message:
    """One message in one queue. ``token`` is set while it is locked."""

    sequence: int
    payload: Payload
    enqueued_ms: int
    state: State = State.ACTIVE
    delivery_count: int = 0
    reason: str | None = None
    description: str | None = None
    token: bytes | None = None
    locked_until_ms: int = 0

    @property
    def expires_ms(self) -> int | None:
        """When its time to live ends."""
        return None if self.payload.ttl_ms is None else self.enqueued_ms + self.payload.ttl_ms


Lent = tuple[Message, bytes]
"""A message with the token of its lock."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """How one queue is set up.

    Attributes:
        name: lower case, without slashes at the ends.
        dedup_ms: window of duplicate detection; 0 turns it off.
        lock_ms: how long a received message stays locked.
        ttl_ms: the longest that a message lives, and how long one lives that does not say; ``None`` for ever.
            Source: https://learn.microsoft.com/azure/service-bus-messaging/message-expiration
        max_delivery: failed deliveries after which it is dead-lettered; 0 never does.
        expired: what becomes of a message whose time to live ends while it waits for a receiver; locked,
            deferred and dead ones do not expire.
    """

    name: str
    dedup_ms: int = 0
    lock_ms: int = 30_000
    ttl_ms: int | None = None
    max_delivery: int = 10
    expired: Literal["drop", "dead-letter"] = "drop"

    def limited(self, payload: Payload) -> Payload:
        """The payload with no more time to live than the queue gives; the service adjusts it unasked."""
        if self.ttl_ms is None or (payload.ttl_ms is not None and payload.ttl_ms <= self.ttl_ms):
            return payload
        return payload._replace(ttl_ms=self.ttl_ms)


class Consumer(Protocol):
    """Where a queue pushes messages to."""

    deletes: bool
    """It takes messages for good (receive and delete) instead of locking them."""

    def hungry(self) -> bool:
        """It would take one more message now."""

    def deliver(self, message: Message, token: bytes) -> None:
        """Take it; called only when hungry."""


class Store(Protocol):
    """Where a queue writes down what must survive it."""

    def put(self, queue: str, message: Message) -> None:
        """A message came in."""

    def move(self, queue: str, sequence: int, message: Message, to: str) -> None:
        """The message of this sequence number is now as given, perhaps in another queue."""

    def gone(self, queue: str, sequence: int) -> None:
        """The message left for good."""


Witness = Callable[..., Any]
"""Called as ``witness(kind, queue=…, sequence_number=…, message_id=…, **details)`` for all that happens."""
