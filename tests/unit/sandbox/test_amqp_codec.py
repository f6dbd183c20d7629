"""AMQP values, frames and messages: what goes in comes out, and what is no AMQP is refused."""

import contextlib
import struct
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.sandbox.servicebus.amqp.codec import (
    Array,
    DecodeError,
    Described,
    Int,
    Symbol,
    Timestamp,
    Ubyte,
    Uint,
    Ulong,
    Ushort,
    decode,
    skip,
)
from deploy.sandbox.servicebus.amqp.encoding import encode
from deploy.sandbox.servicebus.amqp.frames import (
    HEAD,
    AmqpError,
    Attach,
    Disposition,
    Flow,
    Open,
    Transfer,
    delivery,
    frame,
    parse,
    settlement,
)
from deploy.sandbox.servicebus.messages import Message, Payload, State
from deploy.sandbox.servicebus.sections import (
    APPLICATION_PROPERTIES,
    DATA,
    DELIVERY_ANNOTATIONS,
    HEADER,
    MESSAGE_ANNOTATIONS,
    PROPERTIES,
    build,
    read,
    read_batch,
    render,
    whole,
)
from deploy.sandbox.servicebus.wire.settling import ACCEPTED, rejected

ascii_text = st.text(st.characters(max_codepoint=127), max_size=300)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(0, 255).map(Ubyte),
    st.integers(0, 2**16 - 1).map(Ushort),
    st.integers(0, 2**32 - 1).map(Uint),
    st.integers(0, 2**64 - 1).map(Ulong),
    st.integers(-(2**31), 2**31 - 1).map(Int),
    st.integers(-(2**63), 2**63 - 1).map(Timestamp),
    st.floats(allow_nan=False),
    st.text(max_size=300),
    ascii_text.map(Symbol),
    st.binary(max_size=300),
    st.uuids(),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=20),
        st.dictionaries(st.text(max_size=20), inner, max_size=10),
        st.builds(Described, st.integers(0, 2**32).map(Ulong), inner),
    ),
    max_leaves=30,
)


@given(values)
def test_a_value_decodes_to_itself_and_is_skipped_to_its_end(value: Any) -> None:
    data = encode(value)
    assert decode(data) == (value, len(data))
    assert decode(b"ab" + data + b"c", 2) == (value, len(data) + 2)
    assert skip(data + b"rest") == len(data)


@given(values)
def test_a_described_value_encodes_to_the_bytes_it_came_in(value: Any) -> None:
    data = encode(Described(Ulong(40), value))
    assert encode(decode(data)[0]) == data


@given(values, st.data())
def test_a_value_that_ends_early_is_refused(value: Any, draw: st.DataObject) -> None:
    data = encode(value)
    cut = data[: draw.draw(st.integers(0, len(data) - 1))]
    with pytest.raises(DecodeError):
        decode(cut)
    with pytest.raises(DecodeError):
        skip(cut)


@given(st.binary(max_size=60))
def test_bytes_are_a_value_or_refused_and_nothing_else(data: bytes) -> None:
    with contextlib.suppress(DecodeError):
        decode(data)
    with contextlib.suppress(DecodeError):
        assert skip(data) <= len(data)
    with contextlib.suppress(DecodeError):
        read(data)
    with contextlib.suppress(DecodeError):
        parse(data)


@pytest.mark.parametrize(
    ("array", "items"),
    [
        (Array(int, [1, -1, 2**40]), [1, -1, 2**40]),
        (Array(Timestamp, [Timestamp(5)]), [5]),
        (Array(UUID, [UUID(int=7)]), [UUID(int=7)]),
        (Array(Symbol, ["ANONYMOUS"]), ["ANONYMOUS"]),
        (Array(int, []), []),
    ],
)
def test_an_array_decodes_to_a_list(array: Array, items: list[Any]) -> None:
    data = encode(array)
    assert decode(data) == (items, len(data))
    assert skip(data) == len(data)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ("40", None),
        ("41", True),
        ("5601", True),
        ("42", False),
        ("43", 0),
        ("44", 0),
        ("45", []),
        ("50ff", 255),
        ("51ff", -1),
        ("607fff", 32767),
        ("61ffff", -1),
        ("5280", 128),
        ("70ffffffff", 4294967295),
        ("54ff", -1),
        ("71ffffffff", -1),
        ("55ff", -1),
        ("80ffffffffffffffff", 2**64 - 1),
        ("723fc00000", 1.5),
        ("823ff8000000000000", 1.5),
        ("7300000041", "A"),
        ("830000018bcfe56800", 1_700_000_000_000),
        ("a003616263", b"abc"),
        ("a103c3a961", "éa"),
        ("b3000000026f6b", "ok"),
        ("c006025401a10178", [1, "x"]),
        ("e00402540102", [1, 2]),
        ("e0050100532545", [Described(37, [])]),
        ("00532445", Described(36, [])),
    ],
)
def test_fixed_vectors_decode_as_the_specification_says(data: str, value: Any) -> None:
    raw = bytes.fromhex(data)
    assert decode(raw) == (value, len(raw))
    assert skip(raw) == len(raw)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("", "empty"),
        ("ff", "unknown constructor"),
        ("d0ffffffffffffffff", "a size beyond the bytes"),
        ("d00000000400ffffff", "too many items"),
        ("c0020240", "fewer items than counted"),
        ("c1040340404041", "a map with an odd count"),
        ("c003014040", "a size beyond the items"),
        ("a101ff", "text that is not UTF-8"),
        ("00" * 3000, "endless descriptors"),
        ("c1050245404540", "a map key that cannot be one"),
    ],
)
def test_what_is_no_value_is_refused(data: str, why: str) -> None:
    with pytest.raises(DecodeError):
        decode(bytes.fromhex(data))
    assert why


def test_a_type_without_an_amqp_type_is_an_error() -> None:
    with pytest.raises(TypeError, match="object"):
        encode(object())
    with pytest.raises(struct.error):
        encode(Ubyte(256))


# -- frames --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "performative",
    [
        Open("c", "h", 65536, 4999, 240000),
        Attach("l", 3, role=True, snd_settle_mode=1, initial_delivery_count=0, max_message_size=2**40),
        Flow(1, 2, 3, 4, 5, 6, 7, drain=True),
        Transfer(1, 2, b"tag", 0x80013700, settled=False, more=True),
        Disposition(True, 1, 4, True, Described(36, [])),  # noqa: FBT003 - fields of the frame, in order
    ],
)
def test_a_performative_survives_its_frame(performative: Any) -> None:
    data = frame(5, performative, b"payload")
    assert HEAD.unpack_from(data) == (len(data), 2, 0, 5)
    got, end = parse(data[8:])
    assert got == performative
    assert data[8 + end :] == b"payload"


@given(st.binary(max_size=500), st.booleans(), st.integers(0, 2**32 - 1))
def test_the_packed_delivery_is_the_transfer_it_stands_for(body: bytes, settled: bool, number: int) -> None:  # noqa: FBT001 - hypothesis draws it
    data = delivery(1, 2, number, b"0123456789abcdef", settled=settled, size=len(body)) + body
    assert HEAD.unpack_from(data) == (len(data), 2, 0, 1)
    got, end = parse(data[8:])
    assert got == Transfer(2, number, b"0123456789abcdef", 0, settled)
    assert data[8 + end :] == body


@pytest.mark.parametrize(
    "state", [ACCEPTED, rejected(AmqpError("a:b", "short")), rejected(AmqpError("a:b", "x" * 400))]
)
def test_the_packed_settlement_is_the_disposition_it_stands_for(state: bytes) -> None:
    data = settlement(1, role=True, delivery_id=9, state=state)
    assert HEAD.unpack_from(data) == (len(data), 2, 0, 1)
    got, _ = parse(data[8:])
    assert isinstance(got, Disposition)
    assert (got.role, got.first, got.last, got.settled, encode(got.state)) == (True, 9, None, True, state)


def test_an_error_carries_three_fields_with_a_map() -> None:
    assert decode(encode(AmqpError("amqp:x", "why").wire()))[0].value == ["amqp:x", "why", {}]


# -- messages ------------------------------------------------------------------------------------------


def sent(**sections: Any) -> bytes:
    codes = {
        "header": 0x70,
        "delivery": 0x71,
        "notes": 0x72,
        "properties": 0x73,
        "application": 0x74,
        "data": 0x75,
    }
    return b"".join(encode(Described(Ulong(codes[name]), value)) for name, value in sections.items())


def test_a_queue_is_told_id_ttl_and_time_of_what_was_sent() -> None:
    notes = {
        Symbol("x-opt-scheduled-enqueue-time"): Timestamp(9),
        Symbol("mine"): "kept",
        Symbol("x-opt-sequence-number"): 3,
    }
    data = sent(header=[None, None, Uint(5)], notes=notes, properties=["id"], data=b"body")
    payload = read(data)
    assert payload[:4] == ("id", sent(properties=["id"], data=b"body"), 5, 9)
    shown = whole(render(Message(1, payload, 2)))
    assert shown[MESSAGE_ANNOTATIONS]["mine"] == "kept"
    assert shown[MESSAGE_ANNOTATIONS]["x-opt-sequence-number"] == 1
    assert shown[HEADER] == [None, None, 5, None, 0]


def test_priority_and_delivery_annotations_are_handed_on() -> None:
    data = sent(header=[None, Ubyte(9)], delivery={Symbol("for"): "you"}, properties=["id"], data=b"body")
    payload = read(data)
    assert payload.priority == 9
    shown = whole(render(Message(1, payload, 2)))
    assert shown[HEADER] == [None, 9, None, None, 0]
    assert shown[DELIVERY_ANNOTATIONS] == {"for": "you"}
    assert (shown[PROPERTIES], shown[DATA]) == (["id"], b"body")


@pytest.mark.parametrize(
    ("wire", "text"),
    [("a", "a"), (Ulong(7), "7"), (UUID(int=1), str(UUID(int=1))), (b"\x01", "01"), (None, "")],
)
def test_any_type_of_message_id_is_known_as_text(wire: Any, text: str) -> None:
    assert read(sent(properties=[wire], data=b"")).message_id == text


@given(st.text(max_size=40), st.binary(max_size=1000), st.dictionaries(st.text(), st.integers(0, 99)))
def test_what_is_delivered_is_what_was_sent_with_a_new_front(
    own: str, body: bytes, extra: dict[str, int]
) -> None:
    payload = read(build(body, own, extra, None))
    message = Message(
        2**40, payload, 1_700_000_000_000, State.DEFERRED, delivery_count=300, locked_until_ms=7
    )
    shown = whole(render(message))
    assert shown[HEADER][4] == 300
    assert shown[MESSAGE_ANNOTATIONS] == {
        "x-opt-enqueued-time": 1_700_000_000_000,
        "x-opt-locked-until": 7,
        "x-opt-sequence-number": 2**40,
        "x-opt-message-state": 1,
    }
    assert (shown[PROPERTIES], shown[DATA], shown.get(APPLICATION_PROPERTIES, {})) == ([own], body, extra)


@pytest.mark.parametrize("before", [{}, {"kept": 1}, {"kept": 1, "DeadLetterReason": "an older one"}])
def test_a_dead_letter_carries_its_reason_once(before: dict[str, Any]) -> None:
    payload = read(build(b"body", "id", before, None))
    shown = whole(render(Message(1, payload, 0, reason="r", description="d")))
    reasons = {"DeadLetterReason": "r", "DeadLetterErrorDescription": "d"}
    assert shown[APPLICATION_PROPERTIES] == {**before, **reasons}
    assert (shown[PROPERTIES], shown[DATA]) == (["id"], b"body")


def test_each_data_section_of_a_batch_is_a_message() -> None:
    batch = sent(properties=["envelope"]) + b"".join(
        sent(data=sent(properties=[i], data=b"x")) for i in ("a", "b")
    )
    assert [payload.message_id for payload in read_batch(batch)] == ["a", "b"]
    for broken in (b"", sent(data=b"no message"), sent(properties=["alone"])):
        with pytest.raises(DecodeError):
            read_batch(broken)


def test_a_payload_knows_nothing_it_was_not_told() -> None:
    assert read(sent(data=b"x")) == Payload("", sent(data=b"x"))
