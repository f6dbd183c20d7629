"""The Service Bus stand-in through the unmodified Azure client: sending, receiving, and refusals."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from azure.servicebus import (
    NEXT_AVAILABLE_SESSION,
    ServiceBusMessage,
    ServiceBusMessageState,
    ServiceBusReceiveMode,
)
from azure.servicebus.amqp import AmqpAnnotatedMessage, AmqpMessageProperties
from azure.servicebus.exceptions import (
    MessageSizeExceededError,
    ServiceBusAuthenticationError,
    ServiceBusError,
)

from tests.contract.servicebus.rig import MARKS, Bus, only, texts, until

pytestmark = MARKS


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
        assert got.raw_amqp_message.delivery_annotations == {b"x-opt-lock-token": got.lock_token}
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


async def test_header_and_annotations_of_an_amqp_message_are_handed_on(bus: Bus) -> None:
    sent = AmqpAnnotatedMessage(
        value_body={b"key": [-123, b"data", False]},
        header={"priority": 10},
        annotations={"ann_key": "ann_value"},
        delivery_annotations={"del_key": "del_value"},
        footer={"foot_key": "foot_value"},
    )
    await (await bus.sender("plain")).send_messages(sent)
    async with bus.receiver("plain") as receiver:
        (got,) = await only(receiver)
        raw = got.raw_amqp_message
        assert raw.body == {b"key": [-123, b"data", False]}
        assert raw.header is not None
        assert raw.header.priority == 10
        assert (raw.annotations or {})[b"ann_key"] == b"ann_value"
        assert raw.delivery_annotations == {
            b"del_key": b"del_value",
            b"x-opt-lock-token": got.lock_token,
        }
        assert raw.footer == {b"foot_key": b"foot_value"}


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


# -- refusals ------------------------------------------------------------------------------------------


async def test_an_unknown_queue_is_refused_with_404_when_the_token_is_put(bus: Bus) -> None:
    async with bus.impatient() as client:
        for link in (client.get_queue_sender("nowhere"), client.get_queue_receiver("nowhere")):
            # The client takes any refusal of a token for a matter of authentication.
            with pytest.raises(ServiceBusAuthenticationError) as caught:
                await link.__aenter__()
            assert "Status code: 404" in str(caught.value.inner_exception)


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
