"""On one link, reading and settling take turns.

The SDK has one lock a link, for reads and writes, and reads one frame at a time. Whoever settles reads until
the answer has come, whoever receives reads too, and each takes what is next for whomever it is. So when both
do it at once, some are left reading after their answer went by: such a read holds the lock until it times
out, nothing can be sent meanwhile, and those in line time out beside it. Measured with 256 messages under way
on two links, that was up to six reads a message where two are enough, and half of the time standing still.

By turns, nearly every read finds the frame that it is for: a link reads as many messages as it asks for at
once, so that no more are on their way, and then those are settled that are done.

It is a courtesy, no lock: with few messages, and where a handler takes its time, both go on side by side.
"""

import asyncio
import contextlib
from collections.abc import Callable

from workers.bus.connection import SOCKET_TIMEOUT_S

Look = Callable[[float], None]
"""Told the seconds for which reads may look for a frame."""

ALONE_S = 0.2
"""Seconds for which a read looks when nothing else is under way: then nothing is there to be settled, and a
message ends it at once. The SDK's own, and no longer: what keeps a link alive reads as long, once in 30 s,
and hands on what came meanwhile afterwards."""
PATIENCE_S = 0.05
"""Seconds for which reading waits for who settles, and these for the next message."""
LONGEST_S = 0.25
"""Seconds after which a turn of reading is over in any case. A full one takes a tenth of a second."""


class Turns:
    """The turns of one link, and how many messages are under way on it.

    Args:
        most: messages under way at once, from being taken until they are settled.

    Attributes:
        size: messages in a turn. The link has to ask for so many at once, and for more only when it has them:
            the SDK does, with a ``prefetch_count`` of one less.
        over: called whenever a turn of reading is over, or would be if there were one.
        look: told how long the link's next reads may look for a frame, when that changes.
    """

    def __init__(self, most: int) -> None:
        self.size = max(2, most // 2)
        self._most = most
        self._slots = asyncio.Semaphore(most)
        self._under_way = 0
        self._left = self.size
        self._settling = 0
        self._began_at = self._read_at = 0.0
        self._watch: asyncio.TimerHandle | None = None
        self._free = asyncio.Event()
        self._settlers = asyncio.Event()
        self._settlers.set()
        self.over: Callable[[], None] = _nothing
        self.look: Look = _nothing

    @property
    def few(self) -> bool:
        """Whether no more messages are under way than half a turn."""
        return self._under_way <= self.size // 2

    async def to_read(self) -> None:
        """Wait until another message may be asked for."""
        if self._settlers.is_set() or self._slots.locked():
            await self._others()
        await self._slots.acquire()
        self._under_way += 1
        if self._under_way == 1:
            self.look(ALONE_S)
        elif self._under_way == 2:  # noqa: PLR2004 - what is read for, and what it is no longer alone with
            self.look(SOCKET_TIMEOUT_S)
        if self._settlers.is_set():
            self._settlers.clear()
            self._began_at = self._read_at = asyncio.get_running_loop().time()
            self._look()

    def read(self) -> None:
        """A message has come."""
        self._read_at = asyncio.get_running_loop().time()
        self._left -= 1
        if not self._left:
            self._left = self.size
            self._rest()

    async def to_settle(self) -> None:
        """Wait until it may be settled; call ``settled`` afterwards, whatever happens."""
        self._settling += 1
        await self._settlers.wait()

    def settled(self) -> None:
        """It is settled, or will not be."""
        self._settling -= 1
        self._tell()

    def done(self) -> None:
        """A message is no longer under way."""
        self._under_way -= 1
        if self._under_way == 1:
            self.look(ALONE_S)
        self._slots.release()
        self._tell()

    def end(self) -> None:
        """No more messages are read: who settles waits for nobody."""
        self.look(SOCKET_TIMEOUT_S)
        self.look = _nothing  # The SDK closes a link with two reads for nothing.
        self._rest()

    async def _others(self) -> None:
        """Let them settle who are done, until there is room for a turn."""
        self._rest()
        self._free.clear()
        self._tell()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                await self._free.wait()

    def _tell(self) -> None:
        if not self._settling and self._under_way <= max(0, self._most - self.size):
            self._free.set()

    def _rest(self) -> None:
        self._settlers.set()
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        self.over()

    def _look(self) -> None:
        """Give up the turn when no message comes any more. One timer, however many wait for it."""
        loop = asyncio.get_running_loop()
        until = min(self._read_at + PATIENCE_S, self._began_at + LONGEST_S)
        if loop.time() >= until:
            self._rest()
        else:
            self._watch = loop.call_at(until, self._look)


def _nothing(*_: object) -> None:
    """Nobody wants to know."""
