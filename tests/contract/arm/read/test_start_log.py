"""The Activity Log's starts, and whether Event Grid tells of them, against the Azure stand-in."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from deploy.sandbox.azure.events import Started
from deploy.sandbox.azure.front.refusals import Refusal
from deploy.sandbox.azure.server import AzureServer
from tests.contract.arm.driver import machine
from workers.arm.read.subscriptions.event_sources import ArmEventSources
from workers.arm.read.subscriptions.inventory import subscriptions
from workers.arm.read.subscriptions.start_log import ArmStartLog
from workers.arm.session.clients import Azure
from workers.consumers.event_shapes import parse_start_events
from workers.domain.errors import DependencyAway, StepFailed
from workers.domain.starts.events import Phase, StartEvent

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)


def start(arm: AzureServer, name: str = "web-01", ago: timedelta = timedelta(minutes=9)) -> Started:
    """A start of which no event tells."""
    vm = machine(arm, name)
    began = NOW - ago
    started = Started(
        resource_id=vm.id,
        principal=arm.world.principal("intruder"),
        tenant=arm.estate.tenant,
        begun_at=began,
        ended_at=began + timedelta(seconds=20),
    )
    arm.activity_log.note(started)
    return started


async def found(azure: Azure, subscription: str, since: datetime = NOW - HOUR) -> list[StartEvent]:
    log = ArmStartLog(azure, lambda record: parse_start_events(record).events)
    return [event async for event in log(subscription, since, NOW)]


async def test_the_log_says_who_started_a_vm(arm: AzureServer, azure: Azure) -> None:
    started = start(arm)
    events = await found(azure, machine(arm, "web-01").subscription)
    assert {event.phase for event in events} == {Phase.STARTED, Phase.SUCCEEDED}
    assert {event.vm.key for event in events} == {started.resource_id.lower()}
    assert {event.correlation_id for event in events} == {started.correlation_id}
    assert {event.caller.object_id for event in events} == {started.principal.oid}


async def test_only_that_time_of_that_subscription_is_read(arm: AzureServer, azure: Azure) -> None:
    start(arm, ago=2 * HOUR)
    subscription = machine(arm, "web-01").subscription
    other = next(one.id for one in await subscriptions(azure) if one.id != subscription)
    start(arm)
    assert await found(azure, other) == []
    assert len(await found(azure, subscription)) == 3


async def test_every_page_of_the_log_is_read(arm: AzureServer, azure: Azure) -> None:
    for _ in range(50):
        start(arm)
    events = await found(azure, machine(arm, "web-01").subscription)
    assert len({event.correlation_id for event in events}) == 50
    assert len(events) == 150


async def test_a_throttled_log_names_its_subscription(arm: AzureServer, azure: Azure) -> None:
    subscription = machine(arm, "web-01").subscription
    arm.refusals.put(Refusal(path="eventtypes", code="TooManyRequests", status=429))
    with pytest.raises(DependencyAway) as away:
        await found(azure, subscription)
    assert away.value.scope == subscription.lower()


async def test_a_log_that_may_not_be_read_names_the_right(arm: AzureServer, azure: Azure) -> None:
    arm.refusals.put(Refusal(path="eventtypes", code="AuthorizationFailed"))
    with pytest.raises(StepFailed, match=r"Microsoft\.Insights/eventtypes"):
        await found(azure, machine(arm, "web-01").subscription)


Break = Callable[[AzureServer, str], object]
BREAKS: dict[str, tuple[Break, str]] = {
    "as it was deployed": (lambda _arm, _subscription: None, ""),
    "no topic": (lambda arm, one: arm.topics.silent.add(one), "no Event Grid topic"),
    "another queue": (
        lambda arm, one: arm.topics.elsewhere.add(one),
        "no event subscription leads to the queue",
    ),
    "not made": (
        lambda arm, one: arm.topics.states.update({one: "Failed"}),
        "its event subscription is Failed",
    ),
}


@pytest.mark.parametrize(("broken", "said"), BREAKS.values(), ids=BREAKS.keys())
async def test_a_subscription_without_events_is_told_with_the_remedy(
    arm: AzureServer, azure: Azure, broken: Break, said: str
) -> None:
    subscription = machine(arm, "web-01").subscription
    broken(arm, subscription.lower())
    why = await ArmEventSources(azure, "starts")(subscription)
    assert why.startswith(said)
    assert bool(why) == bool(said)
    assert not why or "guardedSubscriptions" in why
