"""Which process does periodic work that one of them is enough for."""

from typing import Protocol


class Leases(Protocol):
    """Work that one process does at a time."""

    async def take(self, name: str, *, for_s: float) -> bool:
        """Whether the work is ours for so many seconds. Nobody else gets it in that time, nor do we again.

        A process that ends with it loses one turn, not the work: the next turn is somebody's.

        Raises:
            DependencyAway: the store does not answer.
        """
        ...
