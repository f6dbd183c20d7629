"""What a received message carries."""

import time

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


def age_s(raw: ServiceBusReceivedMessage) -> float:
    """Seconds since it could be taken: since it came, or since the time that it was scheduled for."""
    since = max(filter(None, (raw.enqueued_time_utc, raw.scheduled_enqueue_time_utc)), default=None)
    return 0.0 if since is None else max(0.0, time.time() - since.timestamp())


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
