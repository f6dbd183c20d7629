"""What a person does on the page, passed on to the stand-in that it concerns."""

import json
from collections.abc import Mapping
from typing import Any

import aiohttp
from aiohttp import web

from deploy.sandbox.system import System

ROUTES: Mapping[tuple[str, str], tuple[str, str]] = {
    ("azure", "start"): ("POST", "/_vm/start"),
    ("azure", "start-many"): ("POST", "/_vm/start-many"),
    ("azure", "stop"): ("POST", "/_vm/stop"),
    ("azure", "create"): ("POST", "/_vm"),
    ("azure", "delete"): ("DELETE", "/_vm"),
    ("azure", "nic"): ("PUT", "/_nic"),
    ("azure", "speed"): ("PUT", "/_speed"),
    **{
        ("slack", act): ("POST", f"/_act/{act}")
        for act in ("click", "view-action", "submit", "close", "options", "command", "message", "home")
    },
}
"""Nothing else of a stand-in can be reached through the page."""


class Acts:
    """``POST /api/act/{where}/{act}``: the body goes to the stand-in as it is, the answer comes back."""

    def __init__(self, system: System, session: aiohttp.ClientSession) -> None:
        self._system = system
        self._session = session

    async def handle(self, request: web.Request) -> web.Response:
        """Pass an act on."""
        where, act = request.match_info["where"], request.match_info["act"]
        route = ROUTES.get((where, act))
        if route is None:
            return web.json_response({"error": f"there is no act {act!r} in {where!r}"}, status=404)
        method, path = route
        url = self._system.azure_url if where == "azure" else self._system.slack_url
        body = await request.json()
        try:
            async with self._session.request(method, f"{url}{path}", json=body) as response:
                return web.json_response(_readable(await response.read()), status=response.status)
        except (aiohttp.ClientError, OSError) as error:
            return web.json_response({"error": f"{where} does not answer: {error}"}, status=502)


def _readable(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return {"error": body.decode(errors="replace")[:500]}
