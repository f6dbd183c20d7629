"""``Microsoft.ResourceGraph/resources``: queries over the tables that are simulated.

Source: https://learn.microsoft.com/rest/api/azureresourcegraph/resourcegraph/resources/resources
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from deploy.sandbox.azure.errors import ArmError
from deploy.sandbox.azure.front.routing import Answer, Call, Route
from deploy.sandbox.azure.graph.query import BadQueryError, parse
from deploy.sandbox.azure.model import Estate

MOST = 1000
"""Rows in a page: https://learn.microsoft.com/azure/governance/resource-graph/concepts/work-with-data"""

MOST_UNITED = 3
"""Source: https://learn.microsoft.com/azure/governance/resource-graph/concepts/query-language#supported-kql-language-elements"""

Rows = Callable[[str], Iterable[Mapping[str, Any]]]
"""The rows of a table for one subscription, by its id."""


class ResourceGraph:
    """Answers queries from the tables it is given, by their names in lower case."""

    def __init__(self, estate: Estate, tables: Mapping[str, Rows]) -> None:
        self._estate = estate
        self._tables = tables

    def routes(self) -> list[Route]:
        return [Route("POST", "/providers/Microsoft.ResourceGraph/resources", self.ask)]

    def ask(self, call: Call) -> Answer:
        """Rows as objects, a page at a time."""
        body = call.body or {}
        options = body.get("options") or {}
        try:
            query = parse(str(body.get("query") or ""))
        except BadQueryError as error:
            raise _bad(str(error)) from error
        if len(query.united) > MOST_UNITED:
            raise _bad(f"a query unites {MOST_UNITED} tables at most")
        parts = [(one, self._table(one.table)) for one in (query, *query.united)]
        wanted = [str(one).lower() for one in body.get("subscriptions") or self._estate.subscriptions]
        found = [
            row
            for part, rows in parts
            for subscription in wanted
            if subscription in self._estate.subscriptions
            for resource in rows(subscription)
            if (row := part.row(resource)) is not None
        ]
        start, most = int(options.get("$skipToken") or 0), min(int(options.get("$top") or MOST), MOST)
        page = found[start : start + most]
        more = {"$skipToken": str(start + most)} if start + most < len(found) else {}
        return Answer(
            body={
                "totalRecords": len(found),
                "count": len(page),
                "resultTruncated": "false",
                **more,
                "facets": [],
                "data": page,
            }
        )

    def _table(self, name: str) -> Rows:
        if name not in self._tables:
            raise _bad(f"the table {name} is not simulated here")
        return self._tables[name]


def _bad(message: str) -> ArmError:
    """400 as Resource Graph answers it, with the cause among the details."""
    return ArmError(
        400,
        "BadRequest",
        "Please provide below info when asking for support: timestamp, correlationId.",
        more={"details": [{"code": "InvalidQuery", "message": message}]},
    )
