"""When nobody comes any more for now: a burst's requests go out together, and a lone one waits for nobody.

A fixed time would be too long for an event loop that has nothing else to do, and too short for one whose
turns take longer than it.
"""

import asyncio
from collections.abc import Callable

QUIET_TURNS = 8
"""Turns of the event loop in a row in which nobody came: 0.1 ms when there is nothing else to do."""


def after_lull(then: Callable[[], None], waiting: Callable[[], int], *, within_s: float) -> None:
    """Call ``then`` in a lull, or after so many seconds in any case.

    Args:
        then: what is called, once.
        waiting: how many have come by now.
        within_s: the longest that the first of them waits, but for what keeps the event loop busy.
    """
    loop = asyncio.get_running_loop()
    loop.call_soon(_look, then, waiting, loop.time() + within_s, 0, waiting())


def _look(
    then: Callable[[], None], waiting: Callable[[], int], until: float, quiet: int, before: int
) -> None:
    loop, now = asyncio.get_running_loop(), waiting()
    quiet = quiet + 1 if now == before else 0
    if quiet == QUIET_TURNS or loop.time() >= until:
        then()
    else:
        loop.call_soon(_look, then, waiting, until, quiet, now)
