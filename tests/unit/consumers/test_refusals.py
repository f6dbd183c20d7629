"""What is no start is refused with a reason, and nothing else is ever raised."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.consumers.start_tellings import (
    CLAIMS,
    CLASSIC,
    START,
    VM,
    body,
    cloud,
    grid,
    log,
    one,
    record,
    refused,
)
from workers.consumers.event_shapes import parse_start_events
from workers.domain.errors import InvalidEvent
from workers.domain.starts.events import StartEvent


class TestReasons:
    @pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"{", b"nonsense", b'{"a":1}}', b"[" * 200_000])
    def test_not_json(self, data: bytes) -> None:
        assert refused(data).reason == "NotJson"

    @pytest.mark.parametrize(
        "data", [7, "x", None, True, [7], [[7]], [[grid()]], {"records": 7}, {"records": [7]}]
    )
    def test_not_an_event(self, data: object) -> None:
        assert refused(data).reason == "NotAnEvent"

    @pytest.mark.parametrize(
        "data",
        [
            {"eventType": "x"},
            {"specversion": "1.0", "data": "text"},
            {"schemaId": "azureMonitorCommonAlertSchema"},
            {"schemaId": "azureMonitorCommonAlertSchema", "data": {"alertContext": {}}},
            {"schemaId": "Microsoft.Insights/activityLogs", "data": {"context": {}}},
        ],
    )
    def test_an_event_whose_inside_is_missing(self, data: object) -> None:
        assert refused(data).reason == "NotAnEvent"

    @pytest.mark.parametrize("data", [[], {"records": []}])
    def test_no_event(self, data: object) -> None:
        assert refused(data).reason == "NoEvent"

    def test_an_unknown_shape_is_named_by_its_keys(self) -> None:
        invalid = refused({"b": 1, "a": 2})
        assert invalid.reason == "UnknownShape"
        assert invalid.description.endswith("keys: a, b")

    def test_too_large(self) -> None:
        assert refused(b" " * (1024 * 1024 + 1)).reason == "TooLarge"

    def test_too_many(self) -> None:
        assert refused([grid(claims=None, authorization=None)] * 501).reason == "TooManyEvents"

    def test_an_unknown_status(self) -> None:
        assert refused(grid(status="Perhaps")).reason == "UnknownStatus"

    @pytest.mark.parametrize("correlation", ["", None, 7])
    def test_no_correlation_id(self, correlation: object) -> None:
        assert refused(grid(correlationId=correlation)).reason == "NoCorrelationId"

    @pytest.mark.parametrize("resource", [VM + "/extensions/x", "/subscriptions/x", CLASSIC])
    def test_not_a_vm(self, resource: str) -> None:
        assert refused(grid(resourceUri=resource)).reason == "NotAVm"

    @pytest.mark.parametrize(
        ("odd", "reason"),
        [
            (grid(status="InProgress"), "UnknownStatus"),
            (grid() | {"eventTime": "yesterday"}, "NoTime"),
            ({"hello": "world"}, "UnknownShape"),
            (7, "NotAnEvent"),
        ],
    )
    def test_one_odd_event_among_good_ones_is_taken_out_and_told_by_itself(
        self, odd: object, reason: str
    ) -> None:
        events, (alone,), _ = parse_start_events(body([grid(), odd, grid(correlationId="C-2")]))
        assert [event.correlation_id for event in events] == ["C-1", "C-2"]
        assert refused(alone).reason == reason

    def test_an_odd_record_of_an_export_is_taken_out_as_an_export_of_one_record(self) -> None:
        records = [record(), record(time="yesterday"), record(operationName="other", time="never"), None]
        events, odd, _ = parse_start_events(body({"records": records}))
        assert len(events) == 1
        assert [refused(alone).reason for alone in odd] == ["NoTime", "NotAnEvent"]
        assert json.loads(odd[0]) == {"records": [record(time="yesterday")]}

    def test_where_no_start_is_understood_the_message_goes_whole(self) -> None:
        assert refused([grid(operationName="x"), grid(status="Perhaps"), {}]).reason == "UnknownStatus"


class TestTextsThatAreNone:
    """Half of a surrogate pair is valid JSON, but no text: it can't be stored or sent."""

    @pytest.mark.parametrize(
        "data",
        [
            grid(correlationId="\ud800"),
            grid(claims={"name": "\ud800"}),
            grid(claims=json.dumps({"name": "\ud800"})),
            grid(authorization={"evidence": {"role": "\ud800", "roleAssignmentScope": "\udfff"}}),
            grid(claims=None) | {"id": "\ud800"},
            log(claims=None, caller="\ud800"),
        ],
    )
    def test_a_start_is_not_lost_by_them(self, data: object) -> None:
        event = one(data)
        assert event.dedupe_key
        assert event.model_dump_json()

    @pytest.mark.parametrize(
        "data",
        [
            grid(resourceUri="/x/\ud800"),
            grid(operationName="\ud800"),
            grid(status="\ud800"),
            {"\ud800": 1},
            log(eventTimestamp="\ud800"),
        ],
    )
    def test_a_reason_that_quotes_them_can_be_written_down(self, data: object) -> None:
        assert refused(data).description.encode()

    def test_other_odd_characters_are_kept(self) -> None:
        assert one(grid(claims=CLAIMS | {"name": "\u202e\u0000😀"})).caller.name == "\u202e\u0000😀"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
LEAVES = JSON | st.sampled_from(
    [VM, VM.upper(), CLASSIC, START, START.upper(), "Started", "2026-01-15T08:30:12Z", "C-1"]
)
FIELDS = [
    "records", "schemaId", "data", "essentials", "alertContext", "context", "activityLog", "specversion",
    "eventType", "type", "time", "eventTime", "operationName", "eventTimestamp", "eventDataId", "resultType",
    "resourceId", "resourceUri", "subject", "status", "correlationId", "claims", "authorization", "evidence",
    "role", "identity", "httpRequest", "value", "alertTargetIDs", "scope", "caller", "callerIpAddress",
    "data_base64", "OperationNameValue", "ActivityStatusValue", "_ResourceId", "CorrelationId", "Claims",
    "Authorization_d", "HTTPRequest", "EventSubmissionTimestamp",
]  # fmt: skip
LIKE_EVENTS = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=8),
    max_leaves=20,
)
MANY = settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)


def parsed(data: bytes) -> list[StartEvent] | InvalidEvent:
    """Whatever else it raises is the test's failure."""
    try:
        return parse_start_events(data).events
    except InvalidEvent as invalid:
        return invalid


def told_well(data: bytes) -> None:
    found = parsed(data)
    if isinstance(found, InvalidEvent):
        assert found.reason.isalnum()
        assert found.description.encode()
    else:
        assert found
        assert all(event.model_dump_json() and event.dedupe_key for event in found)


class TestNothingElseIsRaised:
    @MANY
    @given(st.binary(max_size=200))
    def test_any_bytes(self, data: bytes) -> None:
        told_well(data)

    @MANY
    @given(JSON)
    def test_any_json(self, data: object) -> None:
        told_well(body(data))

    @MANY
    @given(LIKE_EVENTS)
    def test_anything_like_an_event(self, data: object) -> None:
        told_well(body(data))

    @MANY
    @given(st.sampled_from([grid, cloud, log]), st.sampled_from(FIELDS), LEAVES)
    def test_an_event_with_one_odd_part(
        self, shape: Callable[..., dict[str, Any]], name: str, value: object
    ) -> None:
        told_well(body(shape(**{name: value})))

    @pytest.mark.parametrize("deep", [*range(100, 1000, 50), 5_000])
    @pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"data":', b"}")])
    def test_any_depth(self, deep: int, opening: bytes, closing: bytes) -> None:
        told_well(opening * deep + b"1" + closing * deep)
        told_well(b'{"eventType":1,"data":' + opening * deep + b"1" + closing * deep + b"}")
