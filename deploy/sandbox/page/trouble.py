"""Trouble on demand: one mode for each service, as a switch somebody can put and take back."""

import contextlib
from collections.abc import Callable
from typing import Any, Literal

import aiohttp
import redis.asyncio as redis
from redis.exceptions import RedisError

from deploy.sandbox.page.board import Board
from deploy.sandbox.page.children import Children
from deploy.sandbox.system import System

TOPIC = "trouble"
Mode = dict[str, Any]

WORKS: Mode = {"key": "works", "title": "Works", "about": "answers as it should"}
_SLOW_MS = 1500
_HTTP: dict[str, tuple[str, str, list[dict[str, Any]]]] = {
    "throttle": ("Throttled", "429 to every call, try again in 2 s", [{"status": 429, "retry_after_s": 2}]),
    "slow": ("Slow", "every answer takes 1.5 s longer", [{"delay_ms": _SLOW_MS}]),
    "fail": ("Failing", "503 to every call", [{"status": 503}]),
    "flaky": ("Flaky", "every other call fails with 500", [{"status": 500, "probability": 0.5}]),
    "cut": ("Cut off", "every connection breaks", [{"drop": "before"}]),
}
_BUS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "slow": ("Slow", "every answer takes 1.5 s longer", {"delay_ms": _SLOW_MS}),
    "cut": ("Cut off", "no connection is taken", {"refuse_connections": True, "drop_connections": True}),
}
_VALKEY = {
    "fail": ("Refusing writes", "says that its memory is full"),
    "cut": ("Hanging", "takes connections and says nothing"),
}
Service = Literal["azure", "slack", "servicebus", "valkey"]


class Trouble:
    """Puts services into a mode, and keeps the board in line."""

    def __init__(
        self,
        board: Board,
        system: System,
        session: aiohttp.ClientSession,
        *,
        client: Callable[[], redis.Redis],
        children: Children,
    ) -> None:
        self._board = board
        self._system = system
        self._session = session
        self._client = client
        self._children = children
        for service, table in (("azure", _HTTP), ("slack", _HTTP), ("servicebus", _BUS), ("valkey", _VALKEY)):
            modes = [
                WORKS,
                *({"key": key, "title": row[0], "about": row[1]} for key, row in table.items()),
            ]
            board.put(TOPIC, service, {"mode": "works", "modes": modes})

    async def put(self, service: str, mode: str) -> None:
        """Put a service into a mode.

        Raises:
            KeyError: no such service or mode.
            OSError: the service does not take it; what it was in stays.
        """
        known = self._board.get(TOPIC, service)
        if known is None or mode not in {m["key"] for m in known["modes"]}:
            raise KeyError(f"there is no mode {mode!r} for {service!r}")
        if service == "valkey":
            await self._valkey(mode)
        elif service == "servicebus":
            await self._put(self._system.bus_url, _BUS[mode][2] if mode != "works" else {})
        else:
            url = self._system.azure_url if service == "azure" else self._system.slack_url
            await self._put(url, _HTTP[mode][2] if mode != "works" else [])
            if service == "slack" and mode == "cut":
                await self._drop_sockets(url)
        self._board.put(TOPIC, service, known | {"mode": mode})

    def forget(self, service: str) -> None:
        """A service that was started anew works again."""
        known = self._board.get(TOPIC, service)
        if known is not None:
            self._board.put(TOPIC, service, known | {"mode": "works"})

    async def _put(self, url: str, faults: Any) -> None:
        async with self._session.put(f"{url}/_faults", json=faults) as response:
            response.raise_for_status()

    async def _drop_sockets(self, url: str) -> None:
        """Socket Mode is a connection that is there already: cut it too."""
        async with self._session.post(f"{url}/_socket", json={"drop": True}) as response:
            response.raise_for_status()

    async def _valkey(self, mode: str) -> None:
        if mode == "cut":
            self._children.hang("valkey", hung=True)
            return
        self._children.hang("valkey", hung=False)
        with contextlib.suppress(RedisError, OSError):
            await self._client().config_set("maxmemory", "1" if mode == "fail" else "0")
