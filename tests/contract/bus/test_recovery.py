"""Links that Service Bus gave up, or that fell silent, are opened anew before anybody misses them."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from deploy.sandbox.client import PATIENCE_S
from deploy.sandbox.servicebus.faults import BusFaults
from deploy.sandbox.servicebus.messages import Settings
from tests.contract.bus.refusing import detach_management
from tests.contract.bus.rig import MARKS, Bus, Taken, completes, ids, nudge, until
from workers.bus import sender as sender_module
from workers.bus.nudger import BusNudger
from workers.domain import messages as domain
from workers.domain.messages import Complete

pytestmark = MARKS

SOON_S = 1.0
"""Instead of four minutes."""


@pytest.fixture(autouse=True)
def emptied(bus: Bus) -> None:
    bus.server.namespace.queues["work"].purge()


def silence(bus: Bus) -> None:
    """Connections of now stay up, but say and hear nothing any more."""
    bus.server.broker.apply(BusFaults(silent=True))
    bus.server.broker.apply(BusFaults())


class TestSenders:
    async def test_a_look_is_scheduled_although_management_was_detached_for_idleness(self, bus: Bus) -> None:
        nudger, due = BusNudger(bus.client), datetime.now(UTC) + timedelta(hours=1)
        await nudger.schedule_work(nudge(1, due=due))
        assert detach_management(bus.server) >= 2
        async with asyncio.timeout(PATIENCE_S):
            await nudger.schedule_work(nudge(2, due=due))
        assert ids(bus.messages("work")) == [nudge(n, due=due).message_id for n in (1, 2)]
        await nudger.close()

    @pytest.mark.quiet
    async def test_a_link_is_replaced_before_it_can_have_been_silent_for_long(self, bus: Bus) -> None:
        nudger = BusNudger(bus.client, quiet_s=SOON_S)
        await nudger.work(nudge(1))
        silence(bus)
        await asyncio.sleep(2 * SOON_S)  # until the next link is open
        async with asyncio.timeout(1):
            await nudger.work(nudge(2))
        assert ids(bus.messages("work")) == [nudge(n).message_id for n in (1, 2)]
        await nudger.close()

    async def test_what_is_sent_on_a_silent_link_goes_out_on_another(
        self, bus: Bus, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sender_module, "_ATTEMPT_S", 1.0)
        nudger = BusNudger(bus.client)
        await nudger.work(nudge(1))
        silence(bus)
        async with asyncio.timeout(PATIENCE_S):
            await nudger.work(nudge(2))
        assert ids(bus.messages("work")) == [nudge(n).message_id for n in (1, 2)]
        await nudger.close()


class TestReceivers:
    async def test_a_link_that_fell_silent_is_opened_anew(self, bus: Bus) -> None:
        queue, taken = bus.queue(), Taken(completes)
        bus.server.namespace.queues[queue].settings = Settings(name=queue, lock_ms=600)
        await bus.receive(queue, taken, quiet_s=SOON_S)
        silence(bus)
        bus.put(queue, "x")
        await until(lambda: not bus.messages(queue))
        assert taken.bodies == ["x"]
        bus.server.broker.cut_all()

    async def test_a_quiet_link_is_opened_anew_without_a_word(
        self, bus: Bus, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        queue, taken, made = bus.queue(), Taken(completes), list[str]()
        make = bus.client.get_queue_receiver

        def making(name: str, **options: object) -> object:
            made.append(name)
            return make(name, **options)

        monkeypatch.setattr(bus.client, "get_queue_receiver", making)
        with capture_logs() as logs:
            await bus.receive(queue, taken, quiet_s=SOON_S)
            await until(lambda: made.count(queue) >= 2)
            bus.put(queue, "x")
            await until(lambda: not bus.messages(queue))
        assert [line for line in logs if line.get("queue") == queue] == []


class TestSlowMessages:
    async def test_one_holds_up_no_other(self, bus: Bus) -> None:
        queue, go = bus.queue(), asyncio.Event()

        async def answer(message: domain.Message) -> domain.Settlement:
            if message.body == b"slow":
                await go.wait()
            return Complete()

        taken = Taken(answer)
        await bus.receive(queue, taken, concurrency=4)
        bus.put(queue, "slow")
        await until(lambda: taken.bodies == ["slow"])
        bus.put(queue, *map(str, range(20)))
        await until(lambda: len(bus.messages(queue)) == 1)
        go.set()
        await until(lambda: not bus.messages(queue))
        assert len(taken.messages) == 21

    async def test_one_keeps_its_lock_for_as_long_as_it_takes(self, bus: Bus) -> None:
        """The SDK's renewer looks once a second: locks of a real queue take half a minute."""
        queue, go = bus.queue(), asyncio.Event()
        bus.server.namespace.queues[queue].settings = Settings(name=queue, lock_ms=6_000)

        async def answer(_: domain.Message) -> domain.Settlement:
            await go.wait()
            return Complete()

        taken = Taken(answer)
        await bus.receive(queue, taken)
        bus.put(queue, "slow")
        await asyncio.sleep(8)
        go.set()
        await until(lambda: not bus.messages(queue))
        assert [m.delivery_count for m in taken.messages] == [0]

    @pytest.mark.quiet
    async def test_a_lone_message_is_begun_at_once(self, bus: Bus) -> None:
        """By itself the client waits 0.2 s for others to come with it."""
        queue, took, put_at = bus.queue(), list[float](), 0.0
        loop = asyncio.get_running_loop()

        def answer(_: domain.Message) -> domain.Settlement:
            took.append(loop.time() - put_at)
            return Complete()

        await bus.receive(queue, Taken(answer))
        for n in range(7):
            await asyncio.sleep(0.07 * n)
            put_at = loop.time()
            bus.put(queue, str(n))
            await until(lambda n=n: len(took) > n)
        assert sorted(took)[3] < 0.05
