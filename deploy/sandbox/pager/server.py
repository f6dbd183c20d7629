"""Both services that call people: what they take, what they refuse, and which calls are open.

Sources: https://developer.pagerduty.com/docs/events-api-v2/overview/ (202, 400 with what is wrong, 429 to be
tried again; an end of what is not open is taken and ignored) and
https://developer.pagerduty.com/docs/events-api-v2/trigger-events/ (required fields, lengths, severities).
"""

import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

from aiohttp import web

from deploy.sandbox.faults import Faults
from deploy.sandbox.standin import StandIn

ROUTING_KEY = "0123456789abcdef0123456789abcdef"
SECRET = "sandbox-page-secret-of-32-characters"  # noqa: S105 - opens nothing but the stand-in
TOO_OLD_S = 300


class PagerServer(StandIn):
    """A PagerDuty service with one integration, and a receiver of the webhook at ``/hook``.

    Attributes:
        open: dedup keys of PagerDuty's calls that have not ended → their state.
    """

    def __init__(self, *, port: int = 0) -> None:
        self.faults = Faults(lambda status: {"status": str(status)})
        super().__init__("pager", port=port, middlewares=(self.faults.middleware,))
        self.open: dict[str, str] = {}
        self._seen: set[str] = set()
        self.app.add_routes(
            [
                web.post("/v2/enqueue", self._enqueue),
                web.post("/hook", self._hook),
                *self.faults.routes(),
            ]
        )

    async def _enqueue(self, request: web.Request) -> web.Response:
        event = await request.json()
        if errors := list(_errors(event)):
            self.record.add("refused", errors=errors)
            body = {"status": "invalid event", "message": "Event object is invalid", "errors": errors}
            return web.json_response(body, status=400)
        key, action = str(event["dedup_key"]), str(event["event_action"])
        if action == "trigger":
            self.open.setdefault(key, "triggered")
        elif action == "acknowledge" and key in self.open:
            self.open[key] = "acknowledged"
        elif action == "resolve":
            self.open.pop(key, None)
        self.record.add("event", action=action, key=key, payload=event.get("payload"))
        return web.json_response(
            {"status": "success", "message": "Event processed", "dedup_key": key}, status=202
        )

    async def _hook(self, request: web.Request) -> web.Response:
        """As a receiver has to: the signature, the time, and what came before."""
        body = await request.read()
        timestamp = request.headers.get("Startgate-Timestamp", "")
        digest = hmac.new(SECRET.encode(), b"v1:" + timestamp.encode() + b":" + body, "sha256").hexdigest()
        if not hmac.compare_digest(request.headers.get("Startgate-Signature", ""), f"v1={digest}"):
            return web.Response(status=401, text="wrong signature")
        if not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > TOO_OLD_S:
            return web.Response(status=401, text="too old")
        page = json.loads(body)
        self.record.add("page", repeated=page["id"] in self._seen, **page)
        self._seen.add(page["id"])
        return web.Response(status=204)


def _errors(event: dict[str, Any]) -> Iterator[str]:
    if len(str(event.get("routing_key", ""))) != len(ROUTING_KEY):
        yield "Length of 'routing_key' is incorrect (should be 32 characters)"
    if event.get("event_action") not in ("trigger", "acknowledge", "resolve"):
        yield "'event_action' is invalid (must be one of trigger, acknowledge, resolve)"
    if len(str(event.get("dedup_key", ""))) > 255:
        yield "'dedup_key' is too long (maximum is 255 characters)"
    if event.get("event_action") != "trigger":
        return
    payload = event.get("payload") or {}
    for name in ("summary", "source", "severity"):
        if not payload.get(name):
            yield f"'payload.{name}' is missing or blank"
    if payload.get("severity") not in ("critical", "error", "warning", "info"):
        yield "'payload.severity' is invalid (must be one of the following: info, warning, error, critical)"
