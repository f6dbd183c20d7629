"""What Event Grid delivers is what the consumer takes, and what it can't deliver is kept."""

from tests.unit.deploy.templates import resource
from workers.domain.starts.events import START_OPERATIONS

EVENTS = "modules/events.bicep"


def subscription() -> dict[str, object]:
    return dict(resource(EVENTS, "starts")["properties"])


def test_exactly_the_operations_that_start_a_vm_pass_the_filter() -> None:
    (only,) = subscription()["filter"]["advancedFilters"]  # type: ignore[index]
    assert only["key"] == "data.operationName"
    assert only["operatorType"] == "StringIn"  # without case
    assert set(only["values"]) == set(START_OPERATIONS.values())


def test_failures_and_cancellations_are_told_too() -> None:
    told = subscription()["filter"]["includedEventTypes"]  # type: ignore[index]
    assert told == [f"Microsoft.Resources.ResourceAction{how}" for how in ("Success", "Failure", "Cancel")]


def test_delivery_and_dead_letters_go_by_the_identity_of_events() -> None:
    for part in ("deliveryWithResourceIdentity", "deadLetterWithResourceIdentity"):
        assert subscription()[part]["identity"] == {  # type: ignore[index]
            "type": "UserAssigned",
            "userAssignedIdentity": "eventsIdentityId",
        }


def test_events_come_as_cloud_events_and_are_tried_as_long_as_event_grid_can() -> None:
    assert subscription()["eventDeliverySchema"] == "CloudEventSchemaV1_0"
    assert subscription()["retryPolicy"] == {"maxDeliveryAttempts": 30, "eventTimeToLiveInMinutes": 1440}
