"""Read, decide and write, again if somebody else wrote in between. This is the only loop over conflicts."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from workers.domain.errors import Conflict

T = TypeVar("T")
_TRIES = 8


async def until_written(attempt: Callable[[], Awaitable[T]]) -> T:
    """Run ``attempt``, which reads, decides and commits, until its commit meets no conflict.

    Raises:
        Conflict: after eight tries. The message is delivered again later, and with it comes another attempt.
    """
    for _ in range(_TRIES - 1):
        try:
            return await attempt()
        except Conflict:
            continue
    return await attempt()
