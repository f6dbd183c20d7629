"""The Service Bus stand-in through the unmodified Azure client: due times, expiry, duplicates."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.exceptions import MessageNotFoundError

from tests.contract.servicebus.rig import MARKS, Bus, only, texts

pytestmark = MARKS


# -- time ----------------------------------------------------------------------------------------------


@pytest.mark.quiet
async def test_a_scheduled_message_comes_at_its_time_with_a_new_number(bus: Bus) -> None:
    sender = await bus.sender("plain")  # first: opening it takes half a second
    due = datetime.now(UTC) + timedelta(seconds=0.8)
    (number,) = await sender.schedule_messages(ServiceBusMessage("at noon"), due)
    assert (await bus.state("plain"))["scheduled"] == 1
    async with bus.receiver("plain") as receiver:
        (got,) = await only(receiver)
        assert timedelta(0) <= datetime.now(UTC) - due < timedelta(seconds=0.5)
        assert (got.sequence_number or 0) > number


async def test_a_message_is_scheduled_by_its_annotation_too(bus: Bus) -> None:
    sender = await bus.sender("plain")
    message = ServiceBusMessage(
        "later", scheduled_enqueue_time_utc=datetime.now(UTC) + timedelta(seconds=0.5)
    )
    await sender.send_messages(message)
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


async def test_a_message_lives_no_longer_than_its_queue_lets_it(bus: Bus) -> None:
    await bus.send("brief", "unsaid")
    await bus.send("brief", "for an hour", time_to_live=timedelta(hours=1))
    await bus.send("brief", "shorter", time_to_live=timedelta(seconds=5))
    async with bus.receiver("brief") as receiver:
        got = await receiver.peek_messages(3)
        assert [message.time_to_live for message in got] == [
            timedelta(seconds=seconds) for seconds in (6, 6, 5)
        ]
    async with bus.dead("brief") as receiver:
        assert set(texts(await only(receiver, 3))) == {"unsaid", "for an hour", "shorter"}


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
