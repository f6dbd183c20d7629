"""The AMQP side as a whole: connections, and the turn that writes the journal before any answer leaves."""

import asyncio
import ssl

from deploy.sandbox.servicebus import reasons
from deploy.sandbox.servicebus.auth.keys import Keys
from deploy.sandbox.servicebus.faults import BusFaults
from deploy.sandbox.servicebus.journal import NoJournal
from deploy.sandbox.servicebus.limits import Limits
from deploy.sandbox.servicebus.namespace import Namespace
from deploy.sandbox.servicebus.wire.connection import Connection
from deploy.sandbox.servicebus.wire.roles import SessionOwner

TICK_S = 0.002
"""Timers run no more often than this, so that thousands of locks cost one timer."""


class Broker:
    """Serves a namespace to AMQP clients.

    Attributes:
        faults: those in force. Set them by ``apply``, which also does what happens at once.
        limits: the times in force. Set them by ``limit``.
    """

    def __init__(self, namespace: Namespace, journal: NoJournal, keys: Keys, limits: Limits) -> None:
        self.namespace = namespace
        self.keys = keys
        self.faults = BusFaults()
        self.limits = limits
        self._journal = journal
        self._connections: set[SessionOwner] = set()
        self._unwritten: set[SessionOwner] = set()
        self._turn_due = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ms = 0
        self._servers: list[asyncio.Server] = []

    async def start(self, host: str, port: int, *, tls: ssl.SSLContext | None = None) -> int:
        """Listen; returns the port, which is a free one when 0 was asked for. May be called again."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Connection(self), host, port, backlog=512, ssl=tls)
        self._servers.append(server)
        self.wake()
        address: tuple[str, int] = server.sockets[0].getsockname()
        return address[1]

    async def stop(self) -> None:
        """Cut every connection and stop listening; safe to call twice."""
        if not self._servers:
            return
        for server in self._servers:
            server.close()
        self.cut_all()
        for server in self._servers:
            await server.wait_closed()
        self._servers.clear()
        if self._timer is not None:
            self._timer.cancel()
        self._journal.close()

    def opened(self, connection: SessionOwner) -> None:
        """A connection is there; faults may refuse it, or let it fall silent."""
        if self.faults.refuse_connections:
            connection.cut()
            return
        self._connections.add(connection)
        if self.faults.silent:
            connection.fall_silent()

    def closed(self, connection: SessionOwner) -> None:
        """A connection is gone."""
        self._connections.discard(connection)
        self._unwritten.discard(connection)

    def cut_all(self) -> None:
        """Cut every connection without a word, as a network does."""
        for connection in list(self._connections):
            connection.cut()

    def apply(self, faults: BusFaults) -> None:
        """Put faults in force in place of all others, and do what happens at once."""
        self.faults = faults
        if faults.drop_connections:
            self.cut_all()
        for connection in list(self._connections):
            if faults.silent:
                connection.fall_silent()
            if faults.expire_tokens:
                connection.claims.expire()
                connection.watch()
            for link in connection.links():
                if faults.disables(link.entity):
                    link.detach(reasons.disabled(link.entity))
                elif faults.detach:
                    link.detach(reasons.link_idle(link.name, link.origin, self.limits.link_idle_s))
            if faults.close:
                unused = reasons.connection_unused(self.limits.links_gone_s)
                connection.close(unused if faults.close == "unused" else reasons.connection_forced())
        faults.happened()
        self.wake()

    def limit(self, limits: Limits) -> None:
        """Put other times in force, also for the connections that are there."""
        self.limits = limits
        for connection in list(self._connections):
            connection.watch()

    def wake(self, connection: SessionOwner | None = None) -> None:
        """Something changed, or this connection has something to write: take a turn soon.

        One turn serves everything that happens in the same pass of the event loop.
        """
        if connection is not None:
            self._unwritten.add(connection)
        if not self._turn_due:
            self._turn_due = True
            asyncio.get_running_loop().call_soon(self._turn)

    async def settled(self) -> None:
        """Return when what was done is in the journal: for answers that do not leave by a connection."""
        self.wake()
        await asyncio.sleep(0)

    def _turn(self) -> None:
        self._turn_due = False
        self.namespace.pump()
        self._journal.flush()
        unwritten, self._unwritten = self._unwritten, set()
        for connection in unwritten:
            connection.write_out()
        self._set_timer()

    def _set_timer(self) -> None:
        due = self.namespace.next_due_ms()
        if due is None or (self._timer is not None and self._timer_ms <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_ms = due
        delay = max(TICK_S, (due - self.namespace.clock()) / 1000)
        self._timer = asyncio.get_running_loop().call_later(delay, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self.namespace.tick()
        self.wake()
