"""What a stand-in was asked, in order: the evidence a test reads back, and the page shows live."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

KEEP = 50_000
"""Entries kept in memory; the oldest go first, so a long-running sandbox does not grow without bound."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One thing that happened.

    Attributes:
        seq: 1, 2, 3 … in this process.
        at_ms: Unix time in milliseconds.
        kind: what happened, in a word or two, such as ``request`` or ``enqueued``.
        data: JSON-ready details.
    """

    seq: int
    at_ms: float
    kind: str
    data: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {"seq": self.seq, "at_ms": self.at_ms, "kind": self.kind, **self.data}


class Record:
    """An append-only list of entries with readers that wait for the next one."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._last = 0
        self._grown = asyncio.Event()

    def add(self, kind: str, **data: Any) -> Entry:
        """Append; call it on the event loop. Wakes every reader."""
        self._last += 1
        entry = Entry(seq=self._last, at_ms=round(time.time() * 1000, 3), kind=kind, data=data)
        self._entries.append(entry)
        if len(self._entries) > KEEP:
            del self._entries[: KEEP // 10]
        self._grown.set()
        self._grown = asyncio.Event()
        return entry

    def since(self, seq: int = 0, kind: str | None = None) -> list[Entry]:
        """Entries with a higher ``seq``, of one kind if given."""
        if not self._entries or seq >= self._last:
            return []
        start = max(0, seq - self._entries[0].seq + 1)
        return [e for e in self._entries[start:] if kind is None or e.kind == kind]

    async def follow(self, seq: int = 0) -> AsyncIterator[Entry]:
        """Entries after ``seq``, then each new one as it comes, for ever."""
        while True:
            for entry in self.since(seq):
                seq = entry.seq
                yield entry
            await self._grown.wait()

    def routes(self) -> list[web.RouteDef]:
        """``GET /_record?since=&kind=`` (JSON) and ``GET /_record/stream?since=`` (server-sent events)."""
        return [web.get("/_record", self._list), web.get("/_record/stream", self._stream)]

    async def _list(self, request: web.Request) -> web.Response:
        since = int(request.query.get("since", "0"))
        return web.json_response([e.as_json() for e in self.since(since, request.query.get("kind"))])

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        await response.prepare(request)
        since = int(request.headers.get("Last-Event-ID", request.query.get("since", "0")))
        async for entry in self.follow(since):
            text = json.dumps(entry.as_json(), separators=(",", ":"))
            await response.write(f"id: {entry.seq}\ndata: {text}\n\n".encode())
        return response
