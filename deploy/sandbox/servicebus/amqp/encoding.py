"""Python values to AMQP 1.0 bytes. The way back, and the types, are in ``codec``."""

import struct
from collections.abc import Callable
from typing import Any
from uuid import UUID

from deploy.sandbox.servicebus.amqp.codec import (
    Array,
    Described,
    Int,
    Symbol,
    Timestamp,
    Ubyte,
    Uint,
    Ulong,
    Ushort,
)


def encode(value: Any) -> bytes:
    """The bytes of a value, by its type.

    Raises:
        TypeError: no AMQP type stands for the type of this value.
        struct.error: an integer does not fit its type.
    """
    encoder = _ENCODERS.get(type(value))
    if encoder is None:
        raise TypeError(f"no AMQP type for {type(value).__name__}")
    return encoder(value)


def compound(small: int, large: int, count: int, items: bytes) -> bytes:
    """A list or map from its encoded items: the one-byte form when size and count fit."""
    if len(items) < 255 and count < 256:
        return bytes((small, len(items) + 1, count)) + items
    return _HEAD32.pack(large, len(items) + 4, count) + items


_U32 = struct.Struct(">I")
_HEAD32 = struct.Struct(">BII")


def _bytes(small: int, large: int, raw: bytes) -> bytes:
    if len(raw) < 256:
        return bytes((small, len(raw))) + raw
    return struct.pack(">BI", large, len(raw)) + raw


def _compact(zero: int | None, small: int, large: int, layout: str) -> Callable[[int], bytes]:
    wide = struct.Struct(layout)

    def write(value: int) -> bytes:
        if value == 0 and zero is not None:
            return bytes((zero,))
        if 0 <= value < 128:
            return bytes((small, value))
        return bytes((large,)) + wide.pack(value)

    return write


def _encode_array(value: Array) -> bytes:
    code, write = _ARRAY_ITEMS[value.kind]
    items = bytes((code,)) + b"".join(map(write, value.items))
    return _HEAD32.pack(0xF0, len(items) + 4, len(value.items)) + items


def _encode_list(value: list[Any]) -> bytes:
    return compound(0xC0, 0xD0, len(value), b"".join(map(encode, value))) if value else b"\x45"


def _encode_map(value: dict[Any, Any]) -> bytes:
    items = b"".join(encode(key) + encode(item) for key, item in value.items())
    return compound(0xC1, 0xD1, 2 * len(value), items)


_ARRAY_ITEMS: dict[type, tuple[int, Callable[[Any], bytes]]] = {
    int: (0x81, struct.Struct(">q").pack),
    Timestamp: (0x83, struct.Struct(">q").pack),
    UUID: (0x98, lambda value: value.bytes),
    Symbol: (0xB3, lambda value: _U32.pack(len(value)) + value.encode("ascii")),
}

_ENCODERS: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda _value: b"\x40",
    bool: lambda value: b"\x41" if value else b"\x42",
    int: _compact(None, 0x55, 0x81, ">q"),
    Int: _compact(None, 0x54, 0x71, ">i"),
    Ubyte: lambda value: struct.pack(">BB", 0x50, value),
    Ushort: lambda value: struct.pack(">BH", 0x60, value),
    Uint: _compact(0x43, 0x52, 0x70, ">I"),
    Ulong: _compact(0x44, 0x53, 0x80, ">Q"),
    Timestamp: lambda value: struct.pack(">Bq", 0x83, value),
    float: lambda value: struct.pack(">Bd", 0x82, value),
    str: lambda value: _bytes(0xA1, 0xB1, value.encode("utf-8")),
    Symbol: lambda value: _bytes(0xA3, 0xB3, value.encode("ascii")),
    bytes: lambda value: _bytes(0xA0, 0xB0, value),
    UUID: lambda value: b"\x98" + value.bytes,
    list: _encode_list,
    dict: _encode_map,
    Array: _encode_array,
    Described: lambda v: v.raw or b"\x00" + encode(v.descriptor) + encode(v.value),
}
