"""What is in a namespace, as JSON for tests and for the demo page."""

from typing import Any

from deploy.sandbox.servicebus.amqp.codec import DecodeError
from deploy.sandbox.servicebus.messages import Message, State
from deploy.sandbox.servicebus.namespace import Namespace
from deploy.sandbox.servicebus.queues import Queue
from deploy.sandbox.servicebus.sections import APPLICATION_PROPERTIES, DATA, VALUE, render, whole

SHOWN = 4096
"""Characters of a body that are shown."""


def describe(namespace: Namespace) -> dict[str, Any]:
    """Each queue's counts and messages, by name; its dead letters are inside it."""
    return {
        name: _queue(queue, queue.dead_letters)
        for name, queue in namespace.queues.items()
        if queue.dead_letters is not None
    }


def _queue(queue: Queue, dead_letters: Queue) -> dict[str, Any]:
    messages = list(queue.messages.values())
    return {
        "active": sum(m.state is State.ACTIVE for m in messages),
        "scheduled": sum(m.state is State.SCHEDULED for m in messages),
        "deferred": sum(m.state is State.DEFERRED for m in messages),
        "locked": sum(m.token is not None for m in messages),
        "dead_letter": len(dead_letters.messages),
        "messages": [_message(m) for m in messages],
        "dead_letters": [_message(m) for m in dead_letters.messages.values()],
    }


def _message(message: Message) -> dict[str, Any]:
    body, properties = _readable(render(message))
    locked = message.token is not None
    return {
        "message_id": message.payload.message_id,
        "sequence_number": message.sequence,
        "state": "locked" if locked else message.state.name.lower(),
        "body": body,
        "application_properties": properties,
        "delivery_count": message.delivery_count,
        "enqueued_ms": message.enqueued_ms,
        "locked_until_ms": message.locked_until_ms if locked else None,
        "scheduled_ms": message.payload.due_ms if message.state is State.SCHEDULED else None,
    }


def _readable(data: bytes) -> tuple[str, dict[str, Any]]:
    """Body and application properties as text and JSON; what is neither is shown as Python would."""
    try:
        parts = whole(data)
    except DecodeError as error:
        return f"(not readable: {error})", {}
    body = parts.get(DATA, parts.get(VALUE, b""))
    text = body[: 4 * SHOWN].decode("utf-8", "replace") if isinstance(body, bytes) else str(body)
    properties = parts.get(APPLICATION_PROPERTIES) or {}
    plain = (str, int, float, bool, type(None))
    return text[:SHOWN], {str(k): v if isinstance(v, plain) else str(v) for k, v in properties.items()}
