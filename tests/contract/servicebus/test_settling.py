"""The Service Bus stand-in through the unmodified Azure client: settlements and locks."""

import asyncio
import time
from datetime import UTC, datetime

import pytest
from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusReceiver
from azure.servicebus.exceptions import MessageLockLostError, MessageNotFoundError

from tests.contract.servicebus.rig import MARKS, Bus, only, texts

pytestmark = MARKS


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


@pytest.mark.quiet
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


@pytest.mark.quiet
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
    await bus.send("steady", "long work")
    async with bus.receiver("steady") as receiver:
        (got,) = await only(receiver)
        await asyncio.sleep(2.6)
        until_utc = await receiver.renew_message_lock(got)
        assert 2.5 < (until_utc - datetime.now(UTC)).total_seconds() <= 5
        await asyncio.sleep(2.6)
        await receiver.complete_message(got)


async def test_a_lost_lock_cannot_be_renewed(bus: Bus) -> None:
    await bus.send("quick", "gone")
    async with bus.receiver("quick") as receiver:
        (got,) = await only(receiver)
        bus.server.namespace.queues["quick"].purge()
        with pytest.raises(MessageLockLostError):
            await receiver.renew_message_lock(got)
