"""Queues, and who may receive and send where, are those that the code expects."""

import re

from bot.doctor import NEEDS as BOT_NEEDS
from deploy.sandbox.servicebus.namespace import DEFAULT_QUEUES
from tests.unit.deploy.templates import AZURE, resource, variable
from workers.bus.connection import NOTICES, STARTS, WORK
from workers.operator.doctor import NEEDS as WORKERS_NEEDS

BUS = "modules/servicebus.bicep"


def minutes(duration: str) -> float:
    """Of an ISO 8601 duration such as ``PT30S`` or ``P14D``."""
    units = {"D": 1440.0, "H": 60.0, "M": 1.0, "S": 1 / 60}
    found = re.fullmatch(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?", duration)
    assert found
    return sum(int(value or 0) * unit for value, unit in zip(found.groups(), units.values(), strict=True))


def test_there_are_the_three_queues_that_the_code_uses() -> None:
    assert [one["name"] for one in variable(BUS, "queues")] == [STARTS, WORK, NOTICES]


def test_a_queue_is_as_the_one_that_everything_is_tested_with() -> None:
    properties = resource(BUS, "queue")["properties"]
    ours = {one["name"]: one for one in variable(BUS, "queues")}
    assert len(ours) == len(DEFAULT_QUEUES)
    for tested in DEFAULT_QUEUES:
        assert ours[tested.name]["duplicateDetection"] is (tested.dedup_ms > 0)
        if tested.dedup_ms:
            assert minutes(properties["duplicateDetectionHistoryTimeWindow"]) * 60_000 == tested.dedup_ms
        assert minutes(properties["lockDuration"]) * 60_000 == tested.lock_ms
        assert properties["maxDeliveryCount"] == tested.max_delivery


def test_what_expires_is_put_aside_and_not_lost() -> None:
    properties = resource(BUS, "queue")["properties"]
    assert properties["deadLetteringOnMessageExpiration"] is True
    # Longer than any deadline, and than any outage that a queue has to outlast.
    assert minutes(properties["defaultMessageTimeToLive"]) >= 7 * 1440
    assert properties["requiresSession"] is False  # Event Grid delivers to no queue with sessions


def test_each_identity_has_the_rights_that_its_doctor_asks_for_and_no_others() -> None:
    rights = {(one["who"], one["queue"], one["role"]) for one in variable(BUS, "rights")}
    for who, needs in (("workers", WORKERS_NEEDS), ("bot", BOT_NEEDS)):
        wanted = {(who, need.queue, "receiver") for need in needs if need.receives}
        wanted |= {(who, need.queue, "sender") for need in needs if need.sends}
        assert {right for right in rights if right[0] == who} == wanted


def test_event_grid_may_send_starts_and_the_scaler_counts_what_workers_receive() -> None:
    rights = {(one["who"], one["queue"], one["role"]) for one in variable(BUS, "rights")}
    assert {right for right in rights if right[0] == "events"} == {("events", STARTS, "sender")}
    received = {need.queue for need in WORKERS_NEEDS if need.receives}
    assert {right for right in rights if right[0] == "scaler"} == {("scaler", q, "owner") for q in received}
    assert {who for who, _, _ in rights} == {"workers", "bot", "events", "scaler"}


def test_the_index_of_a_queue_in_a_role_assignment_is_its_place_in_the_list() -> None:
    """The scope of an assignment is chosen by position."""
    text = (AZURE / BUS).read_text(encoding="utf-8")
    assert "scope: queue[one.queue == 'starts' ? 0 : one.queue == 'work' ? 1 : 2]" in text
