"""Nudges after a write. The write stands without them, and the resync sends those that are lost."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from workers.domain.errors import DependencyAway

log = structlog.get_logger(__name__)

WITHIN_S = 1.5
"""A person is waiting for the answer, and Slack gives up after three seconds."""


async def after_write(about: str, nudge: Callable[[], Awaitable[None]]) -> bool:
    """Nudge if the bus takes it in time. What is written must not look failed because the bus is away.

    Args:
        about: id of what was written, for the log.
        nudge: sends. Its documents have a due time, or wait to be shown, so the resync finds them.

    Returns:
        Whether the bus took it.
    """
    try:
        async with asyncio.timeout(WITHIN_S):
            await nudge()
    except (DependencyAway, TimeoutError) as away:
        log.warning("written, but not nudged; the resync will", about=about, because=str(away) or "timeout")
        return False
    return True
