"""What the parts of the AMQP side need of the part they belong to, and it of them.

A broker has connections, a connection has sessions, a session has links. Imports run in that direction only:
a part knows its owner by the protocol here, and never imports it.
"""

from typing import NamedTuple, Protocol

from deploy.sandbox.servicebus.amqp.frames import AmqpError
from deploy.sandbox.servicebus.auth.claims import Claims
from deploy.sandbox.servicebus.auth.keys import Keys
from deploy.sandbox.servicebus.faults import BusFaults
from deploy.sandbox.servicebus.limits import Limits
from deploy.sandbox.servicebus.namespace import Address, Namespace
from deploy.sandbox.servicebus.queues import Queue
from deploy.sandbox.servicebus.wire.replies import Reply, Request


class ConnectionOwner(Protocol):
    """The broker, as a connection sees it."""

    namespace: Namespace
    keys: Keys
    faults: BusFaults
    limits: Limits

    def opened(self, connection: "SessionOwner") -> None:
        """A connection is there; faults may refuse it, or let it fall silent."""

    def closed(self, connection: "SessionOwner") -> None:
        """A connection is gone."""

    def wake(self, connection: "SessionOwner | None" = None) -> None:
        """Something changed, or this connection has something to write: take a turn soon."""


class SessionOwner(Protocol):
    """A connection, as its sessions and its broker see it."""

    claims: Claims
    max_frame: int
    paused: bool

    @property
    def broker(self) -> ConnectionOwner:
        """Whom it belongs to."""

    def send(self, data: bytes) -> None:
        """Send at the end of this turn."""

    def send_late(self, data: bytes) -> None:
        """Send an answer or a delivery: later, while the faults say so, but always in order."""

    def write_out(self) -> None:
        """Write what was gathered, in one go. Only the broker's turn calls this."""

    def changed(self) -> None:
        """A link was attached or is about to go, or a token was put."""

    def links(self) -> "list[LinkView]":
        """All links to an entity, over all sessions: the pair to ``$cbs`` is not among them."""

    def close(self, error: AmqpError) -> None:
        """Close it, and say why."""

    def cut(self) -> None:
        """Drop it without a word."""

    def fall_silent(self) -> None:
        """Hear nothing and say nothing from now on, but keep TCP open."""

    def watch(self) -> None:
        """Do what is due by the limits and the claims of now."""


class LinkView(Protocol):
    """A link, as those see it who detach it."""

    name: str
    entity: str
    rights: tuple[str, ...]
    """``listen`` or ``send``, as one of these it needs."""
    origin: str
    """``sender`` or ``receiver`` from the client's side, or ``management``."""
    used_at: float
    """When something last happened on it, by the event loop's clock."""
    attached: bool

    def detach(self, error: AmqpError) -> None:
        """Detach it, and say why."""


class ReplyLink(Protocol):
    """A link on which the client waits for a node's answers."""

    def put(self, request: Request, reply: Reply) -> None:
        """Send the reply, or keep it until there is credit."""


class Delivered(NamedTuple):
    """A delivery that waits to be settled: the queue, the token of its lock, and the link it went over."""

    queue: Queue
    token: bytes
    link: LinkView


class LinkOwner(Protocol):
    """A session, as its links see it."""

    channel: int
    unsettled: dict[int, Delivered]

    @property
    def connection(self) -> SessionOwner:
        """Whom it belongs to."""

    @property
    def open(self) -> bool:
        """Whether the client takes another transfer, and the network another write."""

    def send_flow(self, handle: int, *, delivery_count: int, credit: int, drain: bool = False) -> None:
        """Tell the client the state of a link, and grant the session's window anew."""

    def send_message(self, handle: int, tag: bytes, message: bytes, *, settled: bool) -> int:
        """Send a message in as many transfers as it takes; returns its delivery id."""

    def replies_for(self, address: Address) -> ReplyLink | None:
        """The link on which the client waits for answers from a node."""

    def detach(self, handle: int, error: AmqpError) -> None:
        """Detach the link of this handle, and say why."""
