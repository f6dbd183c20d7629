"""Which records of the audit tell one story: a question, its containment, and whatever joined them."""

from collections import defaultdict
from typing import Any

from workers.domain.ids import is_reference


class Story:
    """Collects what belongs to a reference, or to a whole id. All of it lies in one partition.

    Args:
        reference: how the ids of approval or containment begin.
    """

    def __init__(self, reference: str) -> None:
        self._reference = reference
        self._joined: defaultdict[str, set[str]] = defaultdict(set)

    def hear(self, record: dict[str, Any]) -> None:
        """Take note of which ids a record joins."""
        about, containment = str(record.get("about", "")), _containment(record)
        if not is_reference(about):
            return
        self._joined[about].update({containment} - {""})
        if containment:
            self._joined[containment].add(about)

    def ids(self) -> frozenset[str]:
        """Every id of the story, once all records have been heard; empty if there is none."""
        found: set[str] = set()
        new = {one for one in self._joined if one.startswith(self._reference)}
        while new:
            found |= new
            new = {other for one in new for other in self._joined[one]} - found
        return frozenset(found)


def _containment(record: dict[str, Any]) -> str:
    details = record.get("details")
    found = details.get("containment") if isinstance(details, dict) else None
    return found if isinstance(found, str) and is_reference(found) else ""
