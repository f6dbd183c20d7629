"""Faults on demand for a stand-in that speaks HTTP: throttle, fail, slow down, cut off."""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable
from typing import Any, Literal
from urllib.parse import unquote_plus

from aiohttp import web
from pydantic import BaseModel, ConfigDict

FAULT = web.RequestKey("fault", dict[str, Any])
"""The fault that was applied to a request, for the stand-in's record."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Fault(BaseModel):
    """One fault. The first that matches a request is applied.

    Attributes:
        path: regular expression, searched in the request's path and query; the default matches all.
        method: HTTP method, or ``*``.
        body: text that the request's body must hold, such as a VM's name: the only thing that tells requests
            to one path apart when other work goes on beside it. The default matches all.
        status: answer with this instead of doing the work; 0 does the work.
        retry_after_s: sent as ``Retry-After`` with ``status``.
        delay_ms: wait this long first.
        drop: cut the connection ``before`` the work or ``after`` it (done, but the caller never learns).
        times: how many requests it applies to; ``None`` until it is removed.
        probability: chance that it applies to a request that matches.
    """

    model_config = ConfigDict(extra="forbid")

    path: str = ""
    method: str = "*"
    body: str = ""
    status: int = 0
    retry_after_s: float | None = None
    delay_ms: float = 0
    drop: Literal["", "before", "after"] = ""
    times: int | None = None
    probability: float = 1.0


class Faults:
    """The faults in force, and the middleware that applies them. Control paths (``/_…``) are never hit.

    Args:
        refusal: makes the stand-in's own error body for a status, such as ARM's or Slack's.
    """

    def __init__(self, refusal: Callable[[int], Any], *, seed: int | None = None) -> None:
        self._refusal = refusal
        self._faults: list[Fault] = []
        self._random = random.Random(seed)

    def put(self, *faults: Fault) -> None:
        """Replace all faults by these."""
        self._faults = list(faults)

    async def take(self, request: web.Request) -> Fault | None:
        """The fault for this request, counted down, or ``None``."""
        # Read before the list is looked through: other requests may count faults down while a body arrives.
        body = await self._body(request) if any(fault.body for fault in self._faults) else ""
        for fault in self._faults:
            if fault.method not in ("*", request.method) or not re.search(fault.path, request.path_qs):
                continue
            if fault.body not in body:
                continue
            if fault.probability < 1 and self._random.random() >= fault.probability:
                continue
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    self._faults.remove(fault)
            return fault
        return None

    @staticmethod
    async def _body(request: web.Request) -> str:
        """The body as text; a form's values as they were before encoding. Handlers can read it again."""
        return unquote_plus((await request.read()).decode(errors="replace"))

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Apply the fault of this request, if any, around its handler."""
        fault = None if request.path.startswith("/_") else await self.take(request)
        if fault is None:
            return await handler(request)
        request[FAULT] = fault.model_dump(exclude_defaults=True)
        if fault.delay_ms:
            await asyncio.sleep(fault.delay_ms / 1000)
        if fault.drop == "before":
            return self._cut(request)
        if fault.status:
            headers = {} if fault.retry_after_s is None else {"Retry-After": f"{fault.retry_after_s:g}"}
            return web.json_response(self._refusal(fault.status), status=fault.status, headers=headers)
        response = await handler(request)
        return self._cut(request) if fault.drop == "after" else response

    @staticmethod
    def _cut(request: web.Request) -> web.StreamResponse:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=599, text="cut by a fault; the caller never sees this")

    def routes(self) -> list[web.RouteDef]:
        """``GET /_faults`` and ``PUT /_faults`` (a JSON list that replaces all of them)."""
        return [web.get("/_faults", self._get), web.put("/_faults", self._put)]

    async def _get(self, _request: web.Request) -> web.Response:
        return web.json_response([f.model_dump() for f in self._faults])

    async def _put(self, request: web.Request) -> web.Response:
        self.put(*(Fault.model_validate(item) for item in await request.json()))
        return await self._get(request)
