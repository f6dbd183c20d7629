"""What an attach says of the two ends of its link: its source and its target."""

import contextlib
from typing import Any

from deploy.sandbox.servicebus.amqp.codec import DecodeError, Described, compound_items, skip
from deploy.sandbox.servicebus.amqp.frames import AmqpError


def address_of(end: Any) -> str:
    """The address of a source or target.

    Raises:
        AmqpError: it has none.
    """
    fields = end.value if isinstance(end, Described) else None
    if not isinstance(fields, list) or not fields or not isinstance(fields[0], str):
        raise AmqpError("amqp:invalid-field", "the link has no address")
    return fields[0]


def wants_session(source: Any) -> bool:
    """Whether a source asks for a session of messages."""
    filters = source.value[7] if len(source.value) > 7 else None
    return isinstance(filters, dict) and "com.microsoft:session-filter" in filters


def raw_ends(body: bytes) -> tuple[Described | None, Described | None]:
    """Source and target exactly as they came: fields 5 and 6 of the attach."""
    with contextlib.suppress(DecodeError):
        count, pos, _ = compound_items(body, skip(body, 1))
        spans = []
        for _ in range(min(count, 7)):
            start, pos = pos, skip(body, pos)
            spans.append(body[start:pos])
        ends = [Described(None, None, raw) if raw != b"\x40" else None for raw in spans[5:7]]
        ends += [None] * (2 - len(ends))
        return ends[0], ends[1]
    return None, None
