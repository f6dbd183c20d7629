"""Names the subscriptions that we see and whose starts no event would tell of."""

import structlog

from workers.domain.errors import StartgateError
from workers.domain.ports.azure.start_log import EventSources, Subscriptions
from workers.telemetry.health import Health

log = structlog.get_logger(__name__)


class WatchEventSources:
    """Run by every worker, since each one's health shows it.

    Args:
        subscriptions: which ones we see.
        sources: whether events come from them.
        health: shows those from which none come.
        period_s: seconds between two looks.
    """

    name = "event-sources"

    def __init__(
        self, *, subscriptions: Subscriptions, sources: EventSources, health: Health, period_s: float
    ) -> None:
        self.period_s = period_s
        self._subscriptions = subscriptions
        self._sources = sources
        self._health = health
        self._without: dict[str, str] = {}

    async def __call__(self) -> int:
        """Look once; from how many subscriptions no events come.

        Raises:
            DependencyAway: the subscriptions can't be listed.
            StepFailed: we may not list them.
        """
        without: dict[str, str] = {}
        for subscription in await self._subscriptions():
            try:
                why = await self._sources(subscription.id)
            except StartgateError as error:
                why = f"can't tell whether events come: {error.diagnostics()}"
            if why:
                without[subscription.name] = why
        for name in self._without.keys() - without.keys():
            self._health.trouble_over(f"events of {name}")
        for name, why in without.items():
            self._health.trouble(f"events of {name}", why)
            if self._without.get(name) != why:
                log.warning("a subscription without events", subscription=name, because=why)
        self._without = without
        return len(without)
