"""Talks to the control side of a stand-in: what a person, a test or the story player does through it."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import aiohttp

PATIENCE_S = 45.0
"""How long anything is waited for that has to happen, and will, however busy the machine is.

Whoever waits goes on as soon as it has happened. How soon that must be is another question, and asked apart.
"""


class ControlError(RuntimeError):
    """The stand-in refused; the text is its answer."""


class NothingCame(TimeoutError):
    """What was waited for did not happen in time; the text names it."""


class Control:
    """One stand-in's HTTP side."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self.url = url

    async def get(self, path: str, **query: str | int) -> Any:
        """GET, as JSON."""
        async with self._session.get(f"{self.url}{path}", params=query) as response:
            return await self._answer(response, path)

    async def post(self, path: str, **body: Any) -> Any:
        """POST with a JSON object, as JSON."""
        async with self._session.post(f"{self.url}{path}", json=body) as response:
            return await self._answer(response, path)

    async def put(self, path: str, body: Any) -> Any:
        """PUT with JSON, as JSON."""
        async with self._session.put(f"{self.url}{path}", json=body) as response:
            return await self._answer(response, path)

    @staticmethod
    async def _answer(response: aiohttp.ClientResponse, path: str) -> Any:
        if response.status >= 400:
            raise ControlError(f"{path}: {response.status} {(await response.text())[:500]}")
        return await response.json()

    async def record(self, since: int = 0, kind: str | None = None) -> list[dict[str, Any]]:
        """Entries of its record."""
        query: dict[str, str | int] = {"since": since} | ({"kind": kind} if kind else {})
        entries: list[dict[str, Any]] = await self.get("/_record", **query)
        return entries

    async def last_seq(self) -> int:
        """The number of its newest entry; 0 if there is none."""
        entries = await self.record()
        return int(entries[-1]["seq"]) if entries else 0

    async def wait_for(
        self,
        what: str,
        matches: Callable[[dict[str, Any]], object],
        *,
        since: int = 0,
        within_s: float = PATIENCE_S,
    ) -> dict[str, Any]:
        """The first entry that matches, now or as soon as it comes.

        Raises:
            NothingCame: naming ``what``.
        """
        deadline = time.monotonic() + within_s
        while True:
            for entry in await self.record(since):
                since = max(since, int(entry["seq"]))
                if matches(entry):
                    return entry
            if time.monotonic() > deadline:
                raise NothingCame(f"{what}: nothing within {within_s:.0f} s")
            await asyncio.sleep(0.01)
