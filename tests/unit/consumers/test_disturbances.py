"""What our alert rules tell beside starts is noted, never dead-lettered, and never taken for a start."""

from collections.abc import Callable, Sequence

import pytest

from deploy.sandbox.azure.events import Started, activity_log, common_alert, diagnostic
from deploy.sandbox.world import DEFAULT, World
from tests.rig import Rig
from tests.unit.consumers.start_tellings import body, grid, refused
from workers.arm.alerts.rules import RULES
from workers.consumers.event_shapes import parse_start_events
from workers.consumers.starts import StartsConsumer
from workers.domain.containment.afterwards.disturbances import DISTURBING, Disturbance
from workers.domain.messages import Complete, DeadLetter, Message
from workers.domain.starts.events import START_OPERATIONS

GROUP = "/subscriptions/5b5a0000-0000-4000-8000-00000000000a/resourceGroups/rg"
NIC = f"{GROUP}/providers/Microsoft.Network/networkInterfaces/n"
WRITE = "Microsoft.Network/networkInterfaces/write"
WORLD = World.load(DEFAULT)


def done(*, operation: str = WRITE, succeeded: bool = True) -> Started:
    return Started(
        resource_id=NIC,
        principal=WORLD.principal("intruder"),
        tenant=WORLD.tenant,
        operation=operation,
        succeeded=succeeded,
    )


@pytest.mark.parametrize("operation", DISTURBING.values())
def test_an_alert_of_each_operation_is_a_disturbance(operation: str) -> None:
    events, odd, (one,) = parse_start_events(body(common_alert(done(operation=operation))))
    assert (events, odd) == ([], [])
    assert one.operation == operation
    assert one.resource_id.lower() == NIC.lower()
    assert one.caller == "mallory@elsewhere.example"


@pytest.mark.parametrize("tell", [diagnostic, activity_log])
def test_exports_tell_it_once_for_its_three_records(tell: Callable[[Started], object]) -> None:
    assert len(parse_start_events(body(tell(done()))).disturbances) == 1


def test_what_failed_disturbs_nothing() -> None:
    assert refused(common_alert(done(succeeded=False))).reason == "NotAStart"


def test_a_start_beside_it_is_a_start() -> None:
    events, _, disturbances = parse_start_events(body([grid(), common_alert(done())]))
    assert len(events) == len(disturbances) == 1


def test_every_alert_rule_is_of_an_operation_that_intake_reads() -> None:
    read = {*DISTURBING, *START_OPERATIONS}
    assert {rule.operation.lower() for rule in RULES} <= read
    assert {rule.operation for rule in RULES} >= set(DISTURBING.values())


async def test_it_is_handed_on_and_its_message_is_done(rig: Rig) -> None:
    noted: list[Disturbance] = []

    async def disturbed(told: Sequence[Disturbance]) -> None:
        noted.extend(told)

    consumer = StartsConsumer(open_approval=rig.open, store=rig.store, clock=rig.clock, disturbed=disturbed)
    assert await consumer(Message(body=body(common_alert(done())), message_id="m-1")) == Complete()
    assert [one.operation for one in noted] == [WRITE]
    assert await rig.kinds() == []
    other = common_alert(done(operation="Microsoft.Compute/virtualMachines/restart/action"))
    assert isinstance(await consumer(Message(body=body(other), message_id="m-2")), DeadLetter)
