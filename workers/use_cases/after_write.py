"""Nudges after a write: the write stands without them, and the resync makes up for those that are lost."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from workers.domain.errors import DependencyAway

log = structlog.get_logger(__name__)

WITHIN_S = 1.5
"""A person waits for the answer meanwhile, and Slack gives up after three seconds."""


async def after_write(about: str, nudge: Callable[[], Awaitable[None]]) -> bool:
    """Nudge, but not at any price: what is on record must not read as failed because the bus is away.

    Args:
        about: id of what was written, for the log.
        nudge: sends; every document it is about has a due time, or waits to be shown.

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
