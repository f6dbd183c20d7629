"""Nudging and connecting over AMQP: the product's classes and the real client, against the stand-in."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusMessageBatch
from structlog.testing import capture_logs

from deploy.sandbox.servicebus.faults import BusFaults
from deploy.sandbox.servicebus.messages import State
from deploy.sandbox.servicebus.wire.links import Replies
from tests import builders as a
from tests.contract.bus.rig import MARKS, Bus, ids, nudge, until
from workers.bus import connection as connection_module
from workers.bus import sender as sender_module
from workers.bus.connection import connected
from workers.bus.nudger import BusNudger
from workers.bus.sender import QueueSender
from workers.domain.errors import DependencyAway
from workers.domain.nudges import Subject

pytestmark = MARKS


async def counted(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many messages each list to the queue ``work`` holds, from now on."""
    await bus.nudger.open()
    sender = bus.nudger._work._link
    assert sender is not None
    sends: list[int] = []
    send = sender.send_messages

    async def counting(messages: ServiceBusMessageBatch | list[ServiceBusMessage], **options: Any) -> None:
        sends.append(len(messages))
        await send(messages, **options)

    monkeypatch.setattr(sender, "send_messages", counting)
    return sends


def links_opened(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The queues to which links are made, from now on."""
    opened: list[str] = []
    make = bus.client.get_queue_sender

    def counting(queue: str, **options: Any) -> Any:
        opened.append(queue)
        return make(queue, **options)

    monkeypatch.setattr(bus.client, "get_queue_sender", counting)
    return opened


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
        assert milliseconds <= message.enqueued_ms < milliseconds + 5000

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
        # What is not acknowledged in time is sent once more, with the same id.
        assert len({message.payload.message_id for message in bus.messages("work")}) == 2000

    async def test_scheduled_ones_and_others_go_out_together(self, bus: Bus) -> None:
        later = nudge(2, due=datetime.now(UTC) + timedelta(hours=1))
        await bus.nudger.work(nudge(1), later, nudge(3))
        sent = {m.payload.message_id: m.state for m in bus.messages("work")}
        assert sent == {
            nudge(1).message_id: State.ACTIVE,
            later.message_id: State.SCHEDULED,
            nudge(3).message_id: State.ACTIVE,
        }

    async def test_what_comes_while_a_list_is_under_way_goes_out_together_next(
        self, bus: Bus, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sends = await counted(bus, monkeypatch)
        first = asyncio.create_task(bus.nudger.work(nudge(1)))
        await until(lambda: sends)
        await asyncio.gather(*(bus.nudger.work(nudge(n)) for n in range(2, 12)), first)
        assert sends == [1, 10]

    async def test_one_that_is_too_large_takes_no_other_with_it(self, bus: Bus) -> None:
        sender = QueueSender(bus.client, "work")
        large, small = ServiceBusMessage("x" * 300_000), ServiceBusMessage("y", message_id="small")
        refused, sent = await asyncio.gather(
            sender.send([large]), sender.send([small]), return_exceptions=True
        )
        await sender.close()
        assert isinstance(refused, DependencyAway)
        assert "too large" in str(refused)
        assert sent is None
        assert ids(bus.messages("work")) == ["small"]

    async def test_nothing_is_sent_for_nothing(self, bus: Bus) -> None:
        await bus.nudger.work()
        assert bus.messages("work") == []

    async def test_a_scheduled_look_can_be_taken_back(self, bus: Bus) -> None:
        due = datetime.now(UTC) + timedelta(hours=1)
        number = await bus.nudger.schedule_work(nudge(due=due))
        kept = await bus.nudger.schedule_work(nudge(2, due=due))
        await bus.nudger.cancel_work(number)
        await until(lambda: [m.sequence for m in bus.messages("work")] == [kept])

    @pytest.mark.quiet
    async def test_nobody_waits_for_those_that_are_gone_already(self, bus: Bus) -> None:
        due = datetime.now(UTC) + timedelta(hours=1)
        number = await bus.nudger.schedule_work(nudge(due=due))
        begun = time.monotonic()
        for gone in range(10_000, 10_010):
            await bus.nudger.cancel_work(gone)
        await bus.nudger.cancel_work(number)
        assert time.monotonic() - begun < 0.1
        await bus.nudger.work(nudge(2))
        await until(lambda: ids(bus.messages("work")) == [nudge(2).message_id])

    async def test_a_cancelling_that_is_never_answered_holds_no_nudge_up(
        self, bus: Bus, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await bus.nudger.open()
        monkeypatch.setattr(connection_module, "OPEN_S", 0.5)
        monkeypatch.setattr(Replies, "put", lambda *_: None)
        with capture_logs() as logs:
            await bus.nudger.cancel_work(1)
            await bus.nudger.work(nudge(1))
            assert len(bus.messages("work")) == 1
            await until(lambda: [line for line in logs if "not cancelled" in line["event"]])

    async def test_one_without_a_time_can_not_be_scheduled(self, bus: Bus) -> None:
        with pytest.raises(ValueError, match="without a due time"):
            await bus.nudger.schedule_work(nudge())

    async def test_first_calls_at_the_same_moment_open_one_link(
        self, bus: Bus, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        opened = links_opened(bus, monkeypatch)
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

    async def test_a_link_is_left_before_the_broker_may_no_longer_answer_on_it(
        self, bus: Bus, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The SDK gives it credit for 10,000 answers, once."""
        monkeypatch.setattr(sender_module, "_MOST_MANAGED", 3)
        opened = links_opened(bus, monkeypatch)
        sender = QueueSender(bus.client, "work")
        due = datetime.now(UTC) + timedelta(hours=1)
        for n in range(7):
            await sender.schedule(ServiceBusMessage(f"later {n}"), due)
        await sender.close()
        assert opened == ["work"] * 3
        assert len(bus.messages("work")) == 7

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
        fresh = BusNudger(bus.client)
        await fresh.work(nudge(1))
        monkeypatch.setattr(sender_module, "WITHIN_S", 0.5)
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
