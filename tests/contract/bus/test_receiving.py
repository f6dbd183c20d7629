"""Receiving over AMQP: the product's classes and the real client, against the stand-in."""

import asyncio
import json
import time

import pytest
from azure.servicebus import ServiceBusMessage

from tests.contract.bus.rig import MARKS, Bus, Taken, completes, until
from workers.bus import receiver as receiver_module
from workers.bus.gate import Gate
from workers.domain import messages as domain
from workers.domain.errors import DependencyAway
from workers.domain.messages import Complete, DeadLetter, Later
from workers.telemetry.health import Health

pytestmark = MARKS

SHUT_S = 4.0
"""Longer than a busy machine takes for what is looked at meanwhile."""


class TestReceiving:
    async def test_a_message_is_handed_over_whole_and_goes_when_it_is_done(self, bus: Bus) -> None:
        queue, taken = bus.queue(), Taken(completes)
        await bus.receive(queue, taken)
        bus.put(queue, '{"ä": 1}', ids=["m-1"])
        await until(lambda: not bus.messages(queue))
        (message,) = taken.messages
        assert json.loads(message.body) == {"ä": 1}
        assert (message.message_id, message.delivery_count) == ("m-1", 0)
        assert bus.dead(queue) == []

    async def test_what_can_not_be_understood_is_dead_lettered_with_reason_and_description(
        self, bus: Bus
    ) -> None:
        queue = bus.queue()
        taken = Taken(lambda _: DeadLetter(reason="NotJson", description="ä" * 5000))
        await bus.receive(queue, taken)
        bus.put(queue, "x")
        await until(lambda: bus.dead(queue))
        (dead,) = bus.dead(queue)
        assert (dead.reason, dead.description) == ("NotJson", "ä" * 1000)
        assert len(taken.messages) == 1

    async def test_later_comes_again_then_without_counting_as_a_failure(self, bus: Bus) -> None:
        queue = bus.queue()
        taken = Taken(lambda _: Later(after_s=0.3) if len(taken.messages) < 4 else Complete())
        await bus.receive(queue, taken)
        begun = time.monotonic()
        bus.put(queue, "x", ids=["m-1"])
        await until(lambda: len(taken.messages) == 4)
        assert time.monotonic() - begun >= 3 * 0.3
        assert [m.delivery_count for m in taken.messages] == [0] * 4
        names = [m.message_id for m in taken.messages]
        assert len(set(names)) == 4
        assert [name.partition("~")[0] for name in names] == ["m-1"] * 4
        assert set(taken.bodies) == {"x"}
        await until(lambda: not bus.messages(queue))
        assert bus.dead(queue) == []

    @pytest.mark.parametrize(
        "names",
        [
            ["", "", ""],
            ["m~a", "m~b", "m"],
            ["x" * 120 + "1", "x" * 120 + "2", "x" * 127],
            ["~", "~1", "m~1"],
        ],
    )
    async def test_later_loses_no_message_to_duplicate_detection(self, bus: Bus, names: list[str]) -> None:
        queue = bus.queue()
        while bus.server.namespace.queues[queue].settings.dedup_ms == 0:
            queue = bus.queue()
        taken = Taken(lambda _: Complete() if len(taken.messages) > 6 else Later(after_s=0.05))
        bus.put(queue, "one", "two", "three", ids=names)
        await bus.receive(queue, taken)
        await until(lambda: len(taken.messages) >= 9)
        await until(lambda: not bus.messages(queue))
        assert sorted(taken.bodies) == sorted(["one", "two", "three"] * 3)

    async def test_a_message_nobody_can_work_on_is_tried_again_then_dead_lettered_and_stops_no_other(
        self, bus: Bus
    ) -> None:
        queue = bus.queue()

        def answer(message: domain.Message) -> domain.Settlement:
            if message.body == b"poison":
                raise ZeroDivisionError
            return Complete()

        taken = Taken(answer)
        await bus.receive(queue, taken, concurrency=2)
        bus.put(queue, "poison", *map(str, range(20)))
        await until(lambda: bus.dead(queue) and not bus.messages(queue))
        (dead,) = bus.dead(queue)
        assert dead.reason == "MaxDeliveryCountExceeded"
        assert [m.delivery_count for m in taken.messages if m.body == b"poison"] == [0, 1, 2]
        assert sorted(b for b in taken.bodies if b != "poison") == sorted(map(str, range(20)))

    async def test_a_passing_defect_has_time_to_pass_before_a_message_is_dead_lettered(
        self, bus: Bus, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(receiver_module, "_LONGEST_PAUSE_S", 8.0)
        queue, at = bus.queue(), list[float]()

        def answer(_: domain.Message) -> domain.Settlement:
            at.append(time.monotonic())
            if len(at) < 3:
                raise ZeroDivisionError
            return Complete()

        await bus.receive(queue, Taken(answer))
        bus.put(queue, "x")
        await until(lambda: not bus.messages(queue))
        assert bus.dead(queue) == []
        assert at[1] - at[0] >= 0.25
        assert at[2] - at[1] >= 0.5

    async def test_several_are_worked_on_at_once_and_no_more_than_allowed(self, bus: Bus) -> None:
        queue, go, most, now = bus.queue(), asyncio.Event(), 0, 0

        async def answer(_: domain.Message) -> domain.Settlement:
            nonlocal most, now
            now += 1
            most = max(most, now)
            await go.wait()
            now -= 1
            return Complete()

        await bus.receive(queue, answer, concurrency=4)
        bus.put(queue, *map(str, range(12)))
        await until(lambda: now == 4)
        await asyncio.sleep(0.5)
        assert most == 4
        go.set()
        await until(lambda: not bus.messages(queue))
        assert most == 4


async def test_a_messages_properties_come_as_texts_whatever_their_type(bus: Bus) -> None:
    queue, taken = bus.queue(), Taken(completes)
    await bus.receive(queue, taken)
    message = ServiceBusMessage(
        b"{}", application_properties={"cloudEvents:specversion": "1.0", "count": 7, "yes": True}
    )
    async with bus.client.get_queue_sender(queue) as sender:
        await sender.send_messages(message)
    await until(lambda: taken.messages)
    assert taken.messages[0].properties == {"cloudEvents:specversion": "1.0", "count": 7, "yes": True}


class TestTheGate:
    async def test_what_is_away_shuts_it_and_it_goes_on_by_itself_without_burning_deliveries(
        self, bus: Bus
    ) -> None:
        queue, back = bus.queue(), False

        def answer(_: domain.Message) -> domain.Settlement:
            if not back:
                raise DependencyAway("redis", "no answer", retry_after_s=SHUT_S)
            return Complete()

        taken = Taken(answer)
        bus.put(queue, *map(str, range(10)))
        await bus.receive(queue, taken, concurrency=2)
        await until(lambda: taken.messages)
        await asyncio.sleep(0.3)
        during = len(taken.messages)
        assert during <= 4
        await asyncio.sleep(0.2)
        assert len(taken.messages) == during
        back = True
        await until(lambda: not bus.messages(queue))
        assert {m.delivery_count for m in taken.messages} == {0}
        assert bus.dead(queue) == []
        done = {m.body for m in taken.messages}
        assert done == {str(n).encode() for n in range(10)}

    async def test_while_it_is_away_only_one_message_at_a_time_finds_out(self, bus: Bus) -> None:
        queue, now, most = bus.queue(), 0, list[int]()

        async def answer(_: domain.Message) -> domain.Settlement:
            nonlocal now
            now += 1
            most.append(now)
            await asyncio.sleep(0.2)  # longer than a batch is waited for
            now -= 1
            raise DependencyAway("redis", "no answer", retry_after_s=0.1)

        bus.put(queue, *map(str, range(30)))
        task = await bus.receive(queue, answer, concurrency=8)
        await until(lambda: most)
        await asyncio.sleep(0.5)
        first = len(most)
        await until(lambda: len(most) >= first + 3)
        assert set(most[first:]) == {1}
        task.cancel()
        await asyncio.wait([task])

    async def test_large_messages_are_all_put_off_too(self, bus: Bus) -> None:
        queue, all_there = bus.queue(), asyncio.Event()

        async def answer(message: domain.Message) -> domain.Settlement:
            if "~" in message.message_id:
                return Complete()
            if len(taken.messages) == 12:
                all_there.set()
            await all_there.wait()
            raise DependencyAway("redis", "no answer", retry_after_s=0.3)

        taken = Taken(answer)
        names = [str(n) for n in range(12)]
        bus.put(queue, *(name + "x" * 60_000 for name in names), ids=names)
        await bus.receive(queue, taken, concurrency=12)
        await until(lambda: not bus.messages(queue))
        assert len(taken.messages) == 24
        assert {m.delivery_count for m in taken.messages} == {0}
        assert bus.dead(queue) == []

    async def test_messages_that_never_ask_what_is_away_do_not_open_it_or_call_it_well(
        self, bus: Bus
    ) -> None:
        queue, health, now, most = bus.queue(), Health("azure"), 0, list[int]()

        async def answer(message: domain.Message) -> domain.Settlement:
            nonlocal now
            if message.body == b"asks" and "~" not in message.message_id:
                raise DependencyAway("azure", "no answer", retry_after_s=0.1)
            now += 1
            most.append(now)
            await asyncio.sleep(0.1)  # longer than a batch is waited for
            now -= 1
            return Complete()

        bus.put(queue, "asks")
        await bus.receive(queue, answer, concurrency=8, health=health)
        await until(lambda: health.as_json()["dependencies"]["azure"]["state"] == "throttled")
        bus.put(queue, *map(str, range(6)))
        await until(lambda: len(most) >= 4)
        assert set(most[:4]) == {1}, "one at a time, since nothing has shown that Azure answers again"
        assert health.as_json()["dependencies"]["azure"]["state"] == "throttled"
        await until(lambda: not bus.messages(queue))
        health.ok("azure")  # its client has heard from it
        bus.put(queue, "first")
        await until(lambda: not bus.messages(queue))
        most.clear()
        bus.put(queue, *map(str, range(6, 12)))
        await until(lambda: len(most) == 6)
        assert max(most) > 1

    async def test_pauses_grow_until_it_answers_again(self) -> None:
        gate = Gate("q")
        loop = asyncio.get_running_loop()
        waits = []
        for _ in range(8):
            gate._reopens_at = loop.time()
            waits.append(gate.trip("away"))
        assert waits == [1, 2, 4, 8, 16, 30, 30, 30]
        gate.reset()
        assert not gate.shut
        assert gate.trip("away", wait_s=0.4) == 0.4
        assert gate.shut
        assert 0 < gate.remaining_s <= 0.4
        await asyncio.sleep(0.5)
        assert gate.remaining_s == 0

    async def test_failures_during_a_pause_do_not_lengthen_it(self) -> None:
        gate = Gate("q")
        gate.trip("away", wait_s=5)
        assert 4 < gate.trip("away", wait_s=60) <= 5
