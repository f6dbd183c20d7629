"""Reads that several starts want at once: one by one while few wait, as one list a group when many do.

A lone start reads its VM and its NICs by themselves. In a burst that would use up Azure's budget (250 reads,
then 25 a second for a subscription), so where enough resources of one group wait to be read, the group is
listed once for all of them. Nobody is given what was read before they asked, unless their start was earlier.
Source: https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

import structlog
from cachetools import TTLCache

from workers.arm.ids import ArmId, group_id
from workers.arm.session.clients import Azure
from workers.arm.session.errors import Unreadable, asking
from workers.arm.session.pages import pages
from workers.domain.errors import DependencyAway, StartgateError

AT_ONCE = 2
"""Single reads under way in one group; whoever comes next waits."""
LIST_FROM = 4
"""So many have to wait for a list to be worth it: a large group has many pages."""
KEPT_S = 2.0
"""Seconds for which a list is kept: long enough for a group whose starts did not all come at once."""
CLOCKS_APART_S = 1.0
"""Seconds by which Azure's clock, which dates a start, may be behind ours."""
MOST_KEPT = 20_000
LIST_TIMEOUT_S = 60.0

_T = TypeVar("_T")
log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Collection(Generic[_T]):
    """Resources of one type, that can be read one by one or as a list of their group.

    Attributes:
        name: for errors, such as ``network interfaces``.
        read: reads one; raises the domain's errors.
        path: of the list, below a resource group, such as ``Microsoft.Compute/virtualMachines``.
        api_version: of the list.
        parse: what is kept of a resource's JSON; raises ``KeyError`` and the like for what it doesn't know.
    """

    name: str
    read: Callable[[Azure, str], Awaitable[Mapping[str, Any]]]
    path: str
    api_version: str
    parse: Callable[[Mapping[str, Any]], _T]


@dataclass(slots=True, eq=False)
class _Request:
    """Somebody waits for one resource; ``by_itself``: a list has not told it, so that it is read singly."""

    resource_id: str
    since: float
    answer: asyncio.Future[Any]
    by_itself: bool = False


@dataclass(slots=True)
class _Group:
    """The reads of one collection in one resource group."""

    where: ArmId
    reading: int = 0
    listing: bool = False
    waiting: list[_Request] = field(default_factory=list)


class SharedReads:
    """Reads resources for many who want them at once."""

    def __init__(self, azure: Azure) -> None:
        self._azure = azure
        self._groups: dict[tuple[str, str, str], _Group] = {}
        self._recent: TTLCache[tuple[str, str], tuple[float, Any]] = TTLCache(MOST_KEPT, KEPT_S)

    async def get(self, collection: Collection[_T], resource_id: str, *, since: datetime | None = None) -> _T:
        """The resource. What comes from a list lacks what only a single read can expand.

        Args:
            collection: of which type it is.
            resource_id: its id.
            since: what was listed a moment ago will do if that was after this time.

        Raises:
            NotFound: there is none.
            DependencyAway: Azure does not answer, or throttles.
            StepFailed: we may not read it.
        """
        since_s = since.timestamp() + CLOCKS_APART_S if since is not None else time.time()
        read_at, value = self._recent.get((collection.name, resource_id.lower()), (0.0, None))
        if value is not None and read_at >= since_s:
            found: _T = value
            return found
        where = ArmId.parse(resource_id)
        key = (collection.name, where.subscription_id.lower(), where.group.lower())
        group = self._groups.setdefault(key, _Group(where))
        request = _Request(resource_id, since_s, asyncio.get_running_loop().create_future())
        group.waiting.append(request)
        self._go_on(collection, key, group)
        answer: _T = await request.answer
        return answer

    def _go_on(self, collection: Collection[Any], key: tuple[str, str, str], group: _Group) -> None:
        """Begin what may begin now: a list if enough wait for it, else single reads."""
        if group.listing:
            return
        group.waiting = [request for request in group.waiting if not request.answer.done()]
        while group.waiting and group.reading < AT_ONCE:
            group.reading += 1
            self._azure.run(self._read(collection, key, group, group.waiting.pop(0)))
        if sum(not request.by_itself for request in group.waiting) >= LIST_FROM:
            group.listing = True
            self._azure.run(self._list(collection, key, group))
        if not group.waiting and not group.reading and not group.listing:
            self._groups.pop(key, None)

    async def _read(
        self, collection: Collection[Any], key: tuple[str, str, str], group: _Group, request: _Request
    ) -> None:
        try:
            found = await collection.read(self._azure, request.resource_id)
            _answer(request, collection.parse(found))
        except asyncio.CancelledError as closing:
            _fail_all([request, *group.waiting], closing)
            raise
        except Exception as error:
            _fail(request, error)
        finally:
            group.reading -= 1
            self._go_on(collection, key, group)

    async def _list(self, collection: Collection[Any], key: tuple[str, str, str], group: _Group) -> None:
        begun_at, where = time.time(), group.where
        path = f"{group_id(where.subscription_id, where.group)}/providers/{collection.path}"
        listed = pages(self._azure, path, collection.api_version)
        try:
            async with (
                asking(f"list the {collection.name} of {where.group}", timeout_s=LIST_TIMEOUT_S),
                contextlib.aclosing(listed),
            ):
                async for page in listed:
                    told = sum(self._tell(collection, group, resource, begun_at) for resource in page)
                    if told < LIST_FROM or not any(_served(request, begun_at) for request in group.waiting):
                        break  # a large group has many pages: the next one hardly holds more
        except asyncio.CancelledError as closing:
            _fail_all(group.waiting, closing)
            raise
        except StartgateError as error:
            if isinstance(error, DependencyAway) and not isinstance(error, Unreadable):
                _fail_all(group.waiting, error)
            else:
                log.info("reading one by one instead", collection=collection.name, error=str(error))
        finally:
            for request in group.waiting:
                request.by_itself = request.by_itself or _served(request, begun_at)
            group.listing = False
            self._go_on(collection, key, group)

    def _tell(
        self, collection: Collection[Any], group: _Group, resource: Mapping[str, Any], begun_at: float
    ) -> int:
        """Keep one resource of a list, and answer those who wait for it; how many that were."""
        try:
            resource_id, value = str(resource["id"]).lower(), collection.parse(resource)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            # Whoever wants it reads it, and is told so then.
            log.debug(
                "not understood in a list", of=collection.name, error=f"{type(error).__name__}: {error}"
            )
            return 0
        self._recent[collection.name, resource_id] = (begun_at, value)
        told = [
            request
            for request in group.waiting
            if request.resource_id.lower() == resource_id and _served(request, begun_at)
        ]
        for request in told:
            _answer(request, value)
        return len(told)


def _served(request: _Request, begun_at: float) -> bool:
    """Whether a list that was begun then will do for somebody who still waits."""
    return not request.answer.done() and request.since <= begun_at


def _answer(request: _Request, value: object) -> None:
    if not request.answer.done():
        request.answer.set_result(value)


def _fail_all(requests: Iterable[_Request], error: BaseException) -> None:
    for request in requests:
        _fail(request, error)


def _fail(request: _Request, error: BaseException) -> None:
    if request.answer.done():
        return
    if isinstance(error, asyncio.CancelledError):
        request.answer.cancel()
        return
    request.answer.set_exception(error)
    request.answer.exception()  # seen: whoever asked may have given up waiting
