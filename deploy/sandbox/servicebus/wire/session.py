"""One session: its links by handle, its windows, and the deliveries that wait to be settled."""

import asyncio
from typing import TYPE_CHECKING

from deploy.sandbox.servicebus import reasons
from deploy.sandbox.servicebus.amqp.frames import (
    AmqpError,
    Attach,
    Begin,
    Detach,
    Disposition,
    Flow,
    Performative,
    Transfer,
    delivery,
    frame,
)
from deploy.sandbox.servicebus.namespace import CBS, MANAGEMENT, Address, parse_address
from deploy.sandbox.servicebus.wire.cbs import TokenNode
from deploy.sandbox.servicebus.wire.ends import address_of, raw_ends, wants_session
from deploy.sandbox.servicebus.wire.links import MAX_MESSAGE, Link, Receiver, Replies, Requests, Sender, Terms
from deploy.sandbox.servicebus.wire.management import Management
from deploy.sandbox.servicebus.wire.replies import Reply, Request
from deploy.sandbox.servicebus.wire.roles import Delivered, SessionOwner
from deploy.sandbox.servicebus.wire.settling import settle

if TYPE_CHECKING:
    from deploy.sandbox.servicebus.queues import Queue

WINDOW = 5_000
"""Transfers the client may have in flight; granted anew with every flow."""


class Session:
    """Answers the frames of one channel."""

    def __init__(self, connection: SessionOwner, channel: int, begin: Begin) -> None:
        self.connection = connection
        self.channel = channel
        self.unsettled: dict[int, Delivered] = {}
        self._links: dict[int, Link] = {}
        self._ended: set[int] = set()
        self._next_incoming = begin.next_outgoing_id
        self._next_outgoing = 0
        self._next_delivery = 0
        self._peer_window = begin.incoming_window
        self._clock = asyncio.get_running_loop().time

    def reply(self) -> Begin:
        """The begin that answers the client's."""
        return Begin(self.channel, 0, WINDOW, WINDOW, 255)

    def drop(self) -> None:
        """The session is over: no link of it receives any more."""
        for link in self._links.values():
            link.attached = False
            link.drop()
        self._links.clear()

    def on_frame(self, performative: Performative, body: bytes, end: int) -> None:
        """Answer one frame; ``end`` is where its payload starts.

        Raises:
            AmqpError: the client broke a rule, and its connection must be closed.
            DecodeError: the same, within a value.
        """
        if isinstance(performative, Transfer):
            self._next_incoming += 1
            if (link := self._link(performative.handle)) is not None:
                link.use()
                link.on_transfer(performative, body[end:])
        elif isinstance(performative, Disposition):
            if performative.role:
                self._use_links_of(performative)
                settle(self, performative)
        elif isinstance(performative, Flow):
            self._flow(performative)
        elif isinstance(performative, Attach):
            self._attach(performative, body)
        elif isinstance(performative, Detach):
            self._detach(performative)
        else:
            raise AmqpError("amqp:not-allowed", f"{type(performative).__name__} does not belong in a session")

    # -- for the links -----------------------------------------------------------------------------

    @property
    def open(self) -> bool:
        """Whether the client takes another transfer, and the network another write."""
        return self._peer_window > 0 and not self.connection.paused

    def send_flow(self, handle: int, *, delivery_count: int, credit: int, drain: bool = False) -> None:
        """Tell the client the state of a link, and grant the session's window anew."""
        self.connection.send(
            frame(
                self.channel,
                Flow(
                    self._next_incoming,
                    WINDOW,
                    self._next_outgoing,
                    WINDOW,
                    handle,
                    delivery_count,
                    credit,
                    drain=drain or None,
                ),
            )
        )

    def send_message(self, handle: int, tag: bytes, message: bytes, *, settled: bool) -> int:
        """Send a message in as many transfers as it takes; returns its delivery id."""
        delivery_id = self._next_delivery
        self._next_delivery += 1
        room = self.connection.max_frame - 64
        if len(message) <= room:
            head = delivery(self.channel, handle, delivery_id, tag, settled=settled, size=len(message))
            self.connection.send_late(head + message)
            transfers = 1
        else:
            parts = [message[at : at + room] for at in range(0, len(message), room)]
            transfers = len(parts)
            for index, part in enumerate(parts):
                more = index < transfers - 1
                transfer = Transfer(handle, delivery_id, tag, 0, settled, more)
                self.connection.send_late(frame(self.channel, transfer, part))
        self._next_outgoing += transfers
        self._peer_window -= transfers
        return delivery_id

    def replies_for(self, address: Address) -> Replies | None:
        """The link on which the client waits for answers from a node."""
        for link in self._links.values():
            if isinstance(link, Replies) and link.address == address:
                return link
        return None

    # -- for the connection ------------------------------------------------------------------------

    def links(self) -> list[Link]:
        """The links to an entity; the pair to ``$cbs`` is not among them."""
        return [link for link in self._links.values() if link.address.node != CBS]

    def ask_for_echo(self) -> None:
        """Tell the client the session's windows, and ask for its own (AMQP 1.0, part 2, section 2.7.4)."""
        flow = Flow(self._next_incoming, WINDOW, self._next_outgoing, WINDOW, echo=True)
        self.connection.send(frame(self.channel, flow))

    def detach(self, handle: int, error: AmqpError) -> None:
        """Detach the link of this handle, and say why; the faults say what becomes of its locks."""
        self.connection.changed()
        link = self._links.pop(handle)
        self._ended.add(handle)
        link.attached = False
        link.drop()
        if self.connection.broker.faults.locks_end_with_link:
            for delivered in self.unsettled.values():
                if delivered.link is link:
                    delivered.queue.end_lock(delivered.token)
        self.connection.send(frame(self.channel, Detach(handle, closed=True, error=error.wire())))

    # -- frames ------------------------------------------------------------------------------------

    def _link(self, handle: int) -> Link | None:
        """The link of a handle; none when it was detached and the client can't know yet.

        What it sent before it heard of that is discarded (AMQP 1.0, part 2, section 2.6.4).
        """
        link = self._links.get(handle)
        if link is None and handle not in self._ended:
            raise AmqpError("amqp:session:unattached-handle", f"no link is attached to handle {handle}")
        return link

    def _flow(self, flow: Flow) -> None:
        seen = self._next_outgoing if flow.next_incoming_id is None else flow.next_incoming_id
        self._peer_window = seen + flow.incoming_window - self._next_outgoing
        if flow.handle is not None and (link := self._link(flow.handle)) is not None:
            link.use()
            link.on_flow(flow)
        self.connection.broker.wake()

    def _detach(self, detach: Detach) -> None:
        self._ended.discard(detach.handle)
        self.connection.changed()
        link = self._links.pop(detach.handle, None)
        if link is not None:
            link.attached = False
            link.drop()
            self.connection.send(frame(self.channel, Detach(detach.handle, closed=detach.closed)))

    def _attach(self, attach: Attach, body: bytes) -> None:
        if attach.handle in self._links:
            raise AmqpError("amqp:session:handle-in-use", f"handle {attach.handle} is in use")
        source, target = raw_ends(body)
        reply = attach._replace(
            role=not attach.role,
            source=source,
            target=target,
            unsettled=None,
            incomplete_unsettled=None,
            initial_delivery_count=0 if attach.role else None,
            max_message_size=MAX_MESSAGE,
            offered_capabilities=None,
            desired_capabilities=None,
            properties=None,
        )
        try:
            link = self._make_link(attach)
        except AmqpError as error:
            # The client takes a refusal only in this form: an attach without ends, then a closing detach.
            self._ended.add(attach.handle)
            self.connection.send(frame(self.channel, reply._replace(source=None, target=None)))
            self.connection.send(frame(self.channel, Detach(attach.handle, closed=True, error=error.wire())))
            return
        self._links[attach.handle] = link
        self._ended.discard(attach.handle)
        self.connection.send(frame(self.channel, reply))
        self.connection.changed()
        link.start()

    def _make_link(self, attach: Attach) -> Link:
        address = parse_address(address_of(attach.source if attach.role else attach.target))
        rights: tuple[str, ...] = ("listen",) if attach.role else ("send",)
        if address.node == MANAGEMENT:  # which looks at the right for each operation
            rights = ("listen", "send")
        terms = Terms(attach.handle, attach.name, address, rights)
        broker, claims = self.connection.broker, self.connection.claims
        if address.node == CBS:
            if attach.role:
                return Replies(self, terms)
            return Requests(self, terms, self._put_token)
        queue = self._queue_for(terms)
        if address.node == MANAGEMENT:
            if attach.role:
                return Replies(self, terms)
            management = Management(
                queue,
                refusal=lambda: broker.faults.refusal(address.entity),
                allowed=lambda right: claims.allow(address.entity, right),
            )
            return Requests(self, terms, management)
        if attach.role:
            if wants_session(attach.source):
                raise AmqpError("amqp:not-allowed", f"'{address.entity}' does not have sessions")
            return Receiver(self, terms, queue, deletes=attach.snd_settle_mode == 1)
        if queue.dead_letters is None:
            raise AmqpError("amqp:not-allowed", "messages cannot be sent to a dead-letter queue")
        return Sender(self, terms, queue)

    def _put_token(self, request: Request) -> Reply:
        broker = self.connection.broker
        reply = TokenNode(self.connection.claims, broker.keys, broker.namespace)(request)
        self.connection.changed()
        return reply

    def _queue_for(self, terms: Terms) -> "Queue":
        """The queue that a link is for.

        Raises:
            AmqpError: no token gives the right to it, there is none, or it takes no links now.
        """
        entity, claims = terms.address.entity, self.connection.claims
        if not claims.allow(entity, *terms.rights):
            if claims.name(entity):
                raise reasons.unauthorized(entity, terms.rights[0])
            raise AmqpError("amqp:unauthorized-access", f"no token for '{entity}' was put on this connection")
        queue = self.connection.broker.namespace.queues.get(entity)
        if queue is None:
            raise reasons.not_found(entity)
        if (refusal := self.connection.broker.faults.refusal(entity)) is not None:
            raise refusal
        return queue

    def _use_links_of(self, disposition: Disposition) -> None:
        """Settling uses a link too. The first delivery stands for all: they came over one link."""
        if (delivered := self.unsettled.get(disposition.first)) is not None and delivered.link.attached:
            delivered.link.used_at = self._clock()
