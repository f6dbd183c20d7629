"""A loopback TCP proxy before Redis: it delays the answers and counts the round trips."""

import asyncio
import re
from typing import cast

LOOPBACK = "127.0.0.1"
_QUIET = re.compile(rb"\*\d+\r\n\$\d+\r\n(?:hello|client|select|ping|auth)\r\n", re.IGNORECASE)
"""Beginnings of what a connection says to set itself up, or to see whether it lives: not counted."""


class RedisProxy:
    """Forwards to a Redis on loopback.

    Args:
        port: where the Redis listens.

    Attributes:
        delay_ms: added to every round trip.
        round_trips: requests that were followed by an answer; a pipeline is one.
    """

    def __init__(self, port: int) -> None:
        self._upstream = port
        self._server: asyncio.Server | None = None
        self.delay_ms = 0.0
        self.round_trips = 0
        self.commands: dict[str, int] = {}

    async def start(self) -> int:
        """Listen; answers the port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Client(self, self._upstream), LOOPBACK, 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Take no more connections; those there are end with their clients."""
        if self._server is not None:
            self._server.close()

    def count(self, data: bytes) -> None:
        """A request begins a round trip."""
        if _QUIET.match(data):
            return
        self.round_trips += 1
        name = data.split(b"\r\n", 3)[2].decode(errors="replace").upper() if data[:1] == b"*" else "?"
        self.commands[name] = self.commands.get(name, 0) + 1


class _Client(asyncio.Protocol):
    """The side of the client."""

    def __init__(self, proxy: RedisProxy, upstream: int) -> None:
        self._proxy = proxy
        self._upstream_port = upstream
        self._early: list[bytes] = []
        self._upstream: asyncio.Transport | None = None
        self._connecting: asyncio.Task[None] | None = None
        self.waiting = False
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            transport, _ = await loop.create_connection(
                lambda: _Upstream(self._proxy, self), LOOPBACK, self._upstream_port
            )
        except OSError:
            self.transport.close()
            return
        self._upstream = transport
        for data in self._early:
            transport.write(data)

    def data_received(self, data: bytes) -> None:
        if not self.waiting:
            self.waiting = True
            self._proxy.count(data)
        if self._upstream is None:
            self._early.append(data)
        else:
            self._upstream.write(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        if self._upstream is not None:
            self._upstream.close()


class _Upstream(asyncio.Protocol):
    """The side of Redis."""

    def __init__(self, proxy: RedisProxy, client: _Client) -> None:
        self._proxy = proxy
        self._client = client
        self._loop = asyncio.get_running_loop()

    def data_received(self, data: bytes) -> None:
        if self._proxy.delay_ms:
            self._loop.call_later(self._proxy.delay_ms / 1000, self._answer, data)
        else:
            self._answer(data)

    def _answer(self, data: bytes) -> None:
        self._client.waiting = False
        self._client.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._client.transport.close()
