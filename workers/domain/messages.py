"""A message from a queue, and how it is settled."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from workers.domain.model import Model


class Message(NamedTuple):
    """One delivery. ``delivery_count`` is how often it was delivered before, 0 at first.

    ``properties`` are the sender's: texts, numbers and truth values by name.
    """

    body: bytes
    message_id: str = ""
    delivery_count: int = 0
    properties: Mapping[str, object] = MappingProxyType({})


class Complete(Model):
    """Done; the message is removed."""


class DeadLetter(Model):
    """It can never be processed. Service Bus keeps the reason and the description with it, for people."""

    reason: str
    description: str


class Later(Model):
    """Not now: it is delivered again after ``after_s`` seconds. This does not count as a failed delivery.

    With ``body`` instead of what it carried.
    """

    after_s: float
    body: bytes | None = None


class Split(Model):
    """Done, but for parts of it: each goes on as a message of its own. Then the message is removed."""

    bodies: tuple[bytes, ...]


Settlement = Complete | DeadLetter | Later | Split
