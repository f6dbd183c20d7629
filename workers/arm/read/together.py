"""Reads that many starts need at once, made as one list.

A lone start reads its VM and its NICs by themselves. In a burst that would use up Azure's budget (250 reads,
then 25 a second for a subscription) and most of a worker's processor time. So where several machines of one
resource group wait to be read, the group is listed once for all of them. Nobody is given what was read before
their start: a list is begun after those who get something from it have asked, or have been started.
Source: https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar

import structlog

from workers.arm.ids import ArmId, group_id
from workers.arm.read.recent import Recent
from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking
from workers.arm.session.pages import pages
from workers.domain.errors import DependencyAway, StartgateError
from workers.runtime.lull import after_lull

SINGLY = 2
"""So many of a group are read by themselves at once; the next one waits for its turn, or for company."""
LIST_FROM = 2
"""So many have to wait, or be found on a page, for a list to be worth it: large groups have many pages."""
BUSY, BUSY_S = 8, 0.1
"""From so many reads at once on, those of a group gather before they go out. So they do when so many were
asked for within these seconds: where Azure answers quickly, few are under way at once."""
GATHER_S = 0.015
"""Seconds for which they gather at most; a lull ends it sooner. The starts of a turn begin together, but each
machine's NICs are asked for when that machine has been told."""

_NOT_UNDERSTOOD = (KeyError, TypeError, AttributeError, ValueError)

_Json = dict[str, Any]
_T = TypeVar("_T")
log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind(Generic[_T]):
    """Resources that can be read one by one or as a list.

    Attributes:
        collection: provider and type, such as ``Microsoft.Network/networkInterfaces``.
        api_version: of the list.
        read: reads one by its id.
        told: what is kept of one. Whole, those of a burst would be hundreds of thousands of objects, which
            garbage collection walks through, and which are no longer in the processor's cache when needed.
    """

    collection: str
    api_version: str
    read: Callable[[Azure, str], Coroutine[Any, Any, _Json]]
    told: Callable[[_Json], _T]


class _Asked(NamedTuple):
    """Somebody waits for a resource."""

    resource_id: str
    since: datetime | None
    answer: asyncio.Future[Any]


@dataclass(slots=True)
class _Line:
    """Who reads or waits in one group, for one kind."""

    key: tuple[str, str]
    kind: Kind[Any]
    group: str
    singly: int = 0
    waiting: list[_Asked] = field(default_factory=list)
    listing: asyncio.Task[None] | None = None
    gathering: bool = False

    @property
    def quiet(self) -> bool:
        return self.singly < SINGLY and not self.waiting and self.listing is None

    @property
    def idle(self) -> bool:
        return self.quiet and not self.singly


class Together:
    """Reads singly while few ask, and lists while many do."""

    def __init__(self, azure: Azure) -> None:
        self._azure = azure
        self._lines: dict[tuple[str, str], _Line] = {}
        self._asking = 0
        self._asked_at: deque[float] = deque(maxlen=BUSY)
        self._recent = Recent()

    async def get(self, kind: Kind[_T], resource_id: str, *, since: datetime | None = None) -> _T:
        """The resource as it is now. What comes from a list lacks what only a single read can expand.

        Args:
            kind: of which sort it is.
            resource_id: its id.
            since: what a list told a moment ago will do, if it was begun after this.

        Raises:
            NotFound: there is none.
            DependencyAway: Azure does not answer, or throttles.
            StepFailed: we may not read it.
        """
        where = ArmId.parse(resource_id)
        group = group_id(where.subscription_id, where.group)
        key = kind.collection, group.lower()
        known: _T | None = None if since is None else self._recent.find(key, resource_id, since)
        if known is not None:
            return known
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = _Line(key, kind, group)
        loop = asyncio.get_running_loop()
        self._asking += 1
        self._asked_at.append(loop.time())
        try:
            if line.quiet and not self._busy:
                return await self._singly(line, kind, resource_id)
            asked = _Asked(resource_id, since, loop.create_future())
            line.waiting.append(asked)
            if not line.gathering:
                line.gathering = True
                after_lull(lambda: self._gathered(line), lambda: len(line.waiting), within_s=GATHER_S)
            told: _T = await asked.answer
            return told
        finally:
            self._asking -= 1

    @property
    def _busy(self) -> bool:
        if self._asking >= BUSY:
            return True
        return len(self._asked_at) == BUSY and self._asked_at[-1] - self._asked_at[0] < BUSY_S

    def _gathered(self, line: _Line) -> None:
        line.gathering = False
        self._serve(line)

    def _serve(self, line: _Line) -> None:
        """Begin what can be begun for those who wait: a list, or single reads while few are under way."""
        if line.listing is not None or line.gathering:
            return
        line.waiting = [one for one in line.waiting if not self._told(line, one)]
        if len(line.waiting) >= LIST_FROM:
            line.listing = self._azure.run(self._list(line))
            return
        while line.waiting and line.singly < SINGLY:
            self._begin(line, line.waiting.pop(0))
        if line.idle:
            self._lines.pop(line.key, None)

    def _told(self, line: _Line, asked: _Asked) -> bool:
        """Whether a list that came meanwhile has told what is asked, which is then the answer."""
        found = None if asked.since is None else self._recent.find(line.key, asked.resource_id, asked.since)
        if found is None:
            return False
        _succeed(asked, found)
        return True

    def _begin(self, line: _Line, asked: _Asked) -> None:
        line.singly += 1
        self._azure.run(self._answer(line, asked))

    async def _singly(self, line: _Line, kind: Kind[_T], resource_id: str) -> _T:
        line.singly += 1
        try:
            return kind.told(await kind.read(self._azure, resource_id))
        finally:
            line.singly -= 1
            self._serve(line)

    async def _answer(self, line: _Line, asked: _Asked) -> None:
        try:
            _succeed(asked, line.kind.told(await line.kind.read(self._azure, asked.resource_id)))
        except Exception as error:
            _fail(asked, error)
        finally:
            line.singly -= 1
            asked.answer.cancel()  # changes nothing, unless this was cut off
            self._serve(line)

    async def _list(self, line: _Line) -> None:
        asked, line.waiting = line.waiting, []
        left: list[_Asked] = []
        try:
            left = await self._listed(line, asked)
        finally:
            line.listing = None
            for one in left:
                self._begin(line, one)
            for one in asked:
                if one not in left:
                    one.answer.cancel()  # as above
            self._serve(line)

    async def _listed(self, line: _Line, asked: list[_Asked]) -> list[_Asked]:
        """Answer from a list of the group; gives back those who have to be read singly."""
        wanted: dict[str, list[_Asked]] = {}
        for one in asked:
            wanted.setdefault(one.resource_id.lower(), []).append(one)
        path = f"{line.group}/providers/{line.kind.collection}"
        listed, begun_at = pages(self._azure, path, line.kind.api_version), time.time()
        try:
            async with asking(f"list {path}"), contextlib.aclosing(listed):
                async for page in listed:
                    by_id = dict(_understood(line.kind, page))
                    self._recent.keep(line.key, by_id, begun_at=begun_at)
                    found = [(one, item) for key, item in by_id.items() for one in wanted.pop(key, ())]
                    for one, item in found:
                        _succeed(one, item)
                    if len(found) < LIST_FROM or not wanted:
                        break
        except DependencyAway as away:
            for one in (one for waiting in wanted.values() for one in waiting):
                _fail(one, away)
            return []
        except (StartgateError, *_NOT_UNDERSTOOD) as error:
            log.info("reading one by one instead", collection=line.kind.collection, error=str(error))
        return [one for waiting in wanted.values() for one in waiting]


def _understood(kind: Kind[_T], page: list[_Json]) -> Iterator[tuple[str, _T]]:
    """Each by its id in lower case. Who wants one that is not understood reads it, and is told so then."""
    for item in page:
        resource_id = item["id"].lower()
        try:
            yield resource_id, kind.told(item)
        except _NOT_UNDERSTOOD as error:
            log.debug("not understood in a list", id=resource_id, error=f"{type(error).__name__}: {error}")


def _succeed(asked: _Asked, found: object) -> None:
    if not asked.answer.done():
        asked.answer.set_result(found)


def _fail(asked: _Asked, error: Exception) -> None:
    if not asked.answer.done():
        asked.answer.set_exception(error)
        asked.answer.exception()  # seen: whoever asked may have given up waiting
