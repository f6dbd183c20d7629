"""One session: its links by handle, its windows, and the deliveries that wait to be settled."""

import contextlib
from typing import TYPE_CHECKING, Any

from deploy.sandbox.servicebus.cbs import put_token
from deploy.sandbox.servicebus.codec import DecodeError, Described, compound_items, skip
from deploy.sandbox.servicebus.frames import (
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
from deploy.sandbox.servicebus.links import MAX_MESSAGE, Link, Receiver, Replies, Requests, Sender
from deploy.sandbox.servicebus.management import Management
from deploy.sandbox.servicebus.namespace import CBS, MANAGEMENT, Address, parse_address
from deploy.sandbox.servicebus.roles import SessionOwner
from deploy.sandbox.servicebus.settling import settle

if TYPE_CHECKING:
    from deploy.sandbox.servicebus.queues import Queue

WINDOW = 5_000
"""Transfers the client may have in flight; granted anew with every flow."""


class Session:
    """Answers the frames of one channel."""

    def __init__(self, connection: SessionOwner, channel: int, begin: Begin) -> None:
        self.connection = connection
        self.channel = channel
        self.unsettled: dict[int, tuple[Queue, bytes]] = {}
        self._links: dict[int, Link] = {}
        self._next_incoming = begin.next_outgoing_id
        self._next_outgoing = 0
        self._next_delivery = 0
        self._peer_window = begin.incoming_window

    def reply(self) -> Begin:
        """The begin that answers the client's."""
        return Begin(self.channel, 0, WINDOW, WINDOW, 255)

    def drop(self) -> None:
        """The session is over: no link of it receives any more."""
        for link in self._links.values():
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
            self._link(performative.handle).on_transfer(performative, body[end:])
        elif isinstance(performative, Disposition):
            if performative.role:
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

    # -- frames ------------------------------------------------------------------------------------

    def _link(self, handle: int) -> Link:
        link = self._links.get(handle)
        if link is None:
            raise AmqpError("amqp:session:unattached-handle", f"no link is attached to handle {handle}")
        return link

    def _flow(self, flow: Flow) -> None:
        seen = self._next_outgoing if flow.next_incoming_id is None else flow.next_incoming_id
        self._peer_window = seen + flow.incoming_window - self._next_outgoing
        if flow.handle is not None:
            self._link(flow.handle).on_flow(flow)
        self.connection.broker.wake()

    def _detach(self, detach: Detach) -> None:
        link = self._links.pop(detach.handle, None)
        if link is not None:
            link.drop()
            self.connection.send(frame(self.channel, Detach(detach.handle, closed=detach.closed)))

    def _attach(self, attach: Attach, body: bytes) -> None:
        if attach.handle in self._links:
            raise AmqpError("amqp:session:handle-in-use", f"handle {attach.handle} is in use")
        source, target = _raw_ends(body)
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
            self.connection.send(frame(self.channel, reply._replace(source=None, target=None)))
            self.connection.send(frame(self.channel, Detach(attach.handle, closed=True, error=error.wire())))
            return
        self._links[attach.handle] = link
        self.connection.send(frame(self.channel, reply))
        link.start()

    def _make_link(self, attach: Attach) -> Link:
        address = parse_address(_address(attach.source if attach.role else attach.target))
        if address.node == CBS:
            if attach.role:
                return Replies(self, attach.handle, address)
            return Requests(self, attach.handle, address, lambda request: put_token(self.connection, request))
        queue = self.connection.broker.namespace.queues.get(address.entity)
        if not any(_covers(grant, address.entity) for grant in self.connection.grants):
            raise AmqpError(
                "amqp:unauthorized-access", f"no token for '{address.entity}' was put on this connection"
            )
        if queue is None:
            raise AmqpError("amqp:not-found", f"The messaging entity '{address.entity}' could not be found.")
        if address.node == MANAGEMENT:
            if attach.role:
                return Replies(self, attach.handle, address)
            return Requests(self, attach.handle, address, Management(queue))
        if attach.role:
            if _wants_session(attach.source):
                raise AmqpError("amqp:not-allowed", f"'{address.entity}' does not have sessions")
            return Receiver(self, attach.handle, queue, deletes=attach.snd_settle_mode == 1)
        if queue.dead_letters is None:
            raise AmqpError("amqp:not-allowed", "messages cannot be sent to a dead-letter queue")
        return Sender(self, attach.handle, queue)


def _covers(grant: str, entity: str) -> bool:
    return not grant or entity == grant or entity.startswith(grant + "/")


def _address(end: Any) -> str:
    fields = end.value if isinstance(end, Described) else None
    if not isinstance(fields, list) or not fields or not isinstance(fields[0], str):
        raise AmqpError("amqp:invalid-field", "the link has no address")
    return fields[0]


def _wants_session(source: Any) -> bool:
    filters = source.value[7] if len(source.value) > 7 else None
    return isinstance(filters, dict) and "com.microsoft:session-filter" in filters


def _raw_ends(body: bytes) -> tuple[Described | None, Described | None]:
    """Source and target exactly as they came: fields 5 and 6 of the attach."""
    with contextlib.suppress(DecodeError):
        count, pos, _ = compound_items(body, skip(body, 1))
        spans = []
        for _ in range(min(count, 7)):
            start, pos = pos, skip(body, pos)
            spans.append(body[start:pos])
        ends = [Described(None, None, raw) if raw != b"\x40" else None for raw in spans[5:7]]
        ends += [None] * (2 - len(ends))
        return ends[0], ends[1]
    return None, None
