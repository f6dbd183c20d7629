"""A process's life: started parts, a signal, and an end in good order."""

import asyncio
import contextlib
import gc
import signal
from collections.abc import AsyncIterator, Coroutine
from typing import Any

OBJECTS_BETWEEN_COLLECTIONS = 150_000
"""Python looks for garbage after every 700 new objects. In a burst, what is in use is many times that, and it
would be looked through again and again."""

SHUTDOWN_S = 25.0
"""Within this many seconds everything is finished or handed back; Container Apps kills after 30."""


def keep_what_is_loaded() -> None:
    """Spare the garbage collector what a process has loaded until it is ready, for good.

    The SDKs are some hundred thousand objects that never go. Looking through them again and again took a
    seventh of a worker's processor time in a burst.
    """
    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)


@contextlib.asynccontextmanager
async def stop_signal() -> AsyncIterator[asyncio.Event]:
    """An event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


@contextlib.asynccontextmanager
async def hangup_signal() -> AsyncIterator[asyncio.Event]:
    """An event that SIGHUP sets: somebody wants files to be read anew."""
    hangup = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, hangup.set)
    try:
        yield hangup
    finally:
        loop.remove_signal_handler(signal.SIGHUP)


async def run_until(stop: asyncio.Event, *jobs: Coroutine[Any, Any, None]) -> None:
    """Run jobs side by side until ``stop`` is set or one of them fails, then cancel them.

    Raises:
        BaseExceptionGroup: what a job raised; the process must not live on without it.
    """
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(job) for job in jobs]
        group.create_task(_cancel_after(stop, tasks))


async def _cancel_after(stop: asyncio.Event, tasks: list[asyncio.Task[None]]) -> None:
    await stop.wait()
    for task in tasks:
        task.cancel()


def leave_if_cancelled() -> None:
    """Raise a cancellation that something awaited has kept to itself; for loops that would go on otherwise.

    Python 3.11's ``asyncio.wait_for`` does when it comes at the same moment as the result, and the Redis
    client waits so: a process that was asked to stop right when it was ready waited for its loops for ever.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
