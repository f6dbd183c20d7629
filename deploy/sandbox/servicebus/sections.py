"""The sections of a message: read what the queue needs of a sent one, and render one for delivery.

The bytes from the properties section to the end are kept as they were sent; a delivery only gets a new
header and new annotations in front of them. Reference: OASIS AMQP 1.0, part 3, section 2.
"""

import struct
from collections.abc import Container
from typing import Any
from uuid import UUID

from deploy.sandbox.servicebus.amqp.codec import (
    DecodeError,
    Described,
    Symbol,
    Timestamp,
    Ubyte,
    Uint,
    Ulong,
    compound_items,
    decode,
    skip,
)
from deploy.sandbox.servicebus.amqp.encoding import compound, encode
from deploy.sandbox.servicebus.messages import Message, Payload

HEADER, DELIVERY_ANNOTATIONS, MESSAGE_ANNOTATIONS = 0x70, 0x71, 0x72
PROPERTIES, APPLICATION_PROPERTIES, DATA, SEQUENCE, VALUE = 0x73, 0x74, 0x75, 0x76, 0x77

SCHEDULED_TIME = "x-opt-scheduled-enqueue-time"
_OURS = frozenset(
    ("x-opt-enqueued-time", "x-opt-locked-until", "x-opt-sequence-number", "x-opt-message-state")
)


def read(data: bytes) -> Payload:
    """What a queue keeps of one encoded message.

    Raises:
        DecodeError: it is not a message.
    """
    ttl_ms = due_ms = priority = None
    message_id = ""
    annotations = delivery_annotations = b""
    bare = len(data)
    pos = 0
    while pos < len(data):
        code, at = _section(data, pos)
        end = skip(data, at)
        if code == HEADER:
            ttl_ms, priority = _header(decode(data, at)[0])
        elif code == DELIVERY_ANNOTATIONS:
            delivery_annotations = data[pos:end]
        elif code == MESSAGE_ANNOTATIONS:
            annotations, due_ms = _annotations(data, at)
        elif code >= PROPERTIES:
            bare = pos
            if code == PROPERTIES:
                message_id = _message_id(data, at)
            break
        pos = end
    content, misplaced = _rest(data, bare)
    delivery_annotations = delivery_annotations or misplaced
    return Payload(message_id, content, ttl_ms, due_ms, annotations, priority, delivery_annotations)


def read_batch(data: bytes) -> list[Payload]:
    """The messages in one transfer of format 0x80013700: each data section holds one.

    Raises:
        DecodeError: a data section is no message, or there is none.
    """
    payloads = []
    pos = 0
    while pos < len(data):
        code, at = _section(data, pos)
        if code == DATA:
            inner, pos = decode(data, at)
            if not isinstance(inner, bytes):
                raise DecodeError("a data section of a batch is not binary")
            payloads.append(read(inner))
        else:
            pos = skip(data, at)
    if not payloads:
        raise DecodeError("a batch without messages")
    return payloads


def render(message: Message, token: bytes | None = None) -> bytes:
    """The message as it is delivered or peeked: header, annotations, and the sent bytes.

    Args:
        message: what is rendered.
        token: of its lock, where it is delivered under one. It goes along as a delivery annotation: the
            client's own live tests compare it with the delivery tag.
    """
    payload = message.payload
    if payload.ttl_ms is None and payload.priority is None and message.delivery_count < 256:
        header = _PLAIN_HEADER + bytes((message.delivery_count,))
    else:
        ttl = None if payload.ttl_ms is None else Uint(payload.ttl_ms)
        priority = None if payload.priority is None else Ubyte(payload.priority)
        header = b"\x00\x53\x70" + encode([None, priority, ttl, None, Uint(message.delivery_count)])
    ours = _ANNOTATIONS.pack(
        _ENQUEUED, message.enqueued_ms, _LOCKED, message.locked_until_ms,
        _SEQUENCE, message.sequence, _STATE, message.state,
    )  # fmt: skip
    if not payload.annotations:
        annotations = _PLAIN_ANNOTATIONS + ours
    else:
        count = 8 + _count(payload.annotations)
        annotations = b"\x00\x53\x72" + compound(0xC1, 0xD1, count, ours + payload.annotations)
    content = payload.content
    if message.reason is not None:
        reasons = {"DeadLetterReason": message.reason, "DeadLetterErrorDescription": message.description}
        content = _with_properties(content, {k: v for k, v in reasons.items() if v is not None})
    delivery = payload.delivery_annotations if token is None else _with_lock(payload, token)
    return header + delivery + annotations + content


def build(body: bytes, message_id: str | None, properties: dict[str, Any], due_ms: int | None) -> bytes:
    """One encoded message, for those who come without an AMQP client."""
    parts = []
    if due_ms is not None:
        parts.append(
            encode(Described(Ulong(MESSAGE_ANNOTATIONS), {Symbol(SCHEDULED_TIME): Timestamp(due_ms)}))
        )
    parts.append(encode(Described(Ulong(PROPERTIES), [message_id])))
    if properties:
        parts.append(encode(Described(Ulong(APPLICATION_PROPERTIES), properties)))
    parts.append(encode(Described(Ulong(DATA), body)))
    return b"".join(parts)


def whole(data: bytes) -> dict[int, Any]:
    """Every section decoded, by its code: for requests and for showing. Data sections are joined.

    Raises:
        DecodeError: it is not a message, or holds a type that cannot be decoded.
    """
    found: dict[int, Any] = {}
    pos = 0
    while pos < len(data):
        code, at = _section(data, pos)
        value, pos = decode(data, at)
        found[code] = found[code] + value if code == DATA and code in found else value
    return found


def _section(data: bytes, pos: int) -> tuple[int, int]:
    """The code of the section at ``pos``, and where its value starts."""
    code: Any
    if data[pos : pos + 2] == b"\x00\x53" and pos + 2 < len(data):
        code, at = data[pos + 2], pos + 3
    elif data[pos] == 0:
        code, at = decode(data, pos + 1)
    else:
        raise DecodeError(f"no message section at byte {pos}")
    if not isinstance(code, int) or not HEADER <= code <= 0x78:
        raise DecodeError(f"no message section has the descriptor {code}")
    return code, at


def _rest(data: bytes, pos: int) -> tuple[bytes, bytes]:
    """What follows the annotations, and the delivery annotations that the client writes behind it all."""
    content, misplaced = [], b""
    while pos < len(data):
        code, at = _section(data, pos)
        end = skip(data, at)
        if code == DELIVERY_ANNOTATIONS:
            misplaced = data[pos:end]
        else:
            content.append(data[pos:end])
        pos = end
    return b"".join(content), misplaced


def _header(header: Any) -> tuple[int | None, int | None]:
    """The time to live in ms, and the priority."""
    if not isinstance(header, list):
        raise DecodeError("the header section is not a list")
    priority, ttl = (header[at] if len(header) > at else None for at in (1, 2))
    return ttl if isinstance(ttl, int) else None, priority if isinstance(priority, int) else None


def _message_id(data: bytes, at: int) -> str:
    """As text: Service Bus takes other types of id too, and compares them so."""
    if data[at] == 0x45:
        return ""
    count, start, _ = compound_items(data, at)
    found = decode(data, start)[0] if count else None
    if found is None:
        return ""
    if isinstance(found, bytes):
        return found.hex()
    if isinstance(found, str | int | UUID):
        return str(found)
    raise DecodeError("the message id is of no type an id can have")


def _annotations(data: bytes, at: int) -> tuple[bytes, int | None]:
    """The sender's own annotations, still encoded, and the time it wants the message at, in Unix ms."""
    kept = []
    due_ms = None
    count, pos, _ = compound_items(data, at)
    for _ in range(count // 2):
        start = pos
        key, pos = decode(data, pos)
        value_at, pos = pos, skip(data, pos)
        if key == SCHEDULED_TIME:
            value = decode(data, value_at)[0]
            due_ms = value if isinstance(value, int) else None
        if key not in _OURS:
            kept.append(data[start:pos])
    return b"".join(kept), due_ms


def _count(items: bytes) -> int:
    count = pos = 0
    while pos < len(items):
        pos = skip(items, pos)
        count += 1
    return count


def _with_lock(payload: Payload, token: bytes) -> bytes:
    """The delivery annotations with the token of the lock, in place of one that the sender wrote."""
    lock = _LOCK_TOKEN + UUID(bytes_le=token).bytes
    sent = payload.delivery_annotations
    if not sent:
        return _PLAIN_DELIVERY + lock
    _, at = _section(sent, 0)
    items = lock + _pairs_without(sent, at, {"x-opt-lock-token"})
    return b"\x00\x53\x71" + compound(0xC1, 0xD1, _count(items), items)


def _with_properties(content: bytes, extra: dict[str, str]) -> bytes:
    """The content with these application properties put in, or put in place of those of the same name."""
    pos = 0
    before, items, rest = b"", b"", content
    while pos < len(content):
        code, at = _section(content, pos)
        end = skip(content, at)
        if code == PROPERTIES:
            before, rest = content[:end], content[end:]
        elif code == APPLICATION_PROPERTIES:
            items, rest = _pairs_without(content, at, extra), content[end:]
        else:
            break
        pos = end
    items += b"".join(encode(key) + encode(value) for key, value in extra.items())
    return before + b"\x00\x53\x74" + compound(0xC1, 0xD1, _count(items), items) + rest


def _pairs_without(data: bytes, at: int, keys: Container[str]) -> bytes:
    kept = []
    count, pos, _ = compound_items(data, at)
    for _ in range(count // 2):
        start = pos
        key, pos = decode(data, pos)
        pos = skip(data, pos)
        if key not in keys:
            kept.append(data[start:pos])
    return b"".join(kept)


_PLAIN_HEADER = b"\x00\x53\x70\xc0\x07\x05\x40\x40\x40\x40\x52"
_ENQUEUED, _LOCKED, _SEQUENCE, _STATE = (
    encode(Symbol(key)) + kind
    for key, kind in (
        ("x-opt-enqueued-time", b"\x83"),
        ("x-opt-locked-until", b"\x83"),
        ("x-opt-sequence-number", b"\x81"),
        ("x-opt-message-state", b"\x54"),
    )
)
_ANNOTATIONS = struct.Struct(f">{len(_ENQUEUED)}sq{len(_LOCKED)}sq{len(_SEQUENCE)}sq{len(_STATE)}sb")
_PLAIN_ANNOTATIONS = b"\x00\x53\x72\xc1" + bytes((_ANNOTATIONS.size + 1, 8))
_LOCK_TOKEN = encode(Symbol("x-opt-lock-token")) + b"\x98"
_PLAIN_DELIVERY = b"\x00\x53\x71\xc1" + bytes((len(_LOCK_TOKEN) + 17, 2))
