"""Settling by disposition: which outcome means what, and the answer the client waits for."""

from typing import Any

from deploy.sandbox.servicebus.amqp.codec import Described, Ulong
from deploy.sandbox.servicebus.amqp.encoding import encode
from deploy.sandbox.servicebus.amqp.frames import AmqpError, Disposition, settlement
from deploy.sandbox.servicebus.messages import LockLostError
from deploy.sandbox.servicebus.queues import Queue
from deploy.sandbox.servicebus.wire.roles import Delivered, LinkOwner

RECEIVED, ACCEPTED_CODE, REJECTED_CODE, MODIFIED = 0x23, 0x24, 0x25, 0x27
ACCEPTED = b"\x00\x53\x24\x45"
REJECTED = b"\x00\x53\x25\x45"


def rejected(error: AmqpError) -> bytes:
    """The rejected outcome with its reason, encoded."""
    return encode(Described(Ulong(REJECTED_CODE), [error.wire()]))


def settle(session: LinkOwner, disposition: Disposition) -> None:
    """Apply one disposition of the client to every delivery it names, and answer each.

    The service echoes the outcome it applied. A dead-letter's echo has no error in it, because the
    client takes an error for a refusal. For what a detached link delivered, this is the wrong way: see
    ``_refused``.
    """
    if not isinstance(disposition.state, Described):
        return
    code, fields = disposition.state.descriptor, disposition.state.value
    if code == RECEIVED:
        return
    echo = REJECTED if code == REJECTED_CODE else disposition.state.raw
    for delivery_id in _named(session, disposition):
        delivered = session.unsettled.pop(delivery_id)
        answer: bytes | None = echo
        if delivered.link.attached:
            try:
                _apply(delivered.queue, delivered.token, code, fields)
            except LockLostError as error:
                answer = rejected(AmqpError("com.microsoft:message-lock-lost", str(error)))
        else:
            answer = _refused(delivered)
        if answer is not None and not disposition.settled:
            session.connection.send_late(
                settlement(session.channel, role=False, delivery_id=delivery_id, state=answer)
            )
    session.connection.broker.wake()


def _refused(delivered: Delivered) -> bytes | None:
    """What a disposition for a delivery of a detached link is answered with; it is never applied.

    A link's deliveries end with it on the wire (AMQP 1.0, part 2, section 2.6.4), but not the lock: while it
    stands there is no answer, the client finds its link detached, and settles through ``$management``
    (``_settle_message`` in the client's ``aio/_servicebus_receiver_async.py``). A lock that is gone is said
    to be lost, here as there: no message is refused in one place and taken in the other.
    """
    if delivered.queue.holds(delivered.token):
        return None
    reason = f"the lock on this message of {delivered.queue.name} ended with its link, or ran out"
    return rejected(AmqpError("com.microsoft:message-lock-lost", reason))


def _named(session: LinkOwner, disposition: Disposition) -> list[int]:
    """The unsettled deliveries it names. The range is the peer's word: never walked when it is long."""
    first = disposition.first
    last = first if disposition.last is None else disposition.last
    if last - first < len(session.unsettled):
        return [n for n in range(first, last + 1) if n in session.unsettled]
    return [n for n in session.unsettled if first <= n <= last]


def _apply(queue: Queue, token: bytes, code: int, fields: Any) -> None:
    if code == ACCEPTED_CODE:
        queue.complete(token)
    elif code == REJECTED_CODE:
        queue.dead_letter(token, *_reasons(fields))
    elif code == MODIFIED and _field(fields, 1):
        queue.defer(token)
    elif code == MODIFIED and _field(fields, 0):
        queue.abandon(token)
    else:
        queue.release(token)


def _reasons(fields: Any) -> tuple[str | None, str | None]:
    error = _field(fields, 0)
    info = _field(error.value, 2) if isinstance(error, Described) else None
    if not isinstance(info, dict):
        return None, None
    reason, description = (info.get(key) for key in ("DeadLetterReason", "DeadLetterErrorDescription"))
    return _text(reason), _text(description)


def _text(value: Any) -> str | None:
    return value if value is None else str(value)


def _field(fields: Any, index: int) -> Any:
    return fields[index] if isinstance(fields, list) and len(fields) > index else None
