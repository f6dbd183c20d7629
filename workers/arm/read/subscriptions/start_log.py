"""The starts in the Activity Log of a subscription.

Source: https://learn.microsoft.com/rest/api/monitor/activity-logs/list
"""

import json
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import UTC, datetime

import structlog

from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking
from workers.arm.session.pages import pages
from workers.domain.errors import InvalidEvent
from workers.domain.starts.events import START_OPERATIONS, StartEvent

ACTIVITY_LOG_VERSION = "2015-04-01"
LIST_TIMEOUT_S = 120.0
"""Of the records of one provider, all pages."""

_PROVIDERS = ("Microsoft.Compute", "Microsoft.ClassicCompute")
_FIELDS = (
    "authorization,claims,correlationId,eventDataId,eventTimestamp,httpRequest,"  # as Azure writes lists
    "operationName,resourceId,status"
)
"""What a start is told from; a record has three times as much."""

log = structlog.get_logger(__name__)


class ArmStartLog:
    """``workers.domain.ports.StartLog`` over ARM.

    Args:
        azure: the clients.
        parse: makes the starts of a record, whose shape alerts and exports have, too.
    """

    def __init__(self, azure: Azure, parse: Callable[[bytes], Iterable[StartEvent]]) -> None:
        self._azure = azure
        self._parse = parse

    async def __call__(
        self, subscription_id: str, since: datetime, until: datetime
    ) -> AsyncIterator[StartEvent]:
        """Each record of a start. The log can't be filtered by operation, so all of compute are read."""
        for provider in _PROVIDERS:
            async for page in self._records(subscription_id, provider, since, until):
                for event in page:
                    yield event

    async def _records(
        self, subscription_id: str, provider: str, since: datetime, until: datetime
    ) -> AsyncIterator[list[StartEvent]]:
        wanted = f"eventTimestamp ge '{_time(since)}' and eventTimestamp le '{_time(until)}'"
        query = f"$filter={wanted} and resourceProvider eq '{provider}'&$select={_FIELDS}".replace(" ", "%20")
        path = f"/subscriptions/{subscription_id}/providers/Microsoft.Insights/eventtypes/management/values"
        async with asking("read the Activity Log", timeout_s=LIST_TIMEOUT_S):
            async for page in pages(self._azure, f"{path}?{query}", ACTIVITY_LOG_VERSION):
                yield [event for record in page for event in self._events(record)]

    def _events(self, record: dict[str, object]) -> Iterable[StartEvent]:
        operation = record.get("operationName")
        named = operation.get("value") if isinstance(operation, dict) else operation
        if str(named).lower() not in START_OPERATIONS:
            return ()
        try:
            return self._parse(json.dumps(record).encode())
        except InvalidEvent as invalid:
            log.warning("a record of the Activity Log can't be read", because=str(invalid)[:300])
            return ()


def _time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
