"""Opens a process's links while it still does something else, such as importing."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from workers.bus.nudger import BusNudger
from workers.bus.receiver import QueueReceiver


@contextlib.asynccontextmanager
async def opening(nudger: BusNudger, *receivers: QueueReceiver) -> AsyncIterator[asyncio.Task[None]]:
    """Begin to open all links at once, and close afterwards what is still open then.

    A link takes some eight round trips to open. Messages that come meanwhile wait in the links until their
    receiver runs.

    Yields:
        What ends when the nudger's links are open; raises ``DependencyAway`` when they can't be opened.
    """
    for receiver in receivers:
        receiver.open()
    opened = asyncio.create_task(nudger.open())
    try:
        yield opened
    finally:
        opened.cancel()
        # Asked for its outcome, lest asyncio complains of an error that nobody has seen.
        await asyncio.gather(opened, return_exceptions=True)
        await asyncio.gather(*(receiver.close() for receiver in receivers))
        await nudger.close()
