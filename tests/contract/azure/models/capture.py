"""Keeps every request to the stand-in with the whole of both bodies."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request and its answer; a body is ``None`` where there is none."""

    method: str
    path: str
    api_version: str
    status: int
    asked: Any
    answered: Any

    @property
    def namespace(self) -> str:
        """The provider, such as ``microsoft.compute``, or ``microsoft.resources``."""
        below = self.path.lower().rpartition("/providers/")[2]
        return below.split("/")[0] if "/providers/" in self.path.lower() else "microsoft.resources"


class Capture:
    """A middleware with a memory."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []

    @web.middleware
    async def middleware(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        asked = await request.read()
        response = await handler(request)
        if not request.path.startswith("/_") and isinstance(response, web.Response):
            self.exchanges.append(
                Exchange(
                    method=request.method,
                    path=request.path,
                    api_version=request.query.get("api-version", ""),
                    status=response.status,
                    asked=json.loads(asked) if asked else None,
                    answered=json.loads(response.body) if isinstance(response.body, bytes) else None,
                )
            )
        return response
