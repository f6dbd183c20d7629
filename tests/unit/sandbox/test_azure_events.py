"""What the Azure stand-in says about a start."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deploy.sandbox.azure.events import (
    CLASSIC_START,
    CLASSIC_START_DOTTED,
    Schema,
    Started,
    activity_log,
    cloud_event,
    common_alert,
    diagnostic,
    event_grid,
)
from deploy.sandbox.azure.messages import messages
from deploy.sandbox.world import World

WORLD = World.load()
SUBSCRIPTION = WORLD.subscriptions[0].id
VM = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-shop/providers/Microsoft.Compute/virtualMachines/web-01"
)
CLASSIC_VM = VM.replace("Microsoft.Compute", "Microsoft.ClassicCompute")
UPN = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"
METHODS = "http://schemas.microsoft.com/claims/authnmethodsreferences"
OBJECT_ID = "http://schemas.microsoft.com/identity/claims/objectidentifier"
BEGUN = datetime(2026, 1, 15, 8, 30, tzinfo=UTC)


def started(by: str = "olivia", **given: Any) -> Started:
    return Started(
        **{
            "resource_id": VM,
            "principal": WORLD.principal(by),
            "tenant": WORLD.tenant,
            "begun_at": BEGUN,
            "ended_at": BEGUN + timedelta(seconds=12.345678),
            **given,
        }
    )


class TestShapes:
    def test_event_grid_names_the_machine_the_action_and_the_outcome(self) -> None:
        event = event_grid(started(correlation_id="c-1"))
        assert event["eventType"] == "Microsoft.Resources.ResourceActionSuccess"
        assert event["topic"] == f"/subscriptions/{SUBSCRIPTION}"
        assert event["eventTime"] == "2026-01-15T08:30:12.3456780Z"
        assert event["subject"] == event["data"]["resourceUri"] == VM
        assert event["data"]["operationName"] == "Microsoft.Compute/virtualMachines/start/action"
        assert event["data"]["correlationId"] == "c-1"
        assert event["data"]["httpRequest"]["method"] == "POST"
        assert event["data"]["status"] == "Succeeded"

    def test_a_failed_start_is_a_failure_event(self) -> None:
        event = event_grid(started(succeeded=False))
        assert event["eventType"] == "Microsoft.Resources.ResourceActionFailure"
        assert event["data"]["status"] == "Failed"

    def test_cloud_events_carry_the_same_data_under_their_own_names(self) -> None:
        start = started()
        cloud, grid = cloud_event(start), event_grid(start)
        assert cloud["data"] == grid["data"]
        assert (cloud["source"], cloud["type"]) == (grid["topic"], grid["eventType"])
        assert cloud["specversion"] == "1.0"
        assert "dataVersion" not in cloud

    def test_the_activity_log_writes_three_records_of_one_operation(self) -> None:
        records = activity_log(started())
        assert [record["status"]["value"] for record in records] == ["Started", "Accepted", "Succeeded"]
        assert len({record["operationId"] for record in records}) == 1
        assert len({record["correlationId"] for record in records}) == 1
        assert len({record["eventDataId"] for record in records}) == 3
        assert records[0]["eventName"]["value"] == "BeginRequest"
        assert records[0]["id"].endswith("/ticks/639040626000000000")

    def test_an_export_writes_ids_and_operations_in_upper_case(self) -> None:
        records = diagnostic(started())["records"]
        assert records[0]["resourceId"] == VM.upper()
        assert records[0]["operationName"] == "MICROSOFT.COMPUTE/VIRTUALMACHINES/START/ACTION"
        assert [record["resultType"] for record in records] == ["Start", "Accept", "Success"]
        assert records[0]["resultSignature"] == "Started."

    def test_an_alert_has_its_claims_as_a_string_and_its_targets_in_lower_case(self) -> None:
        data = common_alert(started())["data"]
        assert data["essentials"]["alertTargetIDs"] == [VM.lower()]
        assert json.loads(data["alertContext"]["claims"])[UPN] == "olivia@contoso.example"
        assert data["alertContext"]["authorization"]["scope"] == VM

    @pytest.mark.parametrize("operation", [CLASSIC_START, CLASSIC_START_DOTTED])
    def test_a_classic_start_can_be_spelled_both_ways(self, operation: str) -> None:
        event = event_grid(started(resource_id=CLASSIC_VM, operation=operation))
        assert event["data"]["operationName"] == event["data"]["authorization"]["action"] == operation
        assert event["data"]["resourceProvider"] == "Microsoft.ClassicCompute"


class TestWhoDidIt:
    def test_a_person_has_a_name_an_address_and_a_way_of_signing_in(self) -> None:
        claims = event_grid(started("olivia"))["data"]["claims"]
        assert claims[UPN] == "olivia@contoso.example"
        assert claims["ipaddr"] == "198.51.100.21"
        assert claims[METHODS] == "pwd,mfa"

    def test_without_a_second_factor_only_the_password_is_named(self) -> None:
        assert event_grid(started("intruder"))["data"]["claims"][METHODS] == "pwd"

    def test_a_service_principal_has_an_app_id_and_no_sign_in_name(self) -> None:
        event = event_grid(started("nightly"))
        claims = event["data"]["claims"]
        assert UPN not in claims
        assert (claims["idtyp"], claims["appid"]) == ("app", "b0000000-0000-4000-8000-000000000005")
        assert claims[OBJECT_ID] == "a0000000-0000-4000-8000-000000000005"
        assert event["data"]["httpRequest"]["clientIpAddress"] == "203.0.113.60"
        assert activity_log(started("nightly"))[0]["caller"] == claims[OBJECT_ID]

    @pytest.mark.parametrize(
        ("by", "scope", "kind"),
        [
            ("nadia", f"/subscriptions/{SUBSCRIPTION}", "User"),
            ("nightly", f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-shop", "ServicePrincipal"),
        ],
    )
    def test_the_evidence_names_the_role_that_allowed_it(self, by: str, scope: str, kind: str) -> None:
        evidence = event_grid(started(by))["data"]["authorization"]["evidence"]
        assert evidence["role"] == WORLD.principal(by).role
        assert (evidence["roleAssignmentScope"], evidence["principalType"]) == (scope, kind)
        assert "-" not in evidence["principalId"] + evidence["roleDefinitionId"]


class TestMessages:
    def test_the_message_id_is_the_same_for_every_delivery(self) -> None:
        start = started()
        (first,), (again,) = messages(start), messages(start)
        assert first.message_id == again.message_id == first.delivery(3).message_id
        assert first.delivery(3).properties["aeg-delivery-count"] == "3"
        assert first.properties["aeg-output-event-id"] == event_grid(start)["id"]

    @pytest.mark.parametrize(
        ("schema", "count", "event_grid_made"),
        [
            ("eventgrid", 1, True),
            ("cloudevents", 1, True),
            ("activitylog", 3, False),
            ("diagnostic", 1, False),
            ("alert", 1, False),
        ],
    )
    def test_each_schema_has_its_number_of_messages_and_its_properties(
        self, schema: Schema, count: int, *, event_grid_made: bool
    ) -> None:
        made = messages(started(), schema)
        assert len(made) == count
        assert all(bool(message.properties) is event_grid_made for message in made)

    def test_an_array_holds_what_would_be_one_object(self) -> None:
        start = started()
        (message,) = messages(start, array=True)
        assert json.loads(message.body) == [event_grid(start)]
