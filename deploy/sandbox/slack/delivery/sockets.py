"""Socket Mode: one-time WebSocket addresses, envelopes out, acknowledgements in.

https://docs.slack.dev/apis/events-api/using-socket-mode; ``too_many_websockets`` is from reports, such as
https://github.com/slackapi/node-slack-sdk/issues/1654
"""

import asyncio
import contextlib
import json
import secrets
import time
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

from deploy.sandbox.record import Record
from deploy.sandbox.slack.team.messages import Json

CONNECTIONS_MAX = 10
"""An app's; "each payload may go to any of them"."""
TICKET_LIFE_S = 30.0
GRACE_S = 10.0
"""How long a connection told to go away is kept open, so that acks in flight still arrive."""
HOST = "applink-sandbox-0"


@dataclass(eq=False, slots=True)
class Connection:
    """One WebSocket of the app. A retired one was told to go and gets nothing new."""

    number: int
    socket: web.WebSocketResponse
    request: web.Request
    retired: bool = False


@dataclass(kw_only=True, slots=True)
class Sockets:
    """The app's connections; each payload goes to one of them, in turn.

    Attributes:
        refuse: turn every WebSocket handshake away, though an address was issued.
    """

    app_id: str
    record: Record
    refuse: bool = False
    connections: list[Connection] = field(default_factory=list)
    _tickets: dict[str, float] = field(default_factory=dict)
    _waiting: dict[str, asyncio.Future[Json | None]] = field(default_factory=dict)
    _turn: int = 0
    _numbers: int = 0

    def issue_url(self, base_url: str) -> str:
        """An address good for one connection within 30 seconds."""
        ticket = secrets.token_hex(12)
        self._tickets[ticket] = time.monotonic()
        return f"ws{base_url.removeprefix('http')}/link/?ticket={ticket}&app_id={self.app_id}"

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/link/", self._connect)]

    @property
    def live(self) -> list[Connection]:
        return [c for c in self.connections if not c.retired and not c.socket.closed]

    async def send(self, envelope: Json, timeout_s: float) -> Json | None:
        """Send an envelope to one connection and wait for its acknowledgement, on whichever connection.

        Returns:
            The payload of the acknowledgement, if it has one.

        Raises:
            ConnectionError: nobody is connected.
            TimeoutError: no acknowledgement within ``timeout_s`` seconds.
        """
        envelope_id = envelope["envelope_id"]
        answer: asyncio.Future[Json | None] = asyncio.get_running_loop().create_future()
        self._waiting[envelope_id] = answer
        try:
            async with asyncio.timeout(timeout_s):
                await self._send_to_one(json.dumps(envelope))
                return await answer
        finally:
            self._waiting.pop(envelope_id, None)

    async def _send_to_one(self, text: str) -> None:
        while live := self.live:
            self._turn += 1
            connection = live[self._turn % len(live)]
            with contextlib.suppress(ConnectionError):
                await connection.socket.send_str(text)
                return
            connection.retired = True
        raise ConnectionError("the app has no connection")

    async def disconnect(self, reason: str) -> int:
        """Ask every connection to reconnect, with one of Slack's reasons; returns how many there were."""
        asked = self.live
        for connection in asked:
            await self._retire(connection, reason)
        return len(asked)

    def drop(self) -> int:
        """Cut every TCP connection without a word; returns how many there were."""
        cut = self.connections[:]
        for connection in cut:
            connection.retired = True
            if connection.request.transport is not None:
                connection.request.transport.abort()
        self.record.add("socket", what="dropped", connections=len(cut))
        return len(cut)

    async def close(self) -> None:
        """Close all, as at the end of the process."""
        for connection in self.connections[:]:
            await connection.socket.close()

    async def _retire(self, connection: Connection, reason: str) -> None:
        connection.retired = True
        message = {"type": "disconnect", "reason": reason, "debug_info": {"host": HOST}}
        with contextlib.suppress(ConnectionError):
            await connection.socket.send_str(json.dumps(message))
        self.record.add("socket", what="disconnect", reason=reason, connection=connection.number)
        asyncio.get_running_loop().call_later(GRACE_S, _abort, connection)

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        issued = self._tickets.pop(request.query.get("ticket", ""), None)
        if self.refuse or issued is None or time.monotonic() - issued > TICKET_LIFE_S:
            self.record.add("socket", what="refused", known_ticket=issued is not None)
            return web.Response(status=503 if self.refuse else 404)
        socket = web.WebSocketResponse(timeout=0.2)
        await socket.prepare(request)
        self._numbers += 1
        connection = Connection(self._numbers, socket, request)
        if len(self.live) >= CONNECTIONS_MAX:
            await self._retire(connection, "too_many_websockets")
        else:
            self.connections.append(connection)
            await self._greet(connection)
        try:
            # Pings, the SDK's "sdk-ping-pong:…" among them, are answered by aiohttp while it receives.
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._take(message.data, connection)
        finally:
            if connection in self.connections:
                self.connections.remove(connection)
            self.record.add("socket", what="closed", connection=connection.number)
        return socket

    async def _greet(self, connection: Connection) -> None:
        hello = {
            "type": "hello",
            "num_connections": len(self.live),
            "debug_info": {"host": HOST, "build_number": 1, "approximate_connection_time": 18060},
            "connection_info": {"app_id": self.app_id},
        }
        await connection.socket.send_str(json.dumps(hello))
        self.record.add("socket", what="connected", connection=connection.number, connections=len(self.live))

    def _take(self, text: str, connection: Connection) -> None:
        try:
            ack = json.loads(text)
        except ValueError:
            ack = None
        if not isinstance(ack, dict) or "envelope_id" not in ack:
            self.record.add("refused", what="not an acknowledgement", connection=connection.number)
            return
        answer = self._waiting.get(ack["envelope_id"])
        if answer is None or answer.done():
            self.record.add("late_ack", envelope_id=ack["envelope_id"], connection=connection.number)
            return
        answer.set_result(ack.get("payload"))


def _abort(connection: Connection) -> None:
    if not connection.socket.closed and connection.request.transport is not None:
        connection.request.transport.close()
