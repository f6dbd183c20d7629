"""Which names are like one that was typed, for whoever mistyped it."""

import heapq
from collections.abc import Iterable
from difflib import SequenceMatcher

_LIKE = 0.6
"""From 0 to 1; what ``difflib.get_close_matches`` takes for close, too."""
_SHORT_LIST = 50
"""So many are compared thoroughly, which takes 0.1 ms each; all others by what is quick to count."""


class Nearest:
    """Keeps the names that are most like one, however many it is shown.

    Args:
        name: what was typed; case does not count.
        most: how many names are wanted.
    """

    def __init__(self, name: str, *, most: int) -> None:
        self._name = name.lower()
        self._pairs = _pairs(self._name)
        self._most = most
        self._kept: dict[str, float] = {}

    def see(self, names: Iterable[str]) -> None:
        """Look at more names."""
        for name in names:
            pairs = _pairs(name.lower())
            if common := len(pairs & self._pairs):
                self._kept[name] = 2 * common / (len(pairs) + len(self._pairs))
        if len(self._kept) > _SHORT_LIST:
            best = heapq.nsmallest(_SHORT_LIST, self._kept.items(), key=lambda item: (-item[1], item[0]))
            self._kept = dict(best)

    def names(self) -> tuple[str, ...]:
        """The nearest names, the nearest first; none if none is close."""
        likeness = {
            name: SequenceMatcher(None, name.lower(), self._name, autojunk=False).ratio()
            for name in self._kept
        }
        close = sorted((-ratio, name) for name, ratio in likeness.items() if ratio >= _LIKE)
        return tuple(name for _, name in close[: self._most])


def _pairs(name: str) -> frozenset[str]:
    """Neighbouring characters, and those with one between: two that changed places leave most of them."""
    following = {name[at : at + 2] for at in range(len(name) - 1)}
    return frozenset(following | {name[at] + name[at + 2] for at in range(len(name) - 2)})
