"""The Service Bus stand-in, through its front doors: the unmodified Azure client, raw sockets, HTTP."""

import asyncio
import contextlib
import gc
import json
import random
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import aiohttp
import pytest
import pytest_asyncio
from azure.servicebus import (
    NEXT_AVAILABLE_SESSION,
    ServiceBusMessage,
    ServiceBusMessageState,
    ServiceBusReceivedMessage,
    ServiceBusReceiveMode,
    ServiceBusSubQueue,
)
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver, ServiceBusSender
from azure.servicebus.amqp import AmqpAnnotatedMessage, AmqpMessageProperties
from azure.servicebus.exceptions import (
    MessageLockLostError,
    MessageNotFoundError,
    MessageSizeExceededError,
    MessagingEntityNotFoundError,
    ServiceBusError,
)

from deploy.sandbox.servicebus.cbs import put_token
from deploy.sandbox.servicebus.codec import DecodeError, Described, decode
from deploy.sandbox.servicebus.faults import BusFaults
from deploy.sandbox.servicebus.frames import (
    AMQP_HEADER,
    HEAD,
    SASL_HEADER,
    Attach,
    Begin,
    Close,
    Detach,
    Flow,
    Open,
    Performative,
    SaslInit,
    Transfer,
    frame,
    parse,
)
from deploy.sandbox.servicebus.messages import Settings
from deploy.sandbox.servicebus.replies import Request
from deploy.sandbox.servicebus.server import BusServer

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # When a connection is cut or refused, the client leaves its socket to the garbage collector, which may
    # come round in any later test.
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning", "ignore:loop is closed:ResourceWarning"),
]

QUEUES = (
    Settings(name="plain"),
    Settings(name="quick", lock_ms=1_000, max_delivery=3),
    Settings(name="once", dedup_ms=600_000),
    Settings(name="fading", expired="dead-letter"),
)


class Bus:
    """The server under test, and clients of it that live as long as the module."""

    def __init__(self, server: BusServer, client: ServiceBusClient, http: aiohttp.ClientSession) -> None:
        self.server = server
        self.client = client
        self.http = http
        self._senders: dict[str, ServiceBusSender] = {}
        self._closing: list[asyncio.Task[None]] = []

    async def sender(self, queue: str) -> ServiceBusSender:
        if queue not in self._senders:
            self._senders[queue] = await self.client.get_queue_sender(queue).__aenter__()
        return self._senders[queue]

    async def send(self, queue: str, *bodies: str, **options: Any) -> None:
        await (await self.sender(queue)).send_messages([ServiceBusMessage(b, **options) for b in bodies])

    @contextlib.asynccontextmanager
    async def receiver(self, queue: str, **options: Any) -> AsyncIterator[ServiceBusReceiver]:
        """One receiver. The client takes a second to close it, which the next test need not wait for."""
        chosen = {"max_wait_time": 3, "socket_timeout": 0.05, **options}
        receiver = self.client.get_queue_receiver(queue, **chosen)
        try:
            yield await receiver.__aenter__()
        finally:
            self._closing.append(asyncio.create_task(receiver.close()))
            await asyncio.sleep(0.15)

    def dead(self, queue: str) -> contextlib.AbstractAsyncContextManager[ServiceBusReceiver]:
        return self.receiver(queue, sub_queue=ServiceBusSubQueue.DEAD_LETTER)

    async def state(self, queue: str) -> dict[str, Any]:
        async with self.http.get(f"{self.server.url}/_state") as response:
            return cast("dict[str, Any]", (await response.json())[queue])

    def impatient(self) -> ServiceBusClient:
        """A client that does not try again."""
        return ServiceBusClient.from_connection_string(self.server.connection, retry_total=0)

    def events(self, kind: str, since: int = 0) -> list[dict[str, Any]]:
        return [entry.data for entry in self.server.record.since(since, kind)]

    async def close(self) -> None:
        await asyncio.gather(*self._closing, *(sender.close() for sender in self._senders.values()))


@pytest.fixture(scope="module", autouse=True)
def _tidy() -> Iterator[None]:
    """Collect the client's garbage while the warnings of this module are still ignored."""
    yield
    gc.collect()


@pytest_asyncio.fixture(loop_scope="module", scope="module", name="shared")
async def _shared() -> AsyncIterator[Bus]:
    server = BusServer(queues=QUEUES)
    await server.start()
    async with (
        ServiceBusClient.from_connection_string(server.connection) as client,
        aiohttp.ClientSession() as http,
    ):
        bus = Bus(server, client, http)
        yield bus
        await bus.close()
    await server.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def bus(shared: Bus) -> AsyncIterator[Bus]:
    yield shared
    shared.server.broker.faults = BusFaults()
    for queue in shared.server.namespace.queues.values():
        queue.purge()


async def only(receiver: ServiceBusReceiver, count: int = 1) -> list[ServiceBusReceivedMessage]:
    """Exactly so many messages, over as many calls as it takes."""
    found: list[ServiceBusReceivedMessage] = []
    while len(found) < count:
        more = await receiver.receive_messages(count - len(found))
        assert more, f"{len(found)} of {count} messages came"
        found += more
    return found


def texts(messages: list[ServiceBusReceivedMessage]) -> list[str]:
    return [str(message) for message in messages]


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.02)


# -- sending and receiving -----------------------------------------------------------------------------


async def test_what_is_sent_is_received_with_its_properties(bus: Bus) -> None:
    sent = ServiceBusMessage(
        '{"vm":"größe"}',
        message_id="one",
        application_properties={"kind": "start", "attempt": 2},
        content_type="application/json",
        subject="a start",
        correlation_id="thread",
    )
    before = datetime.now(UTC) - timedelta(seconds=1)
    await (await bus.sender("plain")).send_messages(sent)
    async with bus.receiver("plain") as receiver:
        (got,) = await only(receiver)
        assert str(got) == '{"vm":"größe"}'
        assert got.message_id == "one"
        assert got.application_properties == {b"kind": b"start", b"attempt": 2}
        assert (got.content_type, got.subject, got.correlation_id) == (
            "application/json",
            "a start",
            "thread",
        )
        assert got.delivery_count == 0
        assert got.sequence_number == bus.server.namespace.queues["plain"].last_sequence
        assert got.enqueued_time_utc is not None
        assert before < got.enqueued_time_utc < datetime.now(UTC) + timedelta(seconds=1)
        assert got.locked_until_utc is not None
        assert 25 < (got.locked_until_utc - datetime.now(UTC)).total_seconds() <= 30
        await receiver.complete_message(got)
    assert (await bus.state("plain"))["messages"] == []


async def test_a_batch_arrives_in_order_with_rising_sequence_numbers(bus: Bus) -> None:
    sender = await bus.sender("plain")
    batch = await sender.create_message_batch()
    for number in range(50):
        batch.add_message(ServiceBusMessage(str(number)))
    await sender.send_messages(batch)
    async with bus.receiver("plain", prefetch_count=50) as receiver:
        got = await only(receiver, 50)
        assert texts(got) == [str(number) for number in range(50)]
        numbers = [message.sequence_number or 0 for message in got]
        assert numbers == list(range(numbers[0], numbers[0] + 50))


async def test_receive_and_delete_removes_at_once(bus: Bus) -> None:
    await bus.send("plain", "a", "b")
    async with bus.receiver("plain", receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE) as receiver:
        assert texts(await only(receiver, 2)) == ["a", "b"]
    assert (await bus.state("plain"))["messages"] == []


async def test_receivers_on_several_connections_share_a_queue_fairly(bus: Bus) -> None:
    async with (
        bus.receiver("plain", prefetch_count=20) as one,
        bus.receiver("plain", prefetch_count=20) as two,
    ):
        await bus.send("plain", *(str(number) for number in range(20)))
        first, second = await asyncio.gather(only(one, 10), only(two, 10))
        assert sorted(int(text) for text in texts(first + second)) == list(range(20))


async def test_a_message_of_many_frames_arrives_whole(bus: Bus) -> None:
    body = "x" * 200_000
    await bus.send("plain", body)
    async with bus.receiver("plain") as receiver:
        (got,) = await only(receiver)
        assert str(got) == body


async def test_unread_prefetched_messages_are_given_back_uncounted_on_close(bus: Bus) -> None:
    await bus.send("plain", "a", "b", "c")
    async with bus.receiver("plain", prefetch_count=10) as receiver:
        (first,) = await only(receiver)
        await receiver.complete_message(first)

    async def free() -> bool:
        return bool((await bus.state("plain"))["locked"] == 0)

    await until(free)
    assert [m["delivery_count"] for m in (await bus.state("plain"))["messages"]] == [0, 0]


async def test_peek_shows_every_state_and_locks_nothing(bus: Bus) -> None:
    await bus.send("plain", "deferred", "locked", "active")
    sender = await bus.sender("plain")
    await sender.schedule_messages(ServiceBusMessage("scheduled"), datetime.now(UTC) + timedelta(hours=1))
    async with bus.receiver("plain") as receiver:
        deferred, _locked = await only(receiver, 2)
        await receiver.defer_message(deferred)
        seen = await receiver.peek_messages(10, sequence_number=1)
        assert {str(m): m.state for m in seen} == {
            "deferred": ServiceBusMessageState.DEFERRED,
            "locked": ServiceBusMessageState.ACTIVE,
            "active": ServiceBusMessageState.ACTIVE,
            "scheduled": ServiceBusMessageState.SCHEDULED,
        }
        last = seen[-1].sequence_number or 0
        assert await receiver.peek_messages(10, sequence_number=last + 1) == []


# -- settling ------------------------------------------------------------------------------------------


async def test_an_abandoned_message_comes_back_counted(bus: Bus) -> None:
    await bus.send("plain", "again")
    async with bus.receiver("plain") as receiver:
        for count in range(3):
            (got,) = await only(receiver)
            assert got.delivery_count == count
            await receiver.abandon_message(got)


async def test_too_many_failures_make_a_dead_letter_that_says_so(bus: Bus) -> None:
    await bus.send("quick", "poison", application_properties={"kept": "yes"})
    async with bus.receiver("quick") as receiver:
        for _ in range(3):
            (got,) = await only(receiver)
            await receiver.abandon_message(got)
    async with bus.dead("quick") as receiver:
        (dead,) = await only(receiver)
        assert dead.dead_letter_reason == "MaxDeliveryCountExceeded"
        assert dead.delivery_count == 3
        assert dead.application_properties is not None
        assert dead.application_properties[b"kept"] == b"yes"


async def test_a_dead_letter_keeps_its_reason_and_can_be_settled_like_any_message(bus: Bus) -> None:
    await bus.send("plain", "bad", message_id="bad")
    async with bus.receiver("plain") as receiver:
        (got,) = await only(receiver)
        await receiver.dead_letter_message(got, reason="NotUnderstood", error_description="no vm in it")
    assert (await bus.state("plain"))["dead_letter"] == 1
    async with bus.dead("plain") as receiver:
        (dead,) = await only(receiver)
        assert (dead.dead_letter_reason, dead.dead_letter_error_description) == (
            "NotUnderstood",
            "no vm in it",
        )
        assert dead.message_id == "bad"
        await receiver.abandon_message(dead)
        (dead,) = await only(receiver)
        await receiver.complete_message(dead)
    assert (await bus.state("plain"))["dead_letter"] == 0


async def test_a_deferred_message_comes_only_by_its_number(bus: Bus) -> None:
    await bus.send("plain", "later", "next")
    async with bus.receiver("plain") as receiver:
        (got,) = await only(receiver)
        number = got.sequence_number or 0
        await receiver.defer_message(got)
        assert texts(await only(receiver)) == ["next"]
        (again,) = await receiver.receive_deferred_messages(number)
        assert str(again) == "later"
        await receiver.abandon_message(again)
        (again,) = await receiver.receive_deferred_messages(number)
        assert again.delivery_count == 1
        await receiver.complete_message(again)
    assert (await bus.state("plain"))["deferred"] == 0


async def test_a_number_that_is_not_deferred_is_not_found(bus: Bus) -> None:
    async with bus.impatient() as client, client.get_queue_receiver("plain") as receiver:
        with pytest.raises(MessageNotFoundError):
            await receiver.receive_deferred_messages(987_654)


async def test_messages_are_settled_concurrently_on_a_receiver_with_a_short_socket_timeout(bus: Bus) -> None:
    await bus.send("plain", *(str(number) for number in range(60)))
    waits = []

    async def work(receiver: ServiceBusReceiver, message: ServiceBusReceivedMessage) -> None:
        await asyncio.sleep(0.02)
        started = time.perf_counter()
        await receiver.complete_message(message)
        waits.append(time.perf_counter() - started)

    async with (
        bus.receiver("plain", prefetch_count=20, socket_timeout=0.01) as receiver,
        asyncio.TaskGroup() as tasks,
    ):
        count = 0
        async for message in receiver:
            tasks.create_task(work(receiver, message))
            count += 1
            if count == 60:
                break
    assert (await bus.state("plain"))["messages"] == []
    assert sorted(waits)[30] < 0.2


# -- locks ---------------------------------------------------------------------------------------------


async def test_a_message_whose_lock_ran_out_comes_back_counted(bus: Bus) -> None:
    await bus.send("quick", "slow")
    async with bus.receiver("quick") as receiver:
        await only(receiver)
        started = time.monotonic()
        (again,) = await only(receiver)
        assert time.monotonic() - started < 2
        assert again.delivery_count == 1
        await receiver.complete_message(again)
    assert bus.events("lock-lost")[-1]["queue"] == "quick"


async def test_a_late_settlement_is_told_the_lock_is_lost(bus: Bus) -> None:
    await bus.send("quick", "slow")
    async with bus.receiver("quick") as receiver:
        (got,) = await only(receiver)
        await asyncio.sleep(1.1)
        # The client refuses by its own clock; only an untold one asks the service.
        got._raw_amqp_message.annotations[b"x-opt-locked-until"] += 60_000
        with pytest.raises(MessageLockLostError):
            await receiver.complete_message(got)


async def test_a_renewed_lock_holds_longer(bus: Bus) -> None:
    await bus.send("quick", "long work")
    async with bus.receiver("quick") as receiver:
        (got,) = await only(receiver)
        await asyncio.sleep(0.6)
        until_utc = await receiver.renew_message_lock(got)
        assert 0.5 < (until_utc - datetime.now(UTC)).total_seconds() <= 1
        await asyncio.sleep(0.6)
        await receiver.complete_message(got)


async def test_a_lost_lock_cannot_be_renewed(bus: Bus) -> None:
    await bus.send("quick", "gone")
    async with bus.receiver("quick") as receiver:
        (got,) = await only(receiver)
        bus.server.namespace.queues["quick"].purge()
        with pytest.raises(MessageLockLostError):
            await receiver.renew_message_lock(got)


# -- time ----------------------------------------------------------------------------------------------


async def test_a_scheduled_message_comes_at_its_time_with_a_new_number(bus: Bus) -> None:
    due = datetime.now(UTC) + timedelta(seconds=0.8)
    (number,) = await (await bus.sender("plain")).schedule_messages(ServiceBusMessage("at noon"), due)
    assert (await bus.state("plain"))["scheduled"] == 1
    async with bus.receiver("plain") as receiver:
        (got,) = await only(receiver)
        assert timedelta(0) <= datetime.now(UTC) - due < timedelta(seconds=0.5)
        assert (got.sequence_number or 0) > number


async def test_a_message_is_scheduled_by_its_annotation_too(bus: Bus) -> None:
    message = ServiceBusMessage(
        "later", scheduled_enqueue_time_utc=datetime.now(UTC) + timedelta(seconds=0.5)
    )
    await (await bus.sender("plain")).send_messages(message)
    assert (await bus.state("plain"))["scheduled"] == 1
    async with bus.receiver("plain") as receiver:
        assert texts(await only(receiver)) == ["later"]


async def test_a_cancelled_message_never_comes_and_cannot_be_cancelled_twice(bus: Bus) -> None:
    async with bus.impatient() as client, client.get_queue_sender("plain") as sender:
        due = datetime.now(UTC) + timedelta(hours=1)
        numbers = await sender.schedule_messages([ServiceBusMessage("a"), ServiceBusMessage("b")], due)
        await sender.cancel_scheduled_messages(numbers)
        assert (await bus.state("plain"))["messages"] == []
        with pytest.raises(MessageNotFoundError):
            await sender.cancel_scheduled_messages(numbers[0])


async def test_an_expired_message_is_dropped_or_becomes_a_dead_letter_as_the_queue_says(bus: Bus) -> None:
    await bus.send("plain", "short", time_to_live=timedelta(seconds=0.2))
    await bus.send("fading", "short", time_to_live=timedelta(seconds=0.2))
    await asyncio.sleep(0.4)
    plain, fading = await bus.state("plain"), await bus.state("fading")
    assert (plain["active"], plain["dead_letter"]) == (0, 0)
    assert (fading["active"], fading["dead_letter"]) == (0, 1)
    assert fading["dead_letters"][0]["application_properties"]["DeadLetterReason"] == "TTLExpiredException"


# -- duplicates ----------------------------------------------------------------------------------------


async def test_a_second_message_of_the_same_id_is_dropped_where_duplicates_are_detected(bus: Bus) -> None:
    same = uuid4().hex
    await bus.send("once", "first", "second", message_id=same)
    await bus.send("once", "third", message_id=same)
    await bus.send("plain", "first", "second", message_id=same)
    assert [m["body"] for m in (await bus.state("once"))["messages"]] == ["first"]
    assert (await bus.state("plain"))["active"] == 2
    assert [e["message_id"] for e in bus.events("duplicate-dropped")][-2:] == [same, same]


async def test_scheduled_messages_count_as_duplicates_even_when_cancelled(bus: Bus) -> None:
    same, due = uuid4().hex, datetime.now(UTC) + timedelta(hours=1)
    sender = await bus.sender("once")
    numbers = await sender.schedule_messages(ServiceBusMessage("a", message_id=same), due)
    await bus.send("once", "b", message_id=same)
    await sender.cancel_scheduled_messages(numbers)
    await bus.send("once", "c", message_id=same)
    assert (await bus.state("once"))["messages"] == []


# -- refusals ------------------------------------------------------------------------------------------


async def test_an_unknown_queue_is_not_found(bus: Bus) -> None:
    with pytest.raises(MessagingEntityNotFoundError):
        async with bus.receiver("nowhere"):
            pass
    with pytest.raises(MessagingEntityNotFoundError):
        async with bus.client.get_queue_sender("nowhere"):
            pass


async def test_a_message_over_256_kb_is_refused(bus: Bus) -> None:
    with pytest.raises(MessageSizeExceededError):
        await (await bus.sender("plain")).send_messages(ServiceBusMessage("x" * 262_145))
    assert (await bus.state("plain"))["active"] == 0


async def test_a_message_id_over_128_characters_is_refused(bus: Bus) -> None:
    message = AmqpAnnotatedMessage(data_body=b"x", properties=AmqpMessageProperties(message_id="i" * 129))
    sender = await bus.sender("plain")
    with pytest.raises(ServiceBusError, match="128"):
        await sender.send_messages(message)
    await bus.send("plain", "the sender still works")
    assert (await bus.state("plain"))["active"] == 1


async def test_a_dead_letter_queue_takes_no_sender(bus: Bus) -> None:
    with pytest.raises(ServiceBusError, match="dead-letter"):
        async with bus.client.get_queue_sender("plain/$DeadLetterQueue"):
            pass


async def test_sessions_are_refused(bus: Bus) -> None:
    with pytest.raises(ServiceBusError):
        async with bus.receiver("plain", session_id=NEXT_AVAILABLE_SESSION):
            pass


# -- the wire ------------------------------------------------------------------------------------------


class Peer:
    """A client that says exactly what it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(cls, port: int) -> AsyncIterator["Peer"]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            yield cls(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def opened(self, **options: Any) -> None:
        init = frame(0, SaslInit("ANONYMOUS"), kind=1)
        begun = frame(0, Begin(None, 0, 100, 100))
        self.writer.write(SASL_HEADER + init + AMQP_HEADER + frame(0, Open("peer", **options)) + begun)
        assert await self.reader.readexactly(8) == SASL_HEADER
        for _ in range(2):
            await self.read()
        assert await self.reader.readexactly(8) == AMQP_HEADER
        assert isinstance(await self.read(), Open)
        assert isinstance(await self.read(), Begin)

    async def read(self) -> Performative | None:
        size, _, _, _ = HEAD.unpack(await self.reader.readexactly(8))
        body = await self.reader.readexactly(size - 8)
        return parse(body)[0] if body else None

    async def error(self) -> str:
        """The condition of the close it is sent, after which the connection must end."""
        while not isinstance(got := await self.read(), Close):
            pass
        assert isinstance(got.error, Described)
        assert await self.reader.read() == b""
        return str(got.error.value[0])


@pytest.mark.parametrize(
    ("broken", "condition"),
    [
        (b"\x00\x00\x00\x07\x02\x00\x00\x00", "amqp:connection:framing-error"),
        (b"\x7f\xff\xff\xff\x02\x00\x00\x00", "amqp:connection:framing-error"),
        (b"\x00\x00\x00\x0c\x02\x00\x00\x00\xde\xad\xbe\xef", "amqp:decode-error"),
        (b"\x00\x00\x00\x10\x02\x00\x00\x00\x00\x53\x14\xd0\x00\x00\x00\x00", "amqp:decode-error"),
        (b"\x00\x00\x00\x0c\x02\x00\x00\x00\x00\x53\x14\x45", "amqp:decode-error"),
        (frame(0, Flow(0, 9, 0, 9, handle=9)), "amqp:session:unattached-handle"),
        (frame(0, Transfer(9, delivery_tag=cast("bytes", "text"))), "amqp:decode-error"),
        (frame(7, Detach(9)), "amqp:not-allowed"),
        (frame(0, Open("twice")), "amqp:not-allowed"),
    ],
)
async def test_a_broken_frame_costs_its_connection_and_names_the_rule(
    bus: Bus, broken: bytes, condition: str
) -> None:
    async with Peer.connect(bus.server.amqp_port) as peer:
        await peer.opened()
        peer.writer.write(broken)
        assert await peer.error() == condition
    await bus.send("plain", "the others do not notice")


async def test_another_protocol_is_answered_with_ours_and_the_end(bus: Bus) -> None:
    async with Peer.connect(bus.server.amqp_port) as peer:
        peer.writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert await peer.reader.read() == SASL_HEADER


async def test_a_link_without_a_token_is_unauthorised(bus: Bus) -> None:
    async with Peer.connect(bus.server.amqp_port) as peer:
        await peer.opened()
        source, target = Described(0x28, ["plain"]), Described(0x29, ["here"])
        peer.writer.write(frame(0, Attach("link", 0, role=True, source=source, target=target)))
        attach, detach = await peer.read(), await peer.read()
        assert isinstance(attach, Attach)
        assert attach.source is None
        assert isinstance(detach, Detach)
        assert detach.error.value[0] == "amqp:unauthorized-access"


@pytest.mark.parametrize(
    ("name", "token", "status", "grants"),
    [
        ("sb://h:1/Plain", "SharedAccessSignature sr=x&sig=y&se=99999999999&skn=z", 202, {"plain"}),
        ("sb://h:1/", "anything", 202, {""}),
        ("sb://h:1/plain", "SharedAccessSignature sr=x&sig=y&se=1&skn=z", 401, set()),
        ("sb://h:1/plain", "", 401, set()),
        (None, "anything", 400, set()),
    ],
)
async def test_a_token_grants_what_it_names_unless_it_is_missing_or_expired(
    name: str | None, token: str, status: int, grants: set[str]
) -> None:
    connection = cast("Any", SimpleNamespace(grants=set()))
    reply = put_token(connection, Request(uuid4(), {"operation": "put-token", "name": name}, token))
    assert reply.properties["status-code"] == status
    assert connection.grants == grants


async def test_an_idle_client_hears_something_before_it_would_give_up(bus: Bus) -> None:
    async with Peer.connect(bus.server.amqp_port) as peer:
        await peer.opened(idle_time_out=400)
        async with asyncio.timeout(0.4):
            assert await peer.read() is None


async def test_a_silent_client_is_told_to_go() -> None:
    server = BusServer(idle_s=0.3)
    await server.start()
    async with Peer.connect(server.amqp_port) as peer:
        await peer.opened()
        assert await peer.error() == "amqp:resource-limit-exceeded"
    await server.stop()


async def test_random_bytes_never_stop_the_server(bus: Bus) -> None:
    for seed in range(20):
        data = noise(seed)
        async with Peer.connect(bus.server.amqp_port) as peer:
            await peer.opened()
            peer.writer.write(HEAD.pack(8 + len(data), 2, 0, 0) + data)
            assert await peer.error() == "amqp:decode-error"
    await bus.send("plain", "still here")


def noise(seed: int) -> bytes:
    """Bytes that start like a performative and go wrong from there."""
    chance = random.Random(seed)
    data = b"\x00\x53" + bytes((chance.choice((0x12, 0x13, 0x14, 0x15)),)) + chance.randbytes(40)
    with contextlib.suppress(DecodeError):
        decode(data)
        return data[:5]
    return data


# -- HTTP ----------------------------------------------------------------------------------------------


async def test_a_message_put_over_http_is_received_over_amqp(bus: Bus) -> None:
    url = f"{bus.server.url}/_queues/plain/messages"
    message = {"body": {"vm": "a"}, "message_id": "h", "application_properties": {"n": 1}}
    async with bus.http.post(url, json=message) as response:
        assert response.status == 201
    async with bus.receiver("plain") as receiver:
        (got,) = await only(receiver)
        assert (json.loads(str(got)), got.message_id) == ({"vm": "a"}, "h")
        assert got.application_properties == {b"n": 1}
    later = {"body": "later", "schedule_at_ms": round(time.time() * 1000) + 60_000}
    async with bus.http.post(url, json=later) as response:
        number = (await response.json())["sequence_number"]
    (_, planned) = (await bus.state("plain"))["messages"]
    assert (planned["sequence_number"], planned["state"]) == (number, "scheduled")
    assert planned["scheduled_ms"] == later["schedule_at_ms"]
    async with bus.http.delete(url) as response:
        assert await response.json() == {"removed": 2}


async def test_wrong_http_requests_are_told_why(bus: Bus) -> None:
    for path, status in (("plain", 400), ("nowhere", 404)):
        url = f"{bus.server.url}/_queues/{path}/messages"
        async with bus.http.post(url, json={"body": "x", "surprise": 1}) as response:
            assert response.status == status
    async with bus.http.put(f"{bus.server.url}/_faults", json={"delay": 3}) as response:
        assert response.status == 400


async def test_the_record_tells_a_message_s_life(bus: Bus) -> None:
    own = uuid4().hex
    await bus.send("plain", "x", message_id=own)
    async with bus.receiver("plain") as receiver:
        (got,) = await only(receiver)
        await receiver.abandon_message(got)
        (got,) = await only(receiver)
        await receiver.dead_letter_message(got, reason="r", error_description="d")
    async with bus.http.get(f"{bus.server.url}/_record") as response:
        life = [e for e in await response.json() if e.get("message_id") == own]
    assert [e["kind"] for e in life] == ["enqueued", "delivered", "abandoned", "delivered", "dead-lettered"]
    assert [e.get("delivery_count") for e in life if e["kind"] == "delivered"] == [0, 1]
    assert (life[-1]["queue"], life[-1]["reason"], life[-1]["description"]) == ("plain", "r", "d")


# -- faults --------------------------------------------------------------------------------------------


async def faults(bus: Bus, **wanted: Any) -> None:
    async with bus.http.put(f"{bus.server.url}/_faults", json=wanted) as response:
        assert response.status == 200


async def test_a_delay_holds_back_answers(bus: Bus) -> None:
    await bus.send("plain", "quickly")
    await faults(bus, delay_ms=300)
    started = time.monotonic()
    await bus.send("plain", "slowly")
    assert 0.3 <= time.monotonic() - started < 1


async def test_a_send_whose_answer_was_cut_off_is_retried_and_found_a_duplicate(bus: Bus) -> None:
    own, seen = uuid4().hex, len(bus.events("duplicate-dropped"))
    await bus.send("once", "opens the link", message_id=uuid4().hex)
    await faults(bus, drop_after_send=1)
    await bus.send("once", "twice", message_id=own)
    assert [e["message_id"] for e in bus.events("duplicate-dropped")[seen:]] == [own]
    assert [m["body"] for m in (await bus.state("once"))["messages"]] == ["opens the link", "twice"]


async def test_the_client_comes_back_after_a_cut(bus: Bus) -> None:
    await bus.send("plain", "opens the link")
    await faults(bus, drop_connections=True)
    await bus.send("plain", "after the cut")
    assert (await bus.state("plain"))["active"] == 2


async def test_refused_connections_are_errors_of_the_connection(bus: Bus) -> None:
    await faults(bus, refuse_connections=True)
    async with bus.impatient() as client:
        with pytest.raises(ServiceBusError):
            async with client.get_queue_sender("plain"):
                pass


# -- durability ----------------------------------------------------------------------------------------


class Process:
    """The stand-in as its own process."""

    def __init__(self, process: asyncio.subprocess.Process, ready: dict[str, Any]) -> None:
        self.process = process
        self.url: str = ready["url"]
        self.connection: str = ready["connection"]

    @classmethod
    async def start(cls, data: Path, *arguments: str) -> "Process":
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "deploy.sandbox.servicebus", "--data", str(data), *arguments,
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        return cls(process, json.loads(await process.stdout.readline()))

    async def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        assert await self.process.wait() == -signal.SIGKILL

    async def stop(self) -> None:
        self.process.terminate()
        assert await self.process.wait() == 0

    async def state(self, queue: str) -> dict[str, Any]:
        async with aiohttp.ClientSession() as http, http.get(f"{self.url}/_state") as response:
            return cast("dict[str, Any]", (await response.json())[queue])


async def test_everything_that_was_acknowledged_outlives_a_kill(tmp_path: Path) -> None:
    due = datetime.now(UTC) + timedelta(hours=1)
    first = await Process.start(tmp_path)
    async with (
        ServiceBusClient.from_connection_string(first.connection) as client,
        client.get_queue_sender("starts") as sender,
        client.get_queue_receiver("starts", max_wait_time=2) as receiver,
    ):
        names = ("done", "failed", "set aside", "dead", "held", "waiting")
        await sender.send_messages([ServiceBusMessage(name, message_id=name) for name in names])
        await sender.schedule_messages(ServiceBusMessage("planned", message_id="planned"), due)
        done, failed, aside, dead = await only(receiver, 4)
        await receiver.complete_message(done)
        await receiver.defer_message(aside)
        await receiver.dead_letter_message(dead, reason="r", error_description="d")
        await receiver.abandon_message(failed)
        assert len(await receiver.receive_messages(2)) == 2
        await first.kill()
    second = await Process.start(tmp_path)
    state = await second.state("starts")
    counts = {m["message_id"]: (m["state"], m["delivery_count"]) for m in state["messages"]}
    assert counts == {
        "failed": ("active", 1),
        "set aside": ("deferred", 0),
        "held": ("active", 0),
        "waiting": ("active", 0),
        "planned": ("scheduled", 0),
    }
    assert state["dead_letters"][0]["application_properties"] == {
        "DeadLetterReason": "r",
        "DeadLetterErrorDescription": "d",
    }
    async with (
        ServiceBusClient.from_connection_string(second.connection) as client,
        client.get_queue_sender("starts") as sender,
    ):
        await sender.send_messages([ServiceBusMessage("done again", message_id="done")])
    assert len((await second.state("starts"))["messages"]) == 5
    await second.stop()


async def test_under_load_a_kill_loses_nothing_acknowledged_and_revives_nothing_settled(
    tmp_path: Path,
) -> None:
    first = await Process.start(tmp_path, "--queue", "work,lock=60")
    sent: set[str] = set()
    completed: set[str] = set()
    asked: set[str] = set()

    async def send(client: ServiceBusClient, own: str) -> None:
        async with client.get_queue_sender("work") as sender:
            for number in range(100_000):
                ids = [f"{own}-{number}-{index}" for index in range(20)]
                await sender.send_messages([ServiceBusMessage(i, message_id=i) for i in ids])
                sent.update(ids)

    async def receive(client: ServiceBusClient) -> None:
        async with client.get_queue_receiver("work", prefetch_count=50) as receiver:
            async for message in receiver:
                own = str(message.message_id)
                asked.add(own)
                await receiver.complete_message(message)
                completed.add(own)

    async with ServiceBusClient.from_connection_string(first.connection, retry_total=0) as client:
        load = [asyncio.create_task(send(client, own)) for own in ("a", "b")]
        load += [asyncio.create_task(receive(client)) for _ in range(2)]

        async def well_under_way() -> bool:
            return len(completed) >= 300

        await until(well_under_way, 20)
        await first.kill()
        outcomes = await asyncio.wait_for(asyncio.gather(*load, return_exceptions=True), 20)
        assert all(isinstance(outcome, Exception) for outcome in outcomes)
    second = await Process.start(tmp_path, "--queue", "work,lock=60")
    state = await second.state("work")
    kept = [m["message_id"] for m in state["messages"]]
    assert len(kept) == len(set(kept))
    assert not completed & set(kept), "a completed message came back"
    assert not (sent - asked) - set(kept), "an acknowledged message was lost"
    assert {m["state"] for m in state["messages"]} <= {"active"}
    await second.stop()


async def test_a_journal_of_other_queues_is_refused_with_the_remedy(tmp_path: Path) -> None:
    first = await Process.start(tmp_path, "--queue", "old")
    async with aiohttp.ClientSession() as http:
        await http.post(f"{first.url}/_queues/old/messages", json={"body": "x"})
    await first.stop()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "deploy.sandbox.servicebus", "--data", str(tmp_path),
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, complaint = await process.communicate()
    assert process.returncode
    assert b"declare them with --queue" in complaint
