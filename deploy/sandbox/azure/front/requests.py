"""What of each request to ARM goes into the record; never the bearer token."""

import json
import time
from typing import Any

from aiohttp import web

from deploy.sandbox.azure.front.arm import CALLER, CORRELATION_ID
from deploy.sandbox.faults import FAULT, Handler
from deploy.sandbox.record import Record

KEEP_BYTES = 8192
"""Of a response body; a longer one is kept as the beginning of its text."""

KEEP_CHARS = 64
"""Of a query parameter: operation URLs carry certificates of some KB."""


def recording(record: Record) -> Any:
    """A middleware that records every request except those to control paths."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith("/_"):
            return await handler(request)
        began = time.perf_counter()
        asked = _json(await request.read())
        response = await handler(request)
        record.add(
            "request",
            method=request.method,
            path=request.path,
            query={key: _short(value) for key, value in request.query.items()},
            status=response.status,
            request=asked,
            response=_json(response.body) if isinstance(response, web.Response) else None,
            duration_ms=round((time.perf_counter() - began) * 1000, 3),
            principal=request.get(CALLER),
            client_request_id=request.headers.get("x-ms-client-request-id"),
            correlation_id=request.get(CORRELATION_ID) or request.headers.get("x-ms-correlation-request-id"),
            if_match=request.headers.get("If-Match"),
            fault=request.get(FAULT),
        )
        return response

    return middleware


def _short(value: str) -> str:
    return value if len(value) <= KEEP_CHARS else f"{value[:KEEP_CHARS]}…"


def _json(raw: Any) -> Any:
    if not isinstance(raw, bytes) or not raw:
        return None
    if len(raw) > KEEP_BYTES:
        return raw[:KEEP_BYTES].decode(errors="replace")
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode(errors="replace")
