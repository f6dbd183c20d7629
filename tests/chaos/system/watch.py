"""Follows the record of a stand-in, so that nobody has to read all of it again and again."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import aiohttp

from deploy.sandbox.client import Control, ControlError

Entry = dict[str, Any]
EVERY_S = 0.05


class Watch:
    """All entries so far; ``entries`` grows and is never cut, so an index into it is a moment."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._seq = 0
        self._turn = asyncio.Lock()
        self.entries: list[Entry] = []

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await self.look()
            await asyncio.sleep(EVERY_S)

    async def look(self) -> None:
        """Take what is new; a stand-in that is away has nothing."""
        async with self._turn:
            try:
                fresh = await self._control.record(self._seq)
            except (aiohttp.ClientError, ControlError, OSError):
                return
            if fresh:
                self._seq = int(fresh[-1]["seq"])
                self.entries += fresh

    def restarted(self) -> None:
        """Its record begins anew."""
        self._seq = 0

    @property
    def mark(self) -> int:
        """This moment."""
        return len(self.entries)

    def since(self, mark: int, kind: str = "") -> list[Entry]:
        """Entries since a moment, of one kind if given."""
        return [entry for entry in self.entries[mark:] if not kind or entry["kind"] == kind]

    async def until(self, matches: Callable[[Entry], object], *, since: int, within_s: float) -> Entry | None:
        """The first entry that matches; ``None`` if there is none in time."""
        deadline = time.monotonic() + within_s
        seen = since
        while True:
            while seen < len(self.entries):
                entry = self.entries[seen]
                seen += 1
                if matches(entry):
                    return entry
            if time.monotonic() > deadline:
                return None
            await asyncio.sleep(EVERY_S)
