"""AMQP 1.0's type system, and bytes to Python values. The way back is in ``encoding``.

Reference: OASIS AMQP 1.0, part 1 (http://docs.oasis-open.org/amqp/core/v1.0/os/amqp-core-types-v1.0-os.html).

Integers decode to ``int`` whatever their width; to encode one that is not a ``long``, wrap it in
``Uint``, ``Ulong``, ``Ushort``, ``Ubyte``, ``Int`` or ``Timestamp``. The three decimal types can be
skipped, which is all a broker needs of them, but not decoded.
"""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

MAX_ITEMS = 65_536
"""Items in one list, map or array; more is refused before memory is given to it."""


class DecodeError(ValueError):
    """The bytes are not an AMQP value. Close the connection with ``amqp:decode-error``."""


class Ubyte(int):
    """An AMQP ``ubyte``."""


class Ushort(int):
    """An AMQP ``ushort``."""


class Uint(int):
    """An AMQP ``uint``."""


class Ulong(int):
    """An AMQP ``ulong``."""


class Int(int):
    """An AMQP ``int``."""


class Timestamp(int):
    """An AMQP ``timestamp``: Unix time in milliseconds."""


class Symbol(str):
    """An AMQP ``symbol``; equal to the ``str`` of the same letters."""

    __slots__ = ()


@dataclass(slots=True)
class Described:
    """A value with a descriptor. One that was decoded keeps its bytes, and encodes to just those."""

    descriptor: Any
    value: Any
    raw: bytes = field(default=b"", compare=False, repr=False)


@dataclass(slots=True, frozen=True)
class Array:
    """To encode: items of one kind, which is ``int`` (long), ``Timestamp``, ``UUID`` or ``Symbol``."""

    kind: type
    items: Sequence[Any]


def decode(data: bytes, pos: int = 0) -> tuple[Any, int]:
    """The value that starts at ``pos``, and the position after it.

    Raises:
        DecodeError: the bytes end early, or are no AMQP value.
    """
    try:
        return _DECODERS[data[pos]](data, pos + 1)
    except DecodeError:
        raise
    except (IndexError, struct.error, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise DecodeError(f"no AMQP value at byte {pos}: {error}") from error


def skip(data: bytes, pos: int = 0) -> int:
    """The position after the value that starts at ``pos``, without decoding it.

    Raises:
        DecodeError: the bytes end early.
    """
    try:
        code = data[pos]
        pos += 1
        if code == 0:
            return skip(data, skip(data, pos))
        width = _WIDTHS[code >> 4]
        if width >= 0:
            pos += width
        elif width == _SIZE8:
            pos += 1 + data[pos]
        elif width == _SIZE32:
            pos += 4 + _U32.unpack_from(data, pos)[0]
        else:
            raise DecodeError(f"no AMQP type has the constructor 0x{code:02x}")
    except (IndexError, struct.error, RecursionError) as error:
        raise DecodeError(f"the bytes end within a value at byte {pos}") from error
    if pos > len(data):
        raise DecodeError(f"the bytes end within a value at byte {len(data)}")
    return pos


def compound_items(data: bytes, pos: int) -> tuple[int, int, int]:
    """How many items the list or map at ``pos`` has, where the first starts, and where it all ends."""
    try:
        return _open(data, pos + 1, wide=data[pos] >= 0xD0)
    except (IndexError, struct.error) as error:
        raise DecodeError(f"the bytes end within a list or map at byte {pos}") from error


_U32 = struct.Struct(">I")
_SIZE8, _SIZE32, _NONE = -1, -2, -3
_WIDTHS = (_NONE,) * 4 + (0, 1, 2, 4, 8, 16) + (_SIZE8, _SIZE32) * 3
"""Bytes after a constructor, by its upper half: this is how AMQP makes unknown types skippable."""

_Decoder = Callable[[bytes, int], tuple[Any, int]]


def _open(data: bytes, pos: int, *, wide: bool) -> tuple[int, int, int]:
    if wide:
        size, count = struct.unpack_from(">II", data, pos)
        start, end = pos + 8, pos + 4 + size
    else:
        size, count = data[pos], data[pos + 1]
        start, end = pos + 2, pos + 1 + size
    if end > len(data) or start > end:
        raise DecodeError(f"a size of {size} bytes at byte {pos} does not fit")
    if count > MAX_ITEMS:
        raise DecodeError(f"{count} items are more than {MAX_ITEMS}")
    return count, start, end


def _constant(value: Any) -> _Decoder:
    return lambda _data, pos: (value, pos)


def _fixed(layout: str, wrap: Callable[[Any], Any] | None = None) -> _Decoder:
    packed = struct.Struct(layout)
    unpack, size = packed.unpack_from, packed.size
    if wrap is None:
        return lambda data, pos: (unpack(data, pos)[0], pos + size)
    return lambda data, pos: (wrap(unpack(data, pos)[0]), pos + size)


def _variable(wrap: Callable[[bytes], Any], *, wide: bool) -> _Decoder:
    def small(data: bytes, pos: int) -> tuple[Any, int]:
        end = pos + 1 + data[pos]
        if end > len(data):
            raise DecodeError(f"the bytes end within a value at byte {pos}")
        return wrap(data[pos + 1 : end]), end

    def large(data: bytes, pos: int) -> tuple[Any, int]:
        end = pos + 4 + _U32.unpack_from(data, pos)[0]
        if end > len(data):
            raise DecodeError(f"the bytes end within a value at byte {pos}")
        return wrap(data[pos + 4 : end]), end

    return large if wide else small


def _list(*, wide: bool) -> _Decoder:
    def read(data: bytes, pos: int) -> tuple[list[Any], int]:
        count, pos, end = _open(data, pos, wide=wide)
        items = []
        for _ in range(count):
            item, pos = _DECODERS[data[pos]](data, pos + 1)
            items.append(item)
        if pos != end:
            raise DecodeError("the items of a list do not fill its size")
        return items, end

    return read


def _map(*, wide: bool) -> _Decoder:
    items_of = _list(wide=wide)

    def read(data: bytes, pos: int) -> tuple[dict[Any, Any], int]:
        items, end = items_of(data, pos)
        if len(items) % 2:
            raise DecodeError("a map has a key without a value")
        return dict(zip(items[::2], items[1::2], strict=True)), end

    return read


def _array(*, wide: bool) -> _Decoder:
    def read(data: bytes, pos: int) -> tuple[list[Any], int]:
        count, pos, end = _open(data, pos, wide=wide)
        if not count:
            return [], end
        descriptor = None
        described = data[pos] == 0
        if described:
            descriptor, pos = _DECODERS[data[pos + 1]](data, pos + 2)
        element = _DECODERS[data[pos]]
        pos += 1
        items: list[Any] = []
        for _ in range(count):
            item, pos = element(data, pos)
            items.append(Described(descriptor, item) if described else item)
        if pos != end:
            raise DecodeError("the items of an array do not fill its size")
        return items, end

    return read


def _described(data: bytes, pos: int) -> tuple[Described, int]:
    start = pos - 1
    descriptor, pos = _DECODERS[data[pos]](data, pos + 1)
    value, pos = _DECODERS[data[pos]](data, pos + 1)
    return Described(descriptor, value, data[start:pos]), pos


def _unknown(_data: bytes, pos: int) -> tuple[Any, int]:
    raise DecodeError(f"an unknown constructor at byte {pos - 1}")


def _text(raw: bytes) -> str:
    return raw.decode("utf-8")


def _symbol(raw: bytes) -> Symbol:
    return Symbol(raw.decode("ascii"))


def _uuid(raw: bytes) -> UUID:
    return UUID(bytes=raw)


_DECODERS: list[_Decoder] = [_unknown] * 256
for _code, _decoder in {
    0x00: _described,
    0x40: _constant(None),
    0x41: _constant(value=True),
    0x42: _constant(value=False),
    0x43: _constant(0),
    0x44: _constant(0),
    0x45: lambda _data, pos: ([], pos),
    0x50: _fixed(">B"),
    0x51: _fixed(">b"),
    0x52: _fixed(">B"),
    0x53: _fixed(">B"),
    0x54: _fixed(">b"),
    0x55: _fixed(">b"),
    0x56: _fixed(">B", bool),
    0x60: _fixed(">H"),
    0x61: _fixed(">h"),
    0x70: _fixed(">I"),
    0x71: _fixed(">i"),
    0x72: _fixed(">f"),
    0x73: _fixed(">I", chr),
    0x80: _fixed(">Q"),
    0x81: _fixed(">q"),
    0x82: _fixed(">d"),
    0x83: _fixed(">q", Timestamp),
    0x98: _fixed(">16s", _uuid),
    0xA0: _variable(bytes, wide=False),
    0xA1: _variable(_text, wide=False),
    0xA3: _variable(_symbol, wide=False),
    0xB0: _variable(bytes, wide=True),
    0xB1: _variable(_text, wide=True),
    0xB3: _variable(_symbol, wide=True),
    0xC0: _list(wide=False),
    0xC1: _map(wide=False),
    0xD0: _list(wide=True),
    0xD1: _map(wide=True),
    0xE0: _array(wide=False),
    0xF0: _array(wide=True),
}.items():
    _DECODERS[_code] = _decoder
