"""Every shape of a start becomes one event; everything else is refused with a reason."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.sandbox.azure.events import (
    Started,
    activity_log,
    cloud_event,
    common_alert,
    diagnostic,
    event_grid,
)
from deploy.sandbox.world import World
from tests import builders as a
from workers.consumers.claims import caller_from
from workers.consumers.event_shapes import PHASES, parse_start_events
from workers.domain.errors import InvalidEvent
from workers.domain.events import START_OPERATIONS, Access, CallerKind, Phase, StartEvent
from workers.domain.ids import approval_id

VM = a.vm_ref().resource_id
CLASSIC = a.vm_ref(classic=True).resource_id
START = "Microsoft.Compute/virtualMachines/start/action"
UPN = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"
METHODS = "http://schemas.microsoft.com/claims/authnmethodsreferences"
OID = "http://schemas.microsoft.com/identity/claims/objectidentifier"
CLAIMS = {
    UPN: "Alice@contoso.com",
    "name": "Alice Example",
    OID: "aaaaaaaa-0000-0000-0000-000000000001",
    "appid": a.AZURE_CLI,
    "ipaddr": "203.0.113.7",
    METHODS: "pwd,mfa",
}
EVIDENCE = {"role": "Contributor", "roleAssignmentScope": "/subscriptions/x", "principalType": "User"}
AUTHORIZATION = {"scope": VM, "action": START, "evidence": EVIDENCE}


def grid(**data: Any) -> dict[str, Any]:
    return {
        "eventType": "Microsoft.Resources.ResourceActionSuccess",
        "eventTime": "2026-01-15T08:30:12.3456789Z",
        "id": "event-1",
        "subject": VM,
        "data": {
            "authorization": AUTHORIZATION,
            "claims": CLAIMS,
            "correlationId": "C-1",
            "resourceUri": VM,
            "operationName": START,
            "status": "Succeeded",
            "httpRequest": {"clientIpAddress": "198.51.100.1"},
            **data,
        },
    }


def cloud(**data: Any) -> dict[str, Any]:
    event = grid(**data)
    return {
        "specversion": "1.0",
        "type": event["eventType"],
        "time": event["eventTime"],
        "id": event["id"],
        "subject": event["subject"],
        "data": event["data"],
    }


def log(**record: Any) -> dict[str, Any]:
    return {
        "operationName": {"value": START, "localizedValue": "Start"},
        "status": {"value": "Started", "localizedValue": "Started"},
        "resourceId": VM,
        "eventTimestamp": "2026-01-15T08:30:00.1000000Z",
        "correlationId": "C-1",
        "eventDataId": "data-1",
        "claims": CLAIMS,
        "caller": "alice@contoso.com",
        "authorization": AUTHORIZATION,
        "httpRequest": {"clientIpAddress": "198.51.100.1"},
        **record,
    }


def record(**changes: Any) -> dict[str, Any]:
    return {
        "time": "2026-01-15T08:30:00.1Z",
        "resourceId": VM.upper(),
        "operationName": START.upper(),
        "resultType": "Start",
        "correlationId": "C-1",
        "callerIpAddress": "198.51.100.1",
        "identity": {"claims": CLAIMS, "authorization": AUTHORIZATION},
        **changes,
    }


def alert(**context: Any) -> dict[str, Any]:
    body = log(operationName=START, status="Succeeded", claims=json.dumps(CLAIMS), **context)
    del body["resourceId"]
    return {
        "schemaId": "azureMonitorCommonAlertSchema",
        "data": {"essentials": {"alertTargetIDs": [VM.lower()]}, "alertContext": body},
    }


def older_alert(**changes: Any) -> dict[str, Any]:
    told = log(
        operationName=START, status="Succeeded", claims=json.dumps(CLAIMS), httpRequest="{}", **changes
    )
    return {"schemaId": "Microsoft.Insights/activityLogs", "data": {"context": {"activityLog": told}}}


SHAPES: dict[str, Callable[[], object]] = {
    "eventgrid": grid,
    "eventgrid in an array": lambda: [grid()],
    "cloudevents": cloud,
    "cloudevents in an array": lambda: [cloud()],
    "activitylog": log,
    "diagnostic": lambda: {"records": [record()]},
    "one diagnostic record": record,
    "alert": alert,
    "older alert": older_alert,
}


def body(data: object) -> bytes:
    return json.dumps(data).encode()


def one(data: object) -> StartEvent:
    events = parse_start_events(body(data))
    assert len(events) == 1
    return events[0]


def refused(data: object) -> InvalidEvent:
    with pytest.raises(InvalidEvent) as raised:
        parse_start_events(data if isinstance(data, bytes) else body(data))
    assert raised.value.reason.isalnum()
    assert raised.value.description
    return raised.value


class TestEveryShape:
    @pytest.mark.parametrize("shape", SHAPES)
    def test_it_says_the_same_of_one_start(self, shape: str) -> None:
        event = one(SHAPES[shape]())
        assert event.vm.key == VM.lower()
        assert event.operation == START
        assert event.caller.email == "alice@contoso.com"
        assert event.caller.name == "Alice Example"
        assert event.caller.kind is CallerKind.USER
        assert event.caller.mfa is True
        assert event.caller.ip == "203.0.113.7"
        assert event.caller.client_app == "Azure CLI"
        assert event.access == Access(role="Contributor", scope="/subscriptions/x", principal_type="User")

    def test_all_tellings_of_one_start_share_one_dedupe_key(self) -> None:
        assert len({one(make()).dedupe_key for make in SHAPES.values()}) == 1

    @pytest.mark.parametrize("spell", [str.upper, str.lower])
    def test_the_spelling_of_the_id_makes_no_other_start(self, spell: Callable[[str], str]) -> None:
        other = one(grid(resourceUri=spell(VM), correlationId="c-1", authorization=None))
        assert other.dedupe_key == one(grid()).dedupe_key
        assert approval_id(other.vm.key, other.dedupe_key) == approval_id(
            a.vm_ref().key, one(grid()).dedupe_key
        )

    def test_another_start_has_another_key(self) -> None:
        keys = {
            one(grid()).dedupe_key,
            one(grid(correlationId="C-2")).dedupe_key,
            one(grid(resourceUri=VM + "2")).dedupe_key,
            one(grid(resourceUri=CLASSIC, operationName=START.replace(".C", ".ClassicC"))).dedupe_key,
        }
        assert len(keys) == 4

    @pytest.mark.parametrize("write", [event_grid, cloud_event, common_alert])
    def test_what_the_stand_in_writes_is_understood(self, write: Callable[[Started], object]) -> None:
        world = World.load()
        start = Started(resource_id=VM, principal=world.principal("olivia"), tenant=world.tenant)
        told = {one(write(start)).dedupe_key}
        told |= {e.dedupe_key for e in parse_start_events(body(activity_log(start)))}
        told |= {e.dedupe_key for e in parse_start_events(body(diagnostic(start)))}
        assert len(told) == 1

    def test_the_shape_is_kept_for_the_audit(self) -> None:
        assert [one(make()).shape for make in SHAPES.values()] == [
            "eventgrid", "eventgrid", "cloudevents", "cloudevents", "activitylog", "diagnostic", "diagnostic",
            "alert", "alert",
        ]  # fmt: skip

    def test_an_alert_keeps_the_spelling_that_the_authorization_has(self) -> None:
        assert one(alert()).vm.resource_id == VM

    def test_an_alert_about_a_target_that_its_authorization_does_not_name_is_about_the_target(self) -> None:
        other = a.vm_ref(name="vm-other").resource_id
        assert one(alert(authorization={"scope": other})).vm.key == VM.lower()


class TestOperations:
    @pytest.mark.parametrize("spelling", START_OPERATIONS)
    @pytest.mark.parametrize("spell", [str.lower, str.upper, str.title])
    def test_every_spelling_is_the_start(self, spelling: str, spell: Callable[[str], str]) -> None:
        classic = "classic" in spelling
        event = one(grid(operationName=spell(spelling), resourceUri=CLASSIC if classic else VM))
        assert event.operation == START_OPERATIONS[spelling]
        assert event.vm.classic is classic

    @pytest.mark.parametrize(
        "operation",
        [
            "Microsoft.Compute/virtualMachines/deallocate/action",
            "Microsoft.Compute/virtualMachines/restart/action",
            "Microsoft.Compute/virtualMachineScaleSets/start/action",
            "Microsoft.Compute/virtualMachines/write",
            "",
            None,
            7,
        ],
    )
    def test_another_operation_is_refused(self, operation: object) -> None:
        assert refused(grid(operationName=operation)).reason == "NotAStart"

    def test_starts_among_other_records_are_taken(self) -> None:
        data = {"records": [record(operationName="X"), record(), record(operationName="Y")]}
        assert len(parse_start_events(body(data))) == 1

    def test_starts_of_several_vms_in_one_message_are_all_taken(self) -> None:
        events = parse_start_events(body([grid(), grid(resourceUri=VM + "2"), log(resourceId=VM + "3")]))
        assert [e.vm.name for e in events] == ["vm-web-01", "vm-web-012", "vm-web-013"]


class TestPhases:
    @pytest.mark.parametrize(("word", "phase"), PHASES.items())
    @pytest.mark.parametrize("spell", [str.lower, str.upper, str.title])
    def test_azures_words_are_understood_in_any_case(
        self, word: str, phase: Phase, spell: Callable[[str], str]
    ) -> None:
        assert one(grid(status=spell(word))).phase is phase

    @pytest.mark.parametrize(
        ("kind", "phase"),
        [
            ("ResourceActionSuccess", Phase.SUCCEEDED),
            ("ResourceActionFailure", Phase.FAILED),
            ("ResourceActionCancel", Phase.FAILED),
        ],
    )
    def test_without_a_status_the_type_of_the_event_says_it(self, kind: str, phase: Phase) -> None:
        event = grid(status=None) | {"eventType": f"Microsoft.Resources.{kind}"}
        assert one(event).phase is phase

    def test_a_type_that_says_nothing_does_not_pass_for_a_failed_start(self) -> None:
        assert refused(grid(status=None) | {"eventType": "Contoso.Something"}).reason == "UnknownStatus"


class TestTimes:
    @pytest.mark.parametrize(
        ("text", "micro"),
        [
            ("2026-01-15T08:30:12.3456789Z", 345678),
            ("2026-01-15T08:30:12.1Z", 100000),
            ("2026-01-15T08:30:12.12Z", 120000),
            ("2026-01-15T08:30:12.345678901+00:00", 345678),
            ("2026-01-15T08:30:12Z", 0),
            ("2026-01-15T08:30:12", 0),
            ("2026-01-15T10:30:12.5+02:00", 500000),
            (" 2026-01-15T08:30:12Z ", 0),
        ],
    )
    def test_azures_fractions_are_read(self, text: str, micro: int) -> None:
        at = one(log(eventTimestamp=text)).at
        assert at == datetime(2026, 1, 15, 8, 30, 12, micro, tzinfo=UTC)
        assert at.utcoffset() == timedelta(0)

    @pytest.mark.parametrize(
        "text", ["", "yesterday", "2026-13-01T00:00:00Z", "1737000000", None, "0001-01-01T00:00:00+23:59"]
    )
    def test_no_time_is_refused(self, text: object) -> None:
        assert refused(log(eventTimestamp=text)).reason == "NoTime"


class TestCallers:
    def test_claims_may_be_the_json_text_of_an_object(self) -> None:
        assert one(grid(claims=json.dumps(CLAIMS))).caller == one(grid()).caller

    def test_a_service_principal_has_no_address_and_no_mfa(self) -> None:
        claims = {"appid": "app-1", OID: "oid-1", "idtyp": "app", METHODS: "mfa"}
        caller = one(grid(claims=claims, authorization=None)).caller
        assert (caller.kind, caller.email, caller.app_id, caller.object_id, caller.mfa) == (
            CallerKind.SERVICE_PRINCIPAL, "", "app-1", "oid-1", None,
        )  # fmt: skip

    @pytest.mark.parametrize("spelling", ["ServicePrincipal", "SERVICEPRINCIPAL", "Application"])
    def test_the_evidence_tells_a_service_principal(self, spelling: str) -> None:
        claims = {"appid": "app-1"}
        told = one(grid(claims=claims, authorization={"evidence": {"principalType": spelling}}))
        assert told.caller.kind is CallerKind.SERVICE_PRINCIPAL

    def test_a_managed_identity_is_told_by_its_resource(self) -> None:
        claims = {"appid": "app-1", "xms_mirid": "/subscriptions/…/userAssignedIdentities/id", OID: "oid-1"}
        authorization = {"evidence": {"principalType": "ServicePrincipal"}}
        assert (
            one(grid(claims=claims, authorization=authorization)).caller.kind is CallerKind.MANAGED_IDENTITY
        )

    @pytest.mark.parametrize(
        ("methods", "mfa"),
        [
            ("pwd,mfa", True),
            ("rsa, MFA", True),
            ("fido", True),
            (["pwd", "mfa"], True),
            ("pwd", False),
            ("rsa", False),
            ("notmfa", False),
            ("", None),
            (None, None),
            (7, None),
        ],
    )
    def test_a_second_factor_is_told_only_where_the_token_says_so(self, methods: object, mfa: object) -> None:
        assert one(grid(claims=CLAIMS | {METHODS: methods})).caller.mfa is mfa

    @pytest.mark.parametrize(
        ("text", "address"),
        [
            ("203.0.113.7", "203.0.113.7"),
            ("203.0.113.7:50123", "203.0.113.7"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            (" 203.0.113.7 ", "203.0.113.7"),
            ("<!channel>", ""),
            ("203.0.113.999", ""),
            ("evil.example:80", ""),
            ("", ""),
        ],
    )
    def test_an_address_loses_its_port_and_anything_else_is_left_out(self, text: str, address: str) -> None:
        assert caller_from({}, None, caller="", ip=text).ip == address
        assert caller_from({"ipaddr": text}, None, caller="", ip="").ip == address

    def test_the_tokens_address_goes_before_the_requests(self) -> None:
        assert one(grid(claims={})).caller.ip == "198.51.100.1"

    def test_the_record_names_the_caller_where_there_are_no_claims(self) -> None:
        assert one(log(claims=None, authorization=None)).caller.email == "alice@contoso.com"
        nobody = one(log(claims=None, authorization=None, caller="33333333-aaaa")).caller
        assert (nobody.kind, nobody.email, nobody.object_id) == (CallerKind.UNKNOWN, "", "33333333-aaaa")

    def test_what_is_no_address_is_never_taken_for_one(self) -> None:
        assert one(grid(claims={UPN: "alice"})).caller.email == ""

    @pytest.mark.parametrize(
        "claims", ["", "{", "[]", "null", 7, [], True, {"name": 7, UPN: None}, "[" * 100_000]
    )
    def test_odd_claims_leave_the_caller_unknown_and_lose_no_start(self, claims: object) -> None:
        caller = one(grid(claims=claims, authorization=None)).caller
        assert caller.kind is CallerKind.UNKNOWN

    def test_long_texts_are_cut(self) -> None:
        caller = one(grid(claims=CLAIMS | {"name": "x" * 5000})).caller
        assert len(caller.name) == 300

    @pytest.mark.parametrize(
        "authorization", [None, 7, "x", {}, {"evidence": None}, {"evidence": {"role": ""}}]
    )
    def test_without_evidence_no_right_is_claimed(self, authorization: object) -> None:
        assert one(grid(authorization=authorization)).access is None


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

    def test_one_bad_event_spoils_its_message(self) -> None:
        assert refused([grid(), grid(status="Perhaps")]).reason == "UnknownStatus"


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
        return parse_start_events(data)
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
