"""Nudges on the wire: one as the SDK's message, many as one batch in which each is encoded once.

A burst sends a nudge for each start. The SDK makes four objects of a message and encodes it twice, the first
time only to know its size: that takes 80 µs a nudge, where its own encoder alone takes 13, and writing down
the two sections that a nudge has takes 2. What reaches behind the SDK's public face for this is here;
``tests/contract/bus`` fails when an update takes a part away, or when the two forms differ on the wire.
"""
# ruff: noqa: SLF001

from collections.abc import Sequence
from typing import Any

from azure.servicebus import ServiceBusMessageBatch
from azure.servicebus.amqp import AmqpAnnotatedMessage, AmqpMessageProperties
from azure.servicebus.exceptions import MessageSizeExceededError

from workers.domain.nudges import Nudge

_SCHEDULED = b"x-opt-scheduled-enqueue-time"
"""Source: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-protocol-guide"""
_AROUND = 8
"""Bytes around a message in a batch, at most."""
_KEPT = 5
"""Where the SDK's batch keeps its messages."""

_JSON = "application/json"

_NULL = b"\x40"
_PROPERTIES, _DATA = b"\x00\x53\x73", b"\x00\x53\x75"
_LIST, _BINARY, _TEXT, _SYMBOL = 0xC0, 0xA0, 0xA1, 0xA3
_LONG = 0x10
"""How far above the code of a short form that of the long one is.
Source: https://docs.oasis-open.org/amqp/core/v1.0/os/amqp-core-types-v1.0-os.html and ``-messaging-``, 3.2
"""


def as_message(nudge: Nudge) -> AmqpAnnotatedMessage:
    """The nudge as a message of its own; one with ``due`` is scheduled at the broker.

    Not a ``ServiceBusMessage``, which sets each of a dozen fields by itself and takes twice as long to make.
    """
    scheduled: Any = {_SCHEDULED: nudge.due} if nudge.due is not None else None  # a symbol, so no text
    return AmqpAnnotatedMessage(
        data_body=nudge.model_dump_json().encode(),
        properties=AmqpMessageProperties(
            message_id=nudge.message_id, content_type=_JSON, subject=str(nudge.subject)
        ),
        annotations=scheduled,
    )


def filled(batch: ServiceBusMessageBatch, nudges: Sequence[Nudge]) -> ServiceBusMessageBatch:
    """An empty batch, filled with nudges that are not scheduled: on the wire the same as their messages.

    Raises:
        MessageSizeExceededError: they do not fit.
    """
    inside: Any = batch
    encoded = [_encoded(nudge) for nudge in nudges]
    size = inside._size + sum(len(data) + _AROUND for data in encoded)
    if size > batch.max_size_in_bytes:
        raise MessageSizeExceededError(message=f"{len(encoded)} nudges are too large for one batch")
    inside._amqp_transport.set_batch_envelope_properties(inside._message, nudges[0].message_id, None, None)
    inside._message[_KEPT].extend(encoded)
    inside._size, inside._count = size, len(encoded)
    return batch


def _encoded(nudge: Nudge) -> bytes:
    """Its bare message: properties and data."""
    fields = b"".join(
        (
            _sized(_TEXT, nudge.message_id.encode()),
            _NULL * 2,  # user-id, to
            _sized(_TEXT, str(nudge.subject).encode()),
            _NULL * 2,  # reply-to, correlation-id
            _sized(_SYMBOL, _JSON.encode()),
            _NULL * 6,  # content-encoding, two times, and whom a group of messages is for
        )
    )
    properties = bytes((_LIST, len(fields) + 1, 13)) + fields
    return b"".join((_PROPERTIES, properties, _DATA, _sized(_BINARY, nudge.model_dump_json().encode())))


def _sized(code: int, value: bytes) -> bytes:
    """With one byte for its length, or four."""
    if len(value) < 256:  # noqa: PLR2004 - what a byte holds
        return bytes((code, len(value))) + value
    return bytes((code + _LONG,)) + len(value).to_bytes(4, "big") + value
