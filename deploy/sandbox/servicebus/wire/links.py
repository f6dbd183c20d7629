"""The four kinds of link, named from the client's side: it sends, it receives, it asks, it is answered."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from deploy.sandbox.servicebus.amqp.codec import DecodeError, Described, Ulong
from deploy.sandbox.servicebus.amqp.encoding import encode
from deploy.sandbox.servicebus.amqp.frames import AmqpError, Flow, Transfer, settlement
from deploy.sandbox.servicebus.messages import BadMessageError, Message
from deploy.sandbox.servicebus.namespace import Address
from deploy.sandbox.servicebus.queues import Queue
from deploy.sandbox.servicebus.sections import (
    APPLICATION_PROPERTIES,
    PROPERTIES,
    VALUE,
    read,
    read_batch,
    render,
    whole,
)
from deploy.sandbox.servicebus.wire.replies import Reply, Request
from deploy.sandbox.servicebus.wire.roles import Delivered, LinkOwner
from deploy.sandbox.servicebus.wire.settling import ACCEPTED, rejected

BATCH_FORMAT = 0x80013700
CREDIT = 1_000
"""Messages the client may send before it hears from us again."""
MAX_MESSAGE = 262_144
"""Bytes in one message or batch, as in the Standard tier."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a link is attached as: handle, name, address, and the rights of which it needs one."""

    handle: int
    name: str
    address: Address
    rights: tuple[str, ...]


class Link:
    """What all links share."""

    origin = "management"

    def __init__(self, session: LinkOwner, terms: Terms) -> None:
        self.session = session
        self.handle = terms.handle
        self.name = terms.name
        self.address = terms.address
        self.entity = terms.address.entity
        self.rights = terms.rights
        self.attached = True
        self._clock = asyncio.get_running_loop().time
        self.used_at = self._clock()

    def use(self) -> None:
        """Something happens on the link: it is not idle."""
        self.used_at = self._clock()

    def detach(self, error: AmqpError) -> None:
        """Detach it, and say why."""
        if self.attached:
            self.session.detach(self.handle, error)

    def start(self) -> None:
        """The client was told that the link is attached."""

    def drop(self) -> None:
        """The link is over."""

    def on_flow(self, flow: Flow) -> None:
        """The client told the state of the link."""

    def on_transfer(self, _transfer: Transfer, _payload: bytes) -> None:
        """The client sent a part of a message."""
        raise AmqpError("amqp:not-allowed", "a transfer came on a link that sends")


class Incoming(Link):
    """Takes transfers: puts the parts of a message together, and keeps the client in credit."""

    def __init__(self, session: LinkOwner, terms: Terms) -> None:
        super().__init__(session, terms)
        self._received = 0
        self._granted = 0
        self._first: Transfer | None = None
        self._parts: list[bytes] = []
        self._size = 0

    def start(self) -> None:
        self._grant()

    def on_flow(self, flow: Flow) -> None:
        if flow.echo:
            self._grant()

    def on_transfer(self, transfer: Transfer, payload: bytes) -> None:
        if transfer.aborted:
            self._first, self._parts, self._size = None, [], 0
            return
        first = self._first or transfer
        self._size += len(payload)
        if self._size <= MAX_MESSAGE:
            self._parts.append(payload)
        if transfer.more:
            self._first = first
            return
        data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        size, self._first, self._parts, self._size = self._size, None, [], 0
        self._received += 1
        if self._granted - self._received < CREDIT // 2:
            self._grant()
        self.on_message(first, data, size)

    def on_message(self, first: Transfer, data: bytes, size: int) -> None:
        """A whole message of ``size`` bytes came; the data is cut short when that is too many."""
        raise NotImplementedError

    def _grant(self) -> None:
        self._granted = self._received + CREDIT
        self.session.send_flow(self.handle, delivery_count=self._received, credit=CREDIT)


class Sender(Incoming):
    """The client sends to a queue."""

    origin = "sender"

    def __init__(self, session: LinkOwner, terms: Terms, queue: Queue) -> None:
        super().__init__(session, terms)
        self._queue = queue

    def on_message(self, first: Transfer, data: bytes, size: int) -> None:
        connection = self.session.connection
        state = ACCEPTED
        try:
            self._put(first, data, size)
        except AmqpError as error:
            state = rejected(error)
        connection.broker.wake()
        if connection.broker.faults.take_unanswered():
            connection.cut()
        elif not first.settled and first.delivery_id is not None:
            connection.send_late(
                settlement(self.session.channel, role=True, delivery_id=first.delivery_id, state=state)
            )

    def _put(self, first: Transfer, data: bytes, size: int) -> None:
        if (refusal := self.session.connection.broker.faults.refusal(self.entity)) is not None:
            raise refusal
        if size > MAX_MESSAGE:
            raise AmqpError(
                "amqp:link:message-size-exceeded",
                f"The received message (size {size}) exceeds the limit of {MAX_MESSAGE} bytes.",
            )
        try:
            self._queue.send(read_batch(data) if first.message_format == BATCH_FORMAT else [read(data)])
        except DecodeError as error:
            raise AmqpError("amqp:decode-error", str(error)) from error
        except BadMessageError as error:
            raise AmqpError("com.microsoft:argument-error", str(error)) from error


class Receiver(Link):
    """The client receives from a queue: a consumer of it, as far as it gave credit."""

    origin = "receiver"

    def __init__(self, session: LinkOwner, terms: Terms, queue: Queue, *, deletes: bool) -> None:
        super().__init__(session, terms)
        self.deletes = deletes
        self._queue = queue
        self._sent = 0
        self._credit = 0

    def start(self) -> None:
        self._queue.subscribe(self)

    def drop(self) -> None:
        self._queue.unsubscribe(self)

    def hungry(self) -> bool:
        """The client has credit, and session and network have room."""
        return self._credit > 0 and self.session.open

    def deliver(self, message: Message, token: bytes) -> None:
        """Send it the message."""
        self.use()
        self._credit -= 1
        self._sent += 1
        data = render(message, None if self.deletes else token)
        delivery_id = self.session.send_message(self.handle, token, data, settled=self.deletes)
        if not self.deletes:
            self.session.unsettled[delivery_id] = Delivered(self._queue, token, self)

    def on_flow(self, flow: Flow) -> None:
        if flow.link_credit is not None:
            # What was on the way when the client wrote this is counted already.
            self._credit = max(0, (flow.delivery_count or 0) + flow.link_credit - self._sent)
        if flow.drain:
            self._queue.pump()
            self._sent += self._credit
            self._credit = 0
        if flow.drain or flow.echo:
            self.session.send_flow(
                self.handle, delivery_count=self._sent, credit=self._credit, drain=bool(flow.drain)
            )


class Requests(Incoming):
    """The client asks a node; the reply leaves on its link of the same address in the same session."""

    def __init__(self, session: LinkOwner, terms: Terms, node: Callable[[Request], Reply]) -> None:
        super().__init__(session, terms)
        self._node = node

    def on_message(self, first: Transfer, data: bytes, size: int) -> None:  # noqa: ARG002 - mgmt is never so big
        parts = whole(data)
        properties, about = parts.get(PROPERTIES), parts.get(APPLICATION_PROPERTIES)
        request = Request(
            properties[0] if isinstance(properties, list) and properties else None,
            about if isinstance(about, dict) else {},
            parts.get(VALUE),
        )
        if not first.settled and first.delivery_id is not None:
            self.session.connection.send(
                settlement(self.session.channel, role=True, delivery_id=first.delivery_id, state=ACCEPTED)
            )
        reply = self._node(request)
        self.session.connection.broker.wake()
        replies = self.session.replies_for(self.address)
        if replies is not None:
            replies.put(request, reply)


class Replies(Link):
    """The client waits for a node's answers."""

    def __init__(self, session: LinkOwner, terms: Terms) -> None:
        super().__init__(session, terms)
        self._sent = 0
        self._credit = 0
        self._waiting: deque[bytes] = deque()

    def put(self, request: Request, reply: Reply) -> None:
        """Send the reply, or keep it until there is credit."""
        self.use()
        correlated = [None, None, None, None, None, request.message_id]
        message = (
            encode(Described(Ulong(PROPERTIES), correlated))
            + encode(Described(Ulong(APPLICATION_PROPERTIES), reply.properties))
            + encode(Described(Ulong(VALUE), reply.body))
        )
        self._waiting.append(message)
        self._send()

    def on_flow(self, flow: Flow) -> None:
        if flow.link_credit is not None:
            self._credit = max(0, (flow.delivery_count or 0) + flow.link_credit - self._sent)
        self._send()

    def _send(self) -> None:
        while self._waiting and self._credit > 0:
            self._credit -= 1
            self._sent += 1
            tag = self._sent.to_bytes(16, "big")
            self.session.send_message(self.handle, tag, self._waiting.popleft(), settled=True)
