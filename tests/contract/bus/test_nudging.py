"""Nudging and connecting over AMQP: the product's classes and the real client, against the stand-in."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusMessageBatch
from azure.servicebus._pyamqp.aio import _link_async

from deploy.sandbox.servicebus.faults import BusFaults
from deploy.sandbox.servicebus.messages import State
from tests import builders as a
from tests.contract.bus.rig import MARKS, Bus, ids, nudge, until
from workers.bus import nudger as nudger_module
from workers.bus.connection import connected
from workers.bus.nudge_batch import as_message
from workers.bus.nudger import BusNudger, QueueSender
from workers.domain.errors import DependencyAway
from workers.domain.nudges import Subject

pytestmark = MARKS


async def counted(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many messages each list to the queue ``work`` holds, from now on."""
    await bus.nudger.open()
    sender = bus.nudger._work._sender
    assert sender is not None
    sends: list[int] = []
    send = sender.send_messages

    async def counting(messages: ServiceBusMessageBatch | list[ServiceBusMessage], **options: Any) -> None:
        sends.append(len(messages))
        await send(messages, **options)

    monkeypatch.setattr(sender, "send_messages", counting)
    return sends


class TestNudging:
    @pytest.fixture(autouse=True)
    def emptied(self, bus: Bus) -> None:
        for name in ("work", "notices"):
            bus.server.namespace.queues[name].purge()

    async def test_a_nudge_goes_to_its_queue_with_its_id_and_its_text(self, bus: Bus) -> None:
        await bus.nudger.work(nudge(1))
        await bus.nudger.notices(nudge(2, version=7, subject=Subject.CONTAINMENT))
        (work,), (notice,) = bus.messages("work"), bus.messages("notices")
        assert work.payload.message_id == f"a{1:025}:1:0"
        assert notice.payload.message_id == f"a{2:025}:7:0"
        assert nudge(1).model_dump_json().encode() in work.payload.content

    async def test_one_with_a_due_time_waits_at_the_broker_until_then_and_not_longer(self, bus: Bus) -> None:
        due = datetime.now(UTC) + timedelta(milliseconds=700)
        await bus.nudger.work(nudge(due=due))
        (message,) = bus.messages("work")
        milliseconds = int(due.timestamp() * 1000)
        assert message.payload.message_id == f"{nudge().id}:1:{milliseconds}"
        assert message.state is State.SCHEDULED
        await until(lambda: message.state is State.ACTIVE)
        assert milliseconds <= message.enqueued_ms < milliseconds + 500

    async def test_one_whose_time_has_passed_arrives_at_once(self, bus: Bus) -> None:
        await bus.nudger.work(nudge(due=a.NOW - timedelta(days=400)))
        assert [m.state for m in bus.messages("work")] == [State.ACTIVE]

    async def test_the_same_nudge_may_be_sent_again(self, bus: Bus) -> None:
        for _ in range(3):
            await bus.nudger.work(nudge())
            await bus.nudger.notices(nudge())
        assert (len(bus.messages("work")), len(bus.messages("notices"))) == (3, 3)

    async def test_many_at_once_go_out_in_few_sends_and_none_is_lost(
        self, bus: Bus, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sends = await counted(bus, monkeypatch)
        await asyncio.gather(*(bus.nudger.work(nudge(n)) for n in range(500)))
        assert sum(sends) == 500
        assert len(sends) <= 5
        assert sorted(ids(bus.messages("work"))) == [nudge(n).message_id for n in range(500)]

    async def test_more_than_fit_into_one_message_go_out_too(self, bus: Bus) -> None:
        await bus.nudger.work(*(nudge(n) for n in range(2000)))
        assert len(bus.messages("work")) == 2000

    async def test_a_nudge_in_a_batch_is_on_the_wire_what_it_is_alone(self, bus: Bus) -> None:
        """What the product encodes by itself, against what the SDK makes of the same message."""
        await bus.nudger.open()
        sender = bus.nudger._work._sender
        assert sender is not None
        several = [nudge(1), nudge(2, version=7, subject=Subject.CONTAINMENT)]
        for one in several:
            await sender.send_messages([as_message(one)])
        await bus.nudger.work(*several)
        alone, ours = bus.messages("work")[:2], bus.messages("work")[2:]
        assert [m.payload for m in ours] == [m.payload for m in alone]

    async def test_scheduled_ones_and_others_go_out_together(self, bus: Bus) -> None:
        later = nudge(2, due=datetime.now(UTC) + timedelta(hours=1))
        await bus.nudger.work(nudge(1), later, nudge(3))
        sent = {m.payload.message_id: m.state for m in bus.messages("work")}
        assert sent == {
            nudge(1).message_id: State.ACTIVE,
            later.message_id: State.SCHEDULED,
            nudge(3).message_id: State.ACTIVE,
        }

    async def test_those_of_a_few_turns_go_out_in_one_list(
        self, bus: Bus, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def after(turns: int) -> None:
            for _ in range(turns):
                await asyncio.sleep(0)
            await bus.nudger.work(nudge(turns))

        sends = await counted(bus, monkeypatch)
        await asyncio.gather(*(after(turns) for turns in range(20)))
        await asyncio.gather(after(20), after(21))
        assert sends == [20, 2]

    async def test_nothing_is_sent_for_nothing(self, bus: Bus) -> None:
        await bus.nudger.work()
        assert bus.messages("work") == []

    async def test_a_scheduled_look_can_be_taken_back(self, bus: Bus) -> None:
        due = datetime.now(UTC) + timedelta(hours=1)
        number = await bus.nudger.schedule_work(nudge(due=due))
        kept = await bus.nudger.schedule_work(nudge(2, due=due))
        await bus.nudger.cancel_work(number)
        assert [m.sequence for m in bus.messages("work")] == [kept]

    async def test_one_without_a_time_can_not_be_scheduled(self, bus: Bus) -> None:
        with pytest.raises(ValueError, match="without a due time"):
            await bus.nudger.schedule_work(nudge())

    async def test_first_calls_at_the_same_moment_open_one_link(
        self, bus: Bus, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        opened: list[str] = []
        make = bus.client.get_queue_sender

        def counting(queue: str, **options: Any) -> Any:
            opened.append(queue)
            return make(queue, **options)

        monkeypatch.setattr(bus.client, "get_queue_sender", counting)
        fresh = QueueSender(bus.client, "work")
        due = datetime.now(UTC) + timedelta(hours=1)
        await asyncio.gather(
            fresh.send([ServiceBusMessage("x")]),
            fresh.schedule(ServiceBusMessage("y"), due),
            fresh.schedule(ServiceBusMessage("z"), due),
            fresh.open(),
        )
        await fresh.close()
        assert opened == ["work"]

    async def test_more_is_scheduled_than_the_broker_may_answer_on_one_link(
        self, bus: Bus, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        may_answer, due = 6, datetime.now(UTC) + timedelta(hours=1)
        monkeypatch.setattr(_link_async, "DEFAULT_LINK_CREDIT", may_answer)  # 10,000, never renewed
        monkeypatch.setattr(nudger_module, "_MOST_MANAGED", may_answer - 1)
        sender = QueueSender(bus.client, "work")
        sends = []
        for n in range(may_answer * 2):
            sends.append(asyncio.create_task(sender.send([ServiceBusMessage(f"now {n}")])))
            number = await asyncio.wait_for(sender.schedule(ServiceBusMessage(f"later {n}"), due), 5)
            if n % 2:
                await asyncio.wait_for(sender.cancel(number), 5)
        await asyncio.gather(*sends)
        retired = list(sender._retired)
        await sender.close()
        assert len(bus.messages("work")) == may_answer * 3
        assert len(retired) == may_answer * 3 // (may_answer - 1)
        for old in retired:
            with pytest.raises(ValueError, match="shutdown"):
                await old.send_messages(ServiceBusMessage("x"))

    async def test_closing_sends_what_waits(self, bus: Bus) -> None:
        fresh = BusNudger(bus.client)
        sends = [asyncio.create_task(fresh.work(nudge(n))) for n in range(20)]
        await asyncio.sleep(0)
        await fresh.close()
        await asyncio.gather(*sends)
        assert len(bus.messages("work")) == 20

    async def test_a_broker_that_is_away_is_said_so_and_later_nudges_go_out(
        self, bus: Bus, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(nudger_module, "SEND_TIMEOUT_S", 0.5)
        fresh = BusNudger(bus.client)
        await fresh.work(nudge(1))
        bus.server.broker.faults = BusFaults(refuse_connections=True)
        bus.server.broker.cut_all()
        with pytest.raises(DependencyAway, match="servicebus: could not send to work"):
            await fresh.work(nudge(2))
        bus.server.broker.faults = BusFaults()
        monkeypatch.undo()
        await fresh.work(nudge(3))
        assert nudge(3).message_id in ids(bus.messages("work"))
        await fresh.close()


class TestConnecting:
    async def test_neither_connection_nor_namespace_is_refused(self) -> None:
        with pytest.raises(ValueError, match="STARTGATE_SERVICEBUS_CONNECTION"):
            async with connected(connection=None, namespace=None):
                pass
