"""Nudges on the wire: one as the SDK's message, many as one batch in which each is encoded once.

A burst sends a nudge for each start. The SDK makes four objects of a message and encodes it twice, the first
time only to know its size: that takes 80 µs a nudge, where its own encoder alone takes 24. What reaches
behind the SDK's public face for this is here; ``tests/contract/bus`` fails when an update takes a part away.
"""
# ruff: noqa: SLF001

from collections.abc import Sequence
from typing import Any

from azure.servicebus import ServiceBusMessageBatch
from azure.servicebus._pyamqp._encode import encode_payload
from azure.servicebus._pyamqp.message import Message, Properties
from azure.servicebus.amqp import AmqpAnnotatedMessage, AmqpMessageProperties
from azure.servicebus.exceptions import MessageSizeExceededError

from workers.domain.nudges import Nudge

_SCHEDULED = b"x-opt-scheduled-enqueue-time"
"""Source: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-protocol-guide"""
_AROUND = 8
"""Bytes around a message in a batch, at most."""
_DATA = 5
"""Where the SDK's batch keeps its messages."""


def as_message(nudge: Nudge) -> AmqpAnnotatedMessage:
    """The nudge as a message of its own; one with ``due`` is scheduled at the broker.

    Not a ``ServiceBusMessage``, which sets each of a dozen fields by itself and takes twice as long to make.
    """
    scheduled: Any = {_SCHEDULED: nudge.due} if nudge.due is not None else None  # a symbol, so no text
    return AmqpAnnotatedMessage(
        data_body=nudge.model_dump_json().encode(),
        properties=AmqpMessageProperties(**_properties(nudge)),
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
    inside._message[_DATA].extend(encoded)
    inside._size, inside._count = size, len(encoded)
    return batch


def _properties(nudge: Nudge) -> dict[str, Any]:
    return {
        "message_id": nudge.message_id,
        "content_type": "application/json",
        "subject": str(nudge.subject),
    }


def _encoded(nudge: Nudge) -> bytearray:
    output = bytearray()
    properties: Any = Properties
    message: Any = Message
    encode_payload(
        output,
        message(
            properties=properties(**_properties(nudge)),
            data=[nudge.model_dump_json().encode()],
        ),
    )
    return output
