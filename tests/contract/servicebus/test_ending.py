"""How the service ends links and connections, refuses work and falls silent, and how clients come back."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.exceptions import (
    MessageLockLostError,
    MessagingEntityDisabledError,
    ServiceBusError,
    ServiceBusServerBusyError,
)

from deploy.sandbox.client import PATIENCE_S
from deploy.sandbox.servicebus.amqp.codec import Described, Ulong
from deploy.sandbox.servicebus.amqp.frames import Close, Detach, Disposition, Flow, Transfer
from deploy.sandbox.servicebus.faults import TROUBLES, BusFaults
from deploy.sandbox.servicebus.limits import Limits
from deploy.sandbox.servicebus.sections import build, read
from deploy.sandbox.servicebus.server import BusServer
from tests.contract.servicebus.peer import Peer, condition
from tests.contract.servicebus.rig import MARKS, Bus, only, serving, texts

pytestmark = MARKS

ACCEPTED = Described(Ulong(0x24), [])


@pytest_asyncio.fixture(loop_scope="package", scope="module")
async def shared() -> AsyncIterator[Bus]:
    """Clients for this module alone: it leaves their links detached and their connections closed."""
    async with serving() as bus:
        yield bus


def put(server: BusServer, *bodies: str) -> None:
    server.namespace.queues["plain"].send([read(build(body.encode(), body, {}, None)) for body in bodies])
    server.broker.wake()


async def ready(peer: Peer) -> Peer:
    """The peer, with a token for the queue ``plain``."""
    await peer.opened()
    assert await peer.put_token("plain") == 202
    return peer


# -- links ---------------------------------------------------------------------------------------------


async def test_a_link_that_nobody_uses_is_detached_and_a_used_one_stays(own: BusServer) -> None:
    own.broker.limit(Limits(link_idle_s=0.6))
    async with Peer.connect(own.amqp_port) as peer:
        await ready(peer)
        await peer.put_token("quick")
        await peer.attach(0, "quick", receives=True)
        await peer.attach(1, "plain", receives=False)
        for number in range(5):
            await asyncio.sleep(0.2)
            peer.say(Transfer(1, number + 2, bytes([number]), 0, settled=True), build(b"x", None, {}, None))
        for handle, words in (
            (0, "Code: consumer(link1). Details: AmqpMessageConsumer.IdleTimerExpired"),
            (1, "Code: publisher(link1). Details: AmqpMessagePublisher.IdleTimerExpired"),
        ):
            detached = await peer.expect(Detach)
            assert (detached.handle, detached.closed) == (handle, True)
            assert condition(detached)[0] == "amqp:link:detach-forced"
            assert words in condition(detached)[1]
    assert len(own.namespace.queues["plain"].messages) == 5


async def test_the_management_link_is_detached_too(own: BusServer) -> None:
    async with Peer.connect(own.amqp_port) as peer:
        await ready(peer)
        await peer.ask((1, 2), "plain/$management", {}, operation="com.microsoft:none")
        own.broker.limit(Limits(link_idle_s=0.3))
        ended = [await peer.expect(Detach), await peer.expect(Detach)]
        assert {detached.handle for detached in ended} == {1, 2}
        assert "AmqpControlProtocolClient.IdleTimerExpired: Idle timeout: 00:00:00." in condition(ended[0])[1]
        assert await peer.put_token("plain") == 202  # $cbs stays


async def test_what_was_sent_before_the_detach_was_heard_of_is_discarded(own: BusServer) -> None:
    async with Peer.connect(own.amqp_port) as peer:
        await ready(peer)
        await peer.attach(1, "plain", receives=False)
        own.broker.apply(BusFaults(detach=True))
        peer.say(Transfer(1, 1, b"1", 0, settled=True), build(b"late", None, {}, None))
        peer.say(Flow(0, 100, 0, 100, 1, 0, 10))
        peer.say(Detach(1, closed=True))
        assert await peer.put_token("plain") == 202
        await peer.attach(1, "plain", receives=False)
    assert not own.namespace.queues["plain"].messages


async def test_the_client_comes_back_after_its_links_were_detached(bus: Bus) -> None:
    await bus.send("plain", "before")
    async with bus.receiver("plain", max_wait_time=PATIENCE_S) as receiver:
        await receiver.complete_message((await only(receiver))[0])
        bus.server.broker.apply(BusFaults(detach=True))
        await bus.send("plain", "after")
        assert texts(await only(receiver)) == ["after"]


# -- connections ---------------------------------------------------------------------------------------


async def test_a_connection_without_links_is_closed_by_the_link_tracker(own: BusServer) -> None:
    own.broker.limit(Limits(links_first_s=0.3, links_gone_s=0.6))
    async with Peer.connect(own.amqp_port) as never, Peer.connect(own.amqp_port) as once:
        await ready(never)
        await ready(once)
        await once.attach(0, "plain", receives=True)
        why, words = condition(await never.expect(Close))
        assert (why, "300 milliseconds and is closed by container 'LinkTracker'" in words) == (
            "amqp:connection:forced",
            True,
        )
        gone = time.monotonic()
        once.say(Detach(0, closed=True))
        assert condition(await once.expect(Close))[0] == "amqp:connection:forced"
        assert time.monotonic() - gone >= 0.5


@pytest.mark.parametrize("close", ["forced", "unused"])
async def test_the_client_comes_back_after_its_connections_were_closed(bus: Bus, close: str) -> None:
    await bus.send("plain", "before")
    async with (
        Peer.connect(bus.server.amqp_port) as peer,
        bus.receiver("plain", max_wait_time=PATIENCE_S) as receiver,
    ):
        await ready(peer)
        await receiver.complete_message((await only(receiver))[0])
        bus.server.broker.apply(BusFaults.model_validate({"close": close}))
        assert await peer.error() == "amqp:connection:forced"
        await bus.send("plain", "after")
        assert texts(await only(receiver)) == ["after"]


async def test_a_session_is_asked_for_an_echo_from_time_to_time(own: BusServer) -> None:
    own.broker.limit(Limits(flow_every_s=0.2))
    async with Peer.connect(own.amqp_port) as peer:
        await ready(peer)
        begun = time.monotonic()
        for _ in range(3):
            flow = await peer.expect(Flow)
            while flow.handle is not None:
                flow = await peer.expect(Flow)
            assert flow.echo
        assert time.monotonic() - begun > 0.3


async def test_the_client_works_on_while_it_is_asked_for_echoes(bus: Bus) -> None:
    bus.server.broker.limit(Limits(flow_every_s=0.05))
    async with bus.receiver("plain", max_wait_time=PATIENCE_S) as receiver:
        for number in range(8):
            await bus.send("plain", str(number))
            (got,) = await only(receiver)
            assert str(got) == str(number)
            await receiver.complete_message(got)


# -- settling after a detach ---------------------------------------------------------------------------


async def test_a_settlement_over_a_detached_link_is_taken_by_management_alone(own: BusServer) -> None:
    put(own, "x")
    async with Peer.connect(own.amqp_port) as peer:
        await ready(peer)
        await peer.attach(0, "plain", receives=True)
        got = await peer.expect(Transfer)
        own.broker.apply(BusFaults(detach=True))
        await peer.expect(Detach)
        peer.say(Disposition(role=True, first=got.delivery_id or 0, state=ACCEPTED))
        assert await peer.quiet(0.3)
        assert own.namespace.queues["plain"].messages
        assert await peer.settle_by_management("plain", got.delivery_tag or b"") == 200
    assert not own.namespace.queues["plain"].messages


async def test_a_lock_that_ended_with_its_link_is_lost_in_both_places(own: BusServer) -> None:
    put(own, "x")
    async with Peer.connect(own.amqp_port) as peer:
        await ready(peer)
        await peer.attach(0, "plain", receives=True)
        got = await peer.expect(Transfer)
        own.broker.apply(BusFaults.model_validate(TROUBLES["detach, locks lost"]))
        await peer.expect(Detach)
        peer.say(Disposition(role=True, first=got.delivery_id or 0, state=ACCEPTED))
        refused = await peer.expect(Disposition)
        assert refused.state.value[0].value[0] == "com.microsoft:message-lock-lost"
        assert await peer.settle_by_management("plain", got.delivery_tag or b"") == 410
    (message,) = own.namespace.queues["plain"].messages.values()
    assert (message.token, message.delivery_count) == (None, 1)


async def test_the_client_settles_a_message_whose_link_was_detached(bus: Bus) -> None:
    await bus.send("plain", "kept")
    async with bus.receiver("plain", max_wait_time=PATIENCE_S) as receiver:
        (got,) = await only(receiver)
        bus.server.broker.apply(BusFaults(detach=True))
        await receiver.complete_message(got)
    assert (await bus.state("plain"))["messages"] == []


async def test_the_client_is_told_when_a_lock_ended_with_its_link(bus: Bus) -> None:
    await bus.send("plain", "lost")
    async with bus.receiver("plain", max_wait_time=PATIENCE_S) as receiver:
        (got,) = await only(receiver)
        bus.server.broker.apply(BusFaults(detach=True, locks_end_with_link=True))
        with pytest.raises(MessageLockLostError):
            await receiver.complete_message(got)
    assert [message["body"] for message in (await bus.state("plain"))["messages"]] == ["lost"]


# -- refusals ------------------------------------------------------------------------------------------


async def test_a_busy_server_refuses_sends_operations_and_links(bus: Bus) -> None:
    async with bus.impatient() as client, client.get_queue_sender("plain") as sender:
        bus.server.broker.apply(BusFaults(busy=True))
        with pytest.raises(ServiceBusServerBusyError, match="50009"):
            await sender.send_messages(ServiceBusMessage("x"))
        with pytest.raises(ServiceBusServerBusyError):
            await client.get_queue_receiver("plain").__aenter__()
        bus.server.broker.apply(BusFaults())
        await sender.send_messages(ServiceBusMessage("y"))
    assert [message["body"] for message in (await bus.state("plain"))["messages"]] == ["y"]


async def test_a_disabled_queue_detaches_its_links_and_takes_no_new_ones(bus: Bus) -> None:
    async with bus.impatient() as client, Peer.connect(bus.server.amqp_port) as peer:
        await ready(peer)
        await peer.attach(0, "plain", receives=True)
        bus.server.broker.apply(BusFaults(disabled=("plain",)))
        assert condition(await peer.expect(Detach))[0] == "com.microsoft:entity-disabled"
        for name in ("plain", "plain/$deadletterqueue"):
            with pytest.raises(MessagingEntityDisabledError, match="currently disabled"):
                await client.get_queue_receiver(name).__aenter__()
        async with client.get_queue_sender("quick") as sender:
            await sender.send_messages(ServiceBusMessage("others work on"))
        bus.server.broker.apply(BusFaults())
        async with client.get_queue_sender("plain") as sender:
            await sender.send_messages(ServiceBusMessage("enabled again"))


# -- silence -------------------------------------------------------------------------------------------


async def test_a_silent_peer_keeps_tcp_and_answers_nothing_for_good(own: BusServer) -> None:
    async with Peer.connect(own.amqp_port) as peer:
        await ready(peer)
        await peer.attach(0, "plain", receives=True)
        assert await peer.quiet(0.1)  # its credit has arrived
        own.broker.apply(BusFaults(silent=True))
        put(own, "into the void")
        peer.say(Flow(0, 100, 0, 100, echo=True))
        assert await peer.quiet(0.3)
        own.broker.apply(BusFaults())
        assert await peer.quiet(0.3)
        (message,) = own.namespace.queues["plain"].messages.values()
        assert message.token is not None  # delivered, and heard by nobody
        own.broker.limit(Limits(connection_idle_s=0.2))
        assert await peer.quiet(0.5)


async def test_a_connection_made_in_silence_stays_silent_and_the_next_one_works(own: BusServer) -> None:
    own.broker.apply(BusFaults(silent=True))
    async with Peer.connect(own.amqp_port) as peer:
        peer.writer.write(b"AMQP\x03\x01\x00\x00")
        assert await peer.quiet(0.2)
        own.broker.apply(BusFaults())
        assert await peer.quiet(0.2)
    async with Peer.connect(own.amqp_port) as peer:
        await ready(peer)


async def test_a_send_into_silence_ends_by_its_own_timeout(own: BusServer) -> None:
    async with ServiceBusClient.from_connection_string(own.connection, retry_total=0) as client:
        sender = await client.get_queue_sender("plain").__aenter__()
        own.broker.apply(BusFaults(silent=True))
        with pytest.raises(ServiceBusError):
            await sender.send_messages(ServiceBusMessage("x"), timeout=0.5)
        own.broker.apply(BusFaults())
        own.broker.cut_all()
