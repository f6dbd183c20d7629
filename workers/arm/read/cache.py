"""Values that stay true for a while, each read once however many ask for it at the same time."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from workers.arm.session.clients import Azure

_T = TypeVar("_T")


class Cache(Generic[_T]):
    """Keyed values with a time to live.

    A read goes on when its caller gives up waiting, so that a burst of starts in one subnet costs one read
    of it, and what came too late for one card is there for the next. Failures are not kept.

    Args:
        azure: runs the reads, and cancels them when it closes.
        ttl_s: seconds a value is believed.
        most: entries kept; the oldest go first.
    """

    def __init__(
        self, azure: Azure, *, ttl_s: float, most: int = 5000, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._azure = azure
        self._ttl_s = ttl_s
        self._most = most
        self._now = now
        self._reads: dict[str, tuple[float, asyncio.Task[_T]]] = {}

    async def get(self, key: str, read: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
        """The value of ``key``, compared without regard to case; ``read`` is awaited if it is not known."""
        key = key.lower()
        known = self._reads.get(key)
        if known is not None and known[0] > self._now():
            return await asyncio.shield(known[1])
        task = self._azure.run(read())
        self._reads.pop(key, None)
        self._reads[key] = (self._now() + self._ttl_s, task)
        task.add_done_callback(lambda done: self._ended(key, done))
        while len(self._reads) > self._most:
            del self._reads[next(iter(self._reads))]
        return await asyncio.shield(task)

    def known(self, key: str) -> _T | None:
        """The value if it is believed now, without waiting for anything."""
        read = self._reads.get(key.lower())
        if read is None or read[0] <= self._now() or not _succeeded(read[1]):
            return None
        return read[1].result()

    def _ended(self, key: str, task: asyncio.Task[_T]) -> None:
        if not _succeeded(task):
            known = self._reads.get(key)
            if known is not None and known[1] is task:
                del self._reads[key]


def _succeeded(task: asyncio.Task[_T]) -> bool:
    # Asking for the exception also tells asyncio that it was seen, when nobody waits any more.
    return task.done() and not task.cancelled() and task.exception() is None
