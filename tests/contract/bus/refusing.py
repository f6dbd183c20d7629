"""Makes the stand-in refuse or fall silent as the service does."""

from collections.abc import Iterator
from typing import Any

import pytest

from deploy.sandbox.servicebus import session
from deploy.sandbox.servicebus.codec import Int
from deploy.sandbox.servicebus.connection import Connection
from deploy.sandbox.servicebus.frames import AmqpError, Attach, Detach, frame
from deploy.sandbox.servicebus.links import Link, Replies, Requests
from deploy.sandbox.servicebus.replies import Reply
from deploy.sandbox.servicebus.server import BusServer

IDLE = AmqpError(
    "amqp:link:detach-forced",
    "The link is force detached by the broker due to inactivity. Detach origin: AmqpLinkSource.Idle.",
)
"""Source: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-troubleshoot"""
DISABLED = AmqpError(
    "com.microsoft:entity-disabled", "Messaging entity is currently disabled. To know more visit aka.ms/sbDis"
)
NO_RIGHT = AmqpError("amqp:unauthorized-access", "Unauthorized access. 'Send' claim(s) are required.")


def sessions(server: BusServer) -> Iterator[session.Session]:
    for connection in list(server.broker._connections):
        yield from connection._sessions.values()


def detach_management(server: BusServer) -> int:
    """As after ten idle minutes; answers how many links that were."""
    count = 0
    for each in sessions(server):
        for handle, link in list(each._links.items()):
            if isinstance(link, (Requests, Replies)) and "cbs" not in str(_node(link)):
                del each._links[handle]
                link.drop()
                each.connection.send(frame(each.channel, Detach(handle, closed=True, error=IDLE.wire())))
                count += 1
    return count


def _node(link: Requests | Replies) -> object:
    return link.address if isinstance(link, Replies) else link._address


def silence(server: BusServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections of now stay up, but say and hear nothing any more."""
    silent = set(server.broker._connections)
    write, hear = Connection.write_out, Connection.data_received

    def write_out(self: Connection) -> None:
        if self in silent:
            self._out.clear()
        else:
            write(self)

    def data_received(self: Connection, data: bytes) -> None:
        if self not in silent:
            hear(self, data)

    monkeypatch.setattr(Connection, "write_out", write_out)
    monkeypatch.setattr(Connection, "data_received", data_received)


def refuse_links(monkeypatch: pytest.MonkeyPatch, error: AmqpError) -> None:
    """Every link to a queue is refused so from now on; tokens are taken."""
    make = session.Session._make_link

    def make_link(self: session.Session, attach: Attach) -> Link:
        link = make(self, attach)
        if isinstance(link, (Requests, Replies)) and "cbs" in str(_node(link)):
            return link
        raise error

    monkeypatch.setattr(session.Session, "_make_link", make_link)


def refuse_tokens(monkeypatch: pytest.MonkeyPatch, status: int, description: str) -> None:
    """Every put-token is answered so from now on."""

    def put_token(*_: Any) -> Reply:
        return Reply({"status-code": Int(status), "status-description": description})

    monkeypatch.setattr(session, "put_token", put_token)
