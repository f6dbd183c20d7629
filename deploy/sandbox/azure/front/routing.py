"""ARM's paths: literal parts match without case, and what a handler is given and gives back."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlencode

from deploy.sandbox.azure.ids import subscription_of
from deploy.sandbox.azure.operations import Operation
from deploy.sandbox.world import Principal

_T = TypeVar("_T")

GROUP = "/subscriptions/{subscription}/resourceGroups/{group}"
SUBSCRIPTION = "/subscriptions/{subscription}"

PAGE = 100
"""Items in a page of a list. Azure promises no number; clients that read one page only must be found out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One request that passed the front door.

    Attributes:
        method: HTTP method.
        path: as it was asked, without the query.
        params: the parts of the path that the route names.
        query: the query's parameters; names are in lower case.
        headers: of the request, case-insensitive.
        body: its JSON, or ``None``.
        caller: who asks, by the bearer token.
        correlation_id: the caller's, or a new one.
        client_request_id: the caller's, or empty.
        base_url: scheme and host of this server, as the caller wrote them.
    """

    method: str
    path: str
    params: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    caller: Principal
    correlation_id: str
    client_request_id: str
    base_url: str

    @property
    def api_version(self) -> str:
        return self.query.get("api-version", "")

    @property
    def resource_id(self) -> str:
        """The path as an id; where the last part is an action, ``parent_id`` is the resource."""
        return self.path.rstrip("/")

    @property
    def parent_id(self) -> str:
        return self.resource_id.rpartition("/")[0]

    @property
    def scope(self) -> str:
        """The part of the path before its last provider: what an extension resource or a list is about."""
        return self.path[: self.path.lower().rindex("/providers/")]

    @property
    def subscription(self) -> str:
        return subscription_of(self.path)


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a handler gives back. A body of ``None`` sends none."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


def accepted(call: Call, operation: Operation, *, status: int = 202, body: Any = None) -> Answer:
    """The answer that tells a client where to ask about the operation.

    With the resource in the body (200, 201) there is no ``Location``: clients read the resource itself again.
    """
    headers = operation.headers(call.base_url, call.api_version)
    if status != 202:
        del headers["Location"]
    return Answer(status=status, body=body, headers=headers)


def _as_it_is(item: Any) -> Any:
    return item


def listing(call: Call, items: Iterable[_T], shown: Callable[[_T], Any] = _as_it_is) -> Answer:
    """A list in pages; ARM's clients follow ``nextLink`` for as long as there is one.

    Args:
        call: which page is asked for.
        items: all of them.
        shown: an item's JSON. Only those of the page are made: ten thousand VMs have a hundred pages.
    """
    every, start = list(items), int(call.query.get("$skiptoken", "0"))
    body: dict[str, Any] = {"value": [shown(item) for item in every[start : start + PAGE]]}
    if start + PAGE < len(every):
        query = {**call.query, "$skiptoken": str(start + PAGE)}
        body["nextLink"] = f"{call.base_url}{call.path}?{urlencode(query)}"
    return Answer(body=body)


Handler = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a template such as ``/subscriptions/{subscription}``; ``{scope}`` spans several parts."""

    method: str
    template: str
    handler: Handler


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"(\{\w+\})", template.rstrip("/"))
    text = "".join(
        ("(?P<scope>.*?)" if part == "{scope}" else f"(?P<{part[1:-1]}>[^/]+)")
        if part.startswith("{")
        else re.escape(part)
        for part in parts
    )
    return re.compile(f"{text}/?", re.IGNORECASE)


class Router:
    """Finds the handler of a path; the first route that matches wins."""

    def __init__(self, routes: list[Route]) -> None:
        self._routes: dict[str, list[tuple[re.Pattern[str], Handler]]] = {}
        for route in routes:
            self._routes.setdefault(route.method, []).append((_pattern(route.template), route.handler))

    def find(self, method: str, path: str) -> tuple[Handler, dict[str, str]] | None:
        for pattern, handler in self._routes.get(method, []):
            match = pattern.fullmatch(path)
            if match is not None:
                return handler, match.groupdict()
        return None
