"""Follows what a stand-in records, over its own stream, through restarts of either side."""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import aiohttp

KEPT = 50_000
"""Entries kept for the details of a start, as many as a stand-in keeps itself."""
AGAIN_S = 0.3

Entry = dict[str, Any]


class Tail:
    """The record of one stand-in, as it grows.

    Args:
        url: where the stand-in is now; asked again for each connection.
        came: told of each new entry.
        connected: told whenever a stream begins, since things may have changed in between.
    """

    def __init__(
        self,
        name: str,
        session: aiohttp.ClientSession,
        *,
        url: Callable[[], str],
        came: Callable[[Entry], None],
        connected: Callable[[], None],
    ) -> None:
        self.name = name
        self._session = session
        self._url = url
        self._came = came
        self._connected = connected
        self._entries: deque[Entry] = deque(maxlen=KEPT)

    def between(self, from_ms: float, to_ms: float) -> Iterator[Entry]:
        """Entries of a stretch of time, oldest first."""
        return (entry for entry in self._entries if from_ms <= float(entry["at_ms"]) <= to_ms)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    async def run(self) -> None:
        """Follow for ever; a stand-in that is away is tried again and again."""
        while True:
            with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
                await self._follow()
            await asyncio.sleep(AGAIN_S)

    async def _follow(self) -> None:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=2)
        query = {"since": str(await self._since())}
        async with self._session.get(
            f"{self._url()}/_record/stream", params=query, timeout=timeout
        ) as response:
            response.raise_for_status()
            self._connected()
            buffer = b""
            async for chunk in response.content.iter_any():
                *lines, buffer = (buffer + chunk).split(b"\n")
                for line in lines:
                    if line.startswith(b"data: "):
                        self._take(json.loads(line[6:]))

    async def _since(self) -> int:
        """The last number seen; 0 for a process that has begun to count anew."""
        if not self._entries:
            return 0
        newest = self._entries[-1]
        query = {"since": str(newest["seq"] - 1)}
        async with self._session.get(f"{self._url()}/_record", params=query) as response:
            response.raise_for_status()
            entries = await response.json()
        same = bool(entries) and entries[0]["seq"] == newest["seq"] and entries[0]["at_ms"] == newest["at_ms"]
        return int(newest["seq"]) if same else 0

    def _take(self, entry: Entry) -> None:
        self._entries.append(entry)
        self._came(entry)
