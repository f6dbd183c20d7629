"""The Activity Log of a subscription: the records of every start, whether an event told of it or not.

Only the documented patterns of ``$filter`` are taken, and ``$select`` leaves the named properties.
Source: https://learn.microsoft.com/rest/api/monitor/activity-logs/list
"""

import re
from collections import deque
from datetime import datetime
from typing import Any

from deploy.sandbox.azure.errors import ArmError
from deploy.sandbox.azure.events import Started, activity_log
from deploy.sandbox.azure.front.routing import SUBSCRIPTION, Answer, Call, Route, listing
from deploy.sandbox.azure.ids import subscription_of

_MOST = 50_000
_FILTER = re.compile(
    r"eventTimestamp ge '(?P<since>[^']+)' and eventTimestamp le '(?P<until>[^']+)'"
    r"(?: and (?P<field>resourceGroupName|resourceUri|resourceProvider|correlationId) eq '(?P<value>[^']*)')?"
)


class ActivityLog:
    """``Microsoft.Insights/eventtypes``, as far as starts go."""

    def __init__(self) -> None:
        self._starts: deque[Started] = deque(maxlen=_MOST)

    def note(self, start: Started) -> None:
        """A start has ended."""
        self._starts.append(start)

    def clear(self) -> None:
        """Nothing was ever started."""
        self._starts.clear()

    def routes(self) -> list[Route]:
        path = f"{SUBSCRIPTION}/providers/Microsoft.Insights/eventtypes/management/values"
        return [Route("GET", path, self.list_records)]

    def list_records(self, call: Call) -> Answer:
        wanted = _FILTER.fullmatch(call.query.get("$filter", ""))
        if wanted is None:
            raise ArmError(400, "BadRequest", "The filter is not one of the supported patterns.")
        since, until = datetime.fromisoformat(wanted["since"]), datetime.fromisoformat(wanted["until"])
        of_it = [one for one in self._starts if subscription_of(one.resource_id) == call.subscription]
        if wanted["field"] == "resourceProvider":
            of_it = [one for one in of_it if one.provider.lower() == wanted["value"].lower()]
        records = [
            record
            for start in of_it
            for record in activity_log(start)
            if since <= datetime.fromisoformat(record["eventTimestamp"][:26] + "+00:00") <= until
        ]
        fields = {name.strip() for name in call.query.get("$select", "").split(",") if name.strip()}
        return listing(call, [_selected(record, fields) for record in reversed(records)])


def _selected(record: dict[str, Any], fields: set[str]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if not fields or name in fields}
