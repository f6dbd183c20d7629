"""What a received message carries."""

from azure.servicebus import ServiceBusReceivedMessage

from workers.domain.messages import Message


def message(raw: ServiceBusReceivedMessage) -> Message:
    """What a handler is given of it."""
    return Message(
        body=body(raw),
        message_id=raw.message_id or "",
        delivery_count=raw.delivery_count or 0,
        properties={str(_text(k)): _text(v) for k, v in (raw.application_properties or {}).items()},
    )


def _text(value: object) -> object:
    """The SDK gives names and texts as bytes."""
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def body(raw: ServiceBusReceivedMessage) -> bytes:
    """The body as bytes. AMQP value and sequence bodies are no JSON of ours: their text shows what came."""
    given = raw.body
    if isinstance(given, (bytes, str)):
        return given.encode() if isinstance(given, str) else given
    try:
        return b"".join(bytes(part) for part in given)
    except (TypeError, ValueError):
        return str(raw).encode()
