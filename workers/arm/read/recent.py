"""What lists have told a moment ago, for starts that were before them."""

import time
from datetime import datetime
from typing import Any, NamedTuple

KEPT_S = 2.0
"""Seconds for which a list is kept: long enough for a group whose starts did not all come at once."""
APART_S = 1.0
"""Seconds by which Azure's clock, which dates a start, may be behind ours."""
_MOST = 5_000
"""Resources kept; the oldest lists go first."""

_Line = tuple[str, str]


class _List(NamedTuple):
    begun_at: float
    items: dict[str, Any]


class Recent:
    """The last list of each line, as long as it is recent."""

    def __init__(self) -> None:
        self._lists: dict[_Line, _List] = {}
        self._count = 0

    def keep(self, line: _Line, page: dict[str, Any], *, begun_at: float) -> None:
        """Keep a page of a list.

        Args:
            line: what is listed.
            page: resources by id in lower case.
            begun_at: when the list was asked for, in seconds since 1970; the same for all of its pages.
        """
        kept = self._lists.pop(line, None)
        if kept is None or kept.begun_at != begun_at:
            self._count -= len(kept.items) if kept else 0
            kept = _List(begun_at, {})
        self._count += len(page.keys() - kept.items.keys())
        kept.items.update(page)
        self._lists[line] = kept
        while self._lists and (self._count > _MOST or _old(next(iter(self._lists.values())))):
            self._count -= len(self._lists.pop(next(iter(self._lists))).items)

    def find(self, line: _Line, resource_id: str, since: datetime) -> Any | None:
        """The resource, if a recent list that was begun after ``since`` has told of it."""
        kept = self._lists.get(line)
        if kept is None or _old(kept) or kept.begun_at < since.timestamp() + APART_S:
            return None
        return kept.items.get(resource_id.lower())


def _old(kept: _List) -> bool:
    return not 0 <= time.time() - kept.begun_at <= KEPT_S
