"""AMQP 1.0 frames and performatives (OASIS AMQP 1.0, parts 2 and 5), and the errors that travel in them."""

import struct
from typing import Any, NamedTuple, get_args, get_type_hints

from deploy.sandbox.servicebus.amqp.codec import (
    Array,
    DecodeError,
    Described,
    Symbol,
    Ubyte,
    Uint,
    Ulong,
    Ushort,
    decode,
)
from deploy.sandbox.servicebus.amqp.encoding import compound, encode

AMQP_HEADER = b"AMQP\x00\x01\x00\x00"
SASL_HEADER = b"AMQP\x03\x01\x00\x00"
EMPTY_FRAME = b"\x00\x00\x00\x08\x02\x00\x00\x00"
HEAD = struct.Struct(">IBBH")
"""Size of the whole frame, offset of its body in words, type, channel."""

SASL_TYPE = 1


class AmqpError(Exception):
    """An error for the peer. Where it is caught decides its scope: delivery, link or connection.

    Args:
        condition: AMQP's or Service Bus's symbol, such as ``amqp:not-found``.
        description: for the person who reads the client's log.
    """

    def __init__(self, condition: str, description: str) -> None:
        super().__init__(f"{condition}: {description}")
        self.condition = condition
        self.description = description

    def wire(self) -> Described:
        """The ``error`` type. The client indexes all three fields, so the info map is never null."""
        return Described(Ulong(0x1D), [Symbol(self.condition), self.description, {}])


class Open(NamedTuple):
    container_id: str
    hostname: str | None = None
    max_frame_size: int | None = None
    channel_max: int | None = None
    idle_time_out: int | None = None
    outgoing_locales: Any = None
    incoming_locales: Any = None
    offered_capabilities: Any = None
    desired_capabilities: Any = None
    properties: Any = None


class Begin(NamedTuple):
    remote_channel: int | None
    next_outgoing_id: int
    incoming_window: int
    outgoing_window: int
    handle_max: int | None = None
    offered_capabilities: Any = None
    desired_capabilities: Any = None
    properties: Any = None


class Attach(NamedTuple):
    name: str
    handle: int
    role: bool
    snd_settle_mode: int | None = None
    rcv_settle_mode: int | None = None
    source: Any = None
    target: Any = None
    unsettled: Any = None
    incomplete_unsettled: bool | None = None
    initial_delivery_count: int | None = None
    max_message_size: int | None = None
    offered_capabilities: Any = None
    desired_capabilities: Any = None
    properties: Any = None


class Flow(NamedTuple):
    next_incoming_id: int | None
    incoming_window: int
    next_outgoing_id: int
    outgoing_window: int
    handle: int | None = None
    delivery_count: int | None = None
    link_credit: int | None = None
    available: int | None = None
    drain: bool | None = None
    echo: bool | None = None
    properties: Any = None


class Transfer(NamedTuple):
    handle: int
    delivery_id: int | None = None
    delivery_tag: bytes | None = None
    message_format: int | None = None
    settled: bool | None = None
    more: bool | None = None
    rcv_settle_mode: int | None = None
    state: Any = None
    resume: bool | None = None
    aborted: bool | None = None
    batchable: bool | None = None


class Disposition(NamedTuple):
    role: bool
    first: int
    last: int | None = None
    settled: bool | None = None
    state: Any = None
    batchable: bool | None = None


class Detach(NamedTuple):
    handle: int
    closed: bool | None = None
    error: Any = None


class End(NamedTuple):
    error: Any = None


class Close(NamedTuple):
    error: Any = None


class SaslMechanisms(NamedTuple):
    mechanisms: Any


class SaslInit(NamedTuple):
    mechanism: str
    initial_response: bytes | None = None
    hostname: str | None = None


class SaslOutcome(NamedTuple):
    code: int
    additional_data: bytes | None = None


Performative = (
    Open
    | Begin
    | Attach
    | Flow
    | Transfer
    | Disposition
    | Detach
    | End
    | Close
    | SaslMechanisms
    | SaslInit
    | SaslOutcome
)

_BY_CODE: dict[int, type[Any]] = {
    0x10: Open,
    0x11: Begin,
    0x12: Attach,
    0x13: Flow,
    0x14: Transfer,
    0x15: Disposition,
    0x16: Detach,
    0x17: End,
    0x18: Close,
    0x40: SaslMechanisms,
    0x41: SaslInit,
    0x44: SaslOutcome,
}
_CODES = {kind: code for code, kind in _BY_CODE.items()}
_WIDTHS: dict[type[Any], dict[int, type[int]]] = {
    Open: {2: Uint, 3: Ushort, 4: Uint},
    Begin: {0: Ushort, 1: Uint, 2: Uint, 3: Uint, 4: Uint},
    Attach: {1: Uint, 3: Ubyte, 4: Ubyte, 9: Uint, 10: Ulong},
    Flow: dict.fromkeys(range(8), Uint),
    Transfer: {0: Uint, 1: Uint, 3: Uint, 6: Ubyte},
    Disposition: {1: Uint, 2: Uint},
    Detach: {0: Uint},
    SaslOutcome: {0: Ubyte},
}
"""Which integer type a field has, by position, where it is not a long."""

_TYPES: dict[type[Any], tuple[tuple[type, ...], ...]] = {
    kind: tuple(
        (object,) if hint is Any else get_args(hint) or (hint,) for hint in get_type_hints(kind).values()
    )
    for kind in _CODES
}
"""What the fields of a performative may be, as its annotations say; one that is required is never null."""


def frame(channel: int, performative: Performative, payload: bytes = b"", *, kind: int = 0) -> bytes:
    """One frame, ready to be written; ``kind`` is 0 for AMQP and 1 for SASL."""
    widths = _WIDTHS.get(type(performative), {})
    fields = [
        widths[index](value) if value is not None and index in widths else value
        for index, value in enumerate(performative)
    ]
    while fields and fields[-1] is None:
        fields.pop()
    items = b"".join(map(encode, fields))
    body = b"\x00\x53" + bytes((_CODES[type(performative)],)) + compound(0xC0, 0xD0, len(fields), items)
    return HEAD.pack(8 + len(body) + len(payload), 2, kind, channel) + body + payload


def parse(body: bytes) -> tuple[Performative, int]:
    """The performative a frame's body starts with, and where its payload starts.

    Raises:
        DecodeError: it is not one, or has the wrong fields.
    """
    value, end = decode(body)
    code = value.descriptor if isinstance(value, Described) else None
    kind = _BY_CODE.get(code) if isinstance(code, int) else None
    if kind is None or not isinstance(value.value, list):
        raise DecodeError("the frame does not start with a performative")
    for field, given, allowed in zip(kind._fields, value.value, _TYPES[kind], strict=False):
        if not isinstance(given, allowed):
            raise DecodeError(f"{kind.__name__.lower()} has no valid {field}")
    try:
        return kind(*value.value), end
    except TypeError as error:
        raise DecodeError(f"wrong fields in {kind.__name__.lower()}: {error}") from error


def mechanisms() -> bytes:
    """The SASL frame that offers ANONYMOUS, the only mechanism: the token comes later, through ``$cbs``."""
    return frame(0, SaslMechanisms(Array(Symbol, ["ANONYMOUS"])), kind=SASL_TYPE)


_TRANSFER = struct.Struct(">IBBH3sBBBBIBIBB16sBB")
_DISPOSITION = struct.Struct(">IBBH3sBBBBBIBB")


def delivery(channel: int, handle: int, delivery_id: int, tag: bytes, *, settled: bool, size: int) -> bytes:
    """The head of a transfer frame that carries a whole message of ``size`` bytes, appended by the caller.

    Packed in one go: it is written once for every message delivered.
    """
    return _TRANSFER.pack(
        _TRANSFER.size + size, 2, 0, channel,
        b"\x00\x53\x14", 0xC0, 31, 5,
        0x70, handle, 0x70, delivery_id, 0xA0, 16, tag, 0x43, 0x41 if settled else 0x42,
    )  # fmt: skip


def settlement(channel: int, *, role: bool, delivery_id: int, state: bytes) -> bytes:
    """A settled disposition for one delivery; ``role`` is true when the peer sent the delivery."""
    if len(state) > 240:
        return frame(channel, Disposition(role, delivery_id, None, True, decode(state)[0]))  # noqa: FBT003 - a field
    return (
        _DISPOSITION.pack(
            _DISPOSITION.size + len(state), 2, 0, channel,
            b"\x00\x53\x15", 0xC0, 9 + len(state), 5,
            0x41 if role else 0x42, 0x70, delivery_id, 0x40, 0x41,
        )
        + state
    )  # fmt: skip
