"""A message from a queue, and what becomes of it."""

from typing import NamedTuple

from workers.domain.model import Model


class Message(NamedTuple):
    """One delivery. ``delivery_count`` counts earlier ones, 0 at first."""

    body: bytes
    message_id: str = ""
    delivery_count: int = 0


class Complete(Model):
    """Done; the message goes."""


class DeadLetter(Model):
    """Can't be understood, ever. Service Bus keeps reason and description with it for a person to read."""

    reason: str
    description: str


class Later(Model):
    """Not now: it comes again after so many seconds, without counting as a failed delivery.

    With ``body`` instead of what it carried.
    """

    after_s: float
    body: bytes | None = None


Settlement = Complete | DeadLetter | Later
