"""What passes between a client and a node that answers it."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks of a node."""

    message_id: Any
    properties: dict[str, Any]
    body: Any


@dataclass(frozen=True, slots=True)
class Reply:
    """What a node answers: application properties, and a body."""

    properties: dict[str, Any]
    body: Any = None
