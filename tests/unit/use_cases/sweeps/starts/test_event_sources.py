"""A subscription whose starts no event would tell of is named in health and in the log, until one does."""

import structlog.testing

from workers.domain.errors import DependencyAway
from workers.domain.ports.azure.start_log import Subscription
from workers.telemetry.health import Health
from workers.use_cases.sweeps.starts.event_sources import WatchEventSources

SEEN = [Subscription("s-1", "Production"), Subscription("s-2", "Lab")]


class Azure:
    def __init__(self) -> None:
        self.why: dict[str, str | Exception] = {"s-1": "", "s-2": "no Event Grid topic tells of it"}

    async def subscriptions(self) -> list[Subscription]:
        return SEEN

    async def __call__(self, subscription_id: str) -> str:
        why = self.why[subscription_id]
        if isinstance(why, Exception):
            raise why
        return why


def sweep(azure: Azure, health: Health) -> WatchEventSources:
    return WatchEventSources(subscriptions=azure.subscriptions, sources=azure, health=health, period_s=3600)


async def test_it_is_named_until_its_events_come_and_logged_once() -> None:
    azure, health = Azure(), Health()
    look = sweep(azure, health)
    with structlog.testing.capture_logs() as lines:
        assert [await look(), await look()] == [1, 1]
    assert [(line["event"], line["subscription"]) for line in lines] == [
        ("a subscription without events", "Lab")
    ]
    assert list(health.as_json()["troubles"]) == ["events of Lab"]
    azure.why["s-2"] = ""
    assert await look() == 0
    assert health.as_json()["troubles"] == {}


async def test_one_that_cant_be_asked_is_named_too_and_hides_no_other() -> None:
    azure, health = Azure(), Health()
    azure.why["s-1"] = DependencyAway("azure", "throttled")
    assert await sweep(azure, health)() == 2
    troubles = health.as_json()["troubles"]
    assert "can't tell" in troubles["events of Production"]["reason"]
    assert "no Event Grid topic" in troubles["events of Lab"]["reason"]
