"""What Service Bus has put aside."""

from collections.abc import Mapping
from typing import Protocol

from workers.domain.asking.notices.dead_letters import PutAside


class DeadLetterReader(Protocol):
    """Looks at dead letters, and locks none."""

    async def __call__(self, *, most: int) -> Mapping[str, tuple[PutAside, ...]]:
        """Queue → its dead letters, at most so many of each.

        Raises:
            DependencyAway: Service Bus does not answer, or refuses.
        """
        ...
