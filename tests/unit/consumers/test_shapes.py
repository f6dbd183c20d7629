"""Every shape of a start becomes one event: which VM, which operation, when, and how far it is."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

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
from tests.unit.consumers.start_tellings import (
    CLASSIC,
    EVIDENCE,
    SHAPES,
    START,
    VM,
    alert,
    body,
    cloud,
    grid,
    log,
    one,
    record,
    refused,
)
from workers.consumers.event_shapes import PHASES, parse_start_events
from workers.domain.errors import InvalidEvent
from workers.domain.ids import approval_id
from workers.domain.starts.events import START_OPERATIONS, Access, CallerKind, Phase


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
        assert event.caller.signin_ip == "203.0.113.7"
        assert event.caller.ip == ("" if shape == "older alert" else "198.51.100.1"), "its request says none"
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
        told |= {e.dedupe_key for e in parse_start_events(body(activity_log(start))).events}
        told |= {e.dedupe_key for e in parse_start_events(body(diagnostic(start))).events}
        assert len(told) == 1

    def test_the_shape_is_kept_for_the_audit(self) -> None:
        assert [one(make()).shape for make in SHAPES.values()] == [
            "eventgrid", "eventgrid", "cloudevents", "cloudevents", "activitylog", "diagnostic", "diagnostic",
            "alert", "alert", "cloudevents", "loganalytics", "loganalytics", "loganalytics", "eventgrid",
            "cloudevents", "activitylog", "diagnostic", "diagnostic", "alert",
        ]  # fmt: skip

    @pytest.mark.parametrize(
        "shape", ["alert as text", "diagnostic as text", "a row of log analytics as text"]
    )
    def test_the_spelling_that_the_authorization_has_is_kept_where_that_is_text(self, shape: str) -> None:
        assert one(SHAPES[shape]()).vm.resource_id == VM

    @pytest.mark.parametrize("shape", SHAPES)
    def test_the_time_is_the_events_own(self, shape: str) -> None:
        assert one(SHAPES[shape]()).at.replace(second=0, microsecond=0) == datetime(
            2026, 1, 15, 8, 30, tzinfo=UTC
        )

    def test_an_alert_keeps_the_spelling_that_the_authorization_has(self) -> None:
        assert one(alert()).vm.resource_id == VM

    def test_an_alert_about_a_target_that_its_authorization_does_not_name_is_about_the_target(self) -> None:
        other = a.vm_ref(name="vm-other").resource_id
        assert one(alert(authorization={"scope": other})).vm.key == VM.lower()


class TestBinaryCloudEvents:
    """The attributes are properties of the message, and the body is the data alone."""

    @staticmethod
    def told(prefix: str = "cloudEvents:", **changes: object) -> tuple[bytes, dict[str, object]]:
        event = cloud()
        data = event.pop("data")
        return body(data), {f"{prefix}{name}": value for name, value in (event | changes).items()}

    @pytest.mark.parametrize("prefix", ["cloudEvents:", "cloudEvents_", "cloudevents:"])
    def test_it_says_the_same_as_the_whole_event(self, prefix: str) -> None:
        events, odd, _ = parse_start_events(*self.told(prefix))
        assert (events, odd) == ([one(cloud())], [])

    def test_a_time_may_be_of_amqps_own_type(self) -> None:
        (event,), *_ = parse_start_events(*self.told(time=1768465812345))
        assert event.at == datetime(2026, 1, 15, 8, 30, 12, 345000, tzinfo=UTC)

    def test_a_whole_event_stays_what_it_is(self) -> None:
        _, properties = self.told(id="another")
        (event,), *_ = parse_start_events(body(cloud()), properties)
        assert event == one(cloud())

    def test_other_properties_make_no_event_of_a_body(self) -> None:
        content, _ = self.told()
        with pytest.raises(InvalidEvent, match="UnknownShape"):
            parse_start_events(content, {"aeg-event-type": "Notification", "cloudEvents:type": "x"})

    @pytest.mark.parametrize("time", ["yesterday", 10**30, -(10**30)])
    def test_an_odd_time_is_refused_with_a_reason(self, time: object) -> None:
        with pytest.raises(InvalidEvent, match="NoTime"):
            parse_start_events(*self.told(time=time))

    @pytest.mark.parametrize("text", ["", "!", "e30", 7, None, "bm90IGpzb24="])
    def test_base64_that_is_none_is_refused_with_a_reason(self, text: object) -> None:
        event = cloud()
        del event["data"]
        assert refused({**event, "data_base64": text}).reason == "NotAnEvent"


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
        assert len(parse_start_events(body(data)).events) == 1

    def test_starts_of_several_vms_in_one_message_are_all_taken(self) -> None:
        told = [grid(), grid(resourceUri=VM + "2"), log(resourceId=VM + "3")]
        events, *_ = parse_start_events(body(told))
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


@pytest.mark.parametrize(
    ("told", "read"),
    [
        ("8E3AF657A8FF443CA75C2FE8C4BCB635", "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"),
        ("8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"),
        ("8e3af657; reboot", ""),
        (None, ""),
        (5, ""),
    ],
)
def test_the_assignment_that_allowed_it_is_read_as_an_id_or_not_at_all(told: object, read: str) -> None:
    evidence = {**EVIDENCE, "roleAssignmentId": told}
    event = one(grid(authorization={"evidence": evidence}))
    assert event.access is not None
    assert event.access.assignment_id == read
