"""Nudging and receiving over AMQP: the product's bus classes and the real client, against the stand-in."""

import asyncio
import gc
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import structlog
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient
from pydantic import SecretStr

from deploy.sandbox.servicebus.faults import BusFaults
from deploy.sandbox.servicebus.messages import DEAD_LETTERS, Message, Settings, State
from deploy.sandbox.servicebus.namespace import DEFAULT_QUEUES
from deploy.sandbox.servicebus.sections import build, read
from deploy.sandbox.servicebus.server import BusServer
from tests import builders as a
from workers.bus import nudger as nudger_module
from workers.bus import receiver as receiver_module
from workers.bus.connection import connected
from workers.bus.gate import Gate
from workers.bus.nudger import BusNudger, QueueSender
from workers.bus.receiver import Handler, QueueReceiver
from workers.domain import messages as domain
from workers.domain.errors import DependencyAway
from workers.domain.messages import Complete, DeadLetter, Later
from workers.domain.nudges import Nudge, Subject

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # When a connection is cut, the client leaves its socket to the garbage collector.
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning", "ignore:loop is closed:ResourceWarning"),
]

COUNT = 30
FREE = iter(range(COUNT))


class Bus:
    """The server under test. Every test takes a queue of its own, so that slow closing disturbs nobody."""

    def __init__(self, server: BusServer, client: ServiceBusClient) -> None:
        self.server = server
        self.client = client
        self.nudger = BusNudger(client)
        self._ending: list[asyncio.Task[None]] = []

    def queue(self) -> str:
        return f"q{next(FREE)}"

    def messages(self, queue: str) -> list[Message]:
        return list(self.server.namespace.queues[queue].messages.values())

    def dead(self, queue: str) -> list[Message]:
        return self.messages(queue + DEAD_LETTERS)

    def put(self, queue: str, *bodies: str, ids: list[str] | None = None) -> None:
        """Without AMQP; each has its body as its id, unless ``ids`` says otherwise."""
        names = ids if ids is not None else list(bodies)
        payloads = [read(build(b.encode(), i or None, {}, None)) for b, i in zip(bodies, names, strict=True)]
        self.server.namespace.queues[queue].send(payloads)
        self.server.broker.wake()

    def seen(self, kind: str, queue: str) -> list[dict[str, Any]]:
        return [e.data for e in self.server.record.since(0, kind) if e.data["queue"] == queue]

    async def receive(self, queue: str, handler: Handler, **options: Any) -> asyncio.Task[None]:
        """Run a receiver until the test ends; returns once it listens."""
        receiver = QueueReceiver(self.client, queue, handler, **options)
        task = asyncio.create_task(receiver.run())
        await asyncio.wait_for(receiver.listening.wait(), 10)
        self._ending.append(task)
        return task

    async def end(self) -> None:
        """Stop all receivers at once: each takes the client a second."""
        for task in self._ending:
            task.cancel()
        if self._ending:
            await asyncio.wait(self._ending)
        self._ending.clear()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def bus() -> AsyncIterator[Bus]:
    structlog.configure(processors=[structlog.processors.KeyValueRenderer()], logger_factory=_silent)
    queues = tuple(
        Settings(name=f"q{n}", max_delivery=3, dedup_ms=600_000 if n % 2 else 0) for n in range(COUNT)
    )
    server = BusServer(queues=(*DEFAULT_QUEUES, *queues))
    await server.start()
    async with connected(connection=SecretStr(server.connection), namespace=None) as client:
        bus = Bus(server, client)
        yield bus
        await asyncio.gather(bus.end(), bus.nudger.close())
    await server.stop()
    structlog.reset_defaults()
    gc.collect()


def _silent(*_: Any) -> structlog.ReturnLogger:
    return structlog.ReturnLogger()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pauses that spare a broker in trouble would only hold the tests up."""
    monkeypatch.setattr(receiver_module, "_LONGEST_PAUSE_S", 0.01)
    monkeypatch.setattr(receiver_module, "_REOPEN_S", 0.05)


async def until(true: Callable[[], object], *, within_s: float = 10.0) -> None:
    """As soon as it is true; what it looks at lies in this process."""
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, "not within the time"
        await asyncio.sleep(0.005)


def nudge(n: int = 0, **changes: Any) -> Nudge:
    return Nudge.model_validate({"subject": Subject.APPROVAL, "id": f"a{n:025}", "version": 1, **changes})


def ids(messages: list[Message]) -> list[str]:
    return [message.payload.message_id for message in messages]


class Taken:
    """A handler that answers with ``answer`` and keeps what it was given."""

    def __init__(
        self, answer: Callable[[domain.Message], Awaitable[domain.Settlement] | domain.Settlement]
    ) -> None:
        self._answer = answer
        self.messages: list[domain.Message] = []

    async def __call__(self, message: domain.Message) -> domain.Settlement:
        self.messages.append(message)
        answer = self._answer(message)
        return await answer if isinstance(answer, Awaitable) else answer

    @property
    def bodies(self) -> list[str]:
        return [message.body.decode() for message in self.messages]


def completes(_: domain.Message) -> domain.Settlement:
    return Complete()


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
        await bus.nudger.open()
        sender = bus.nudger._work._sender
        assert sender is not None
        sends: list[int] = []
        send = sender.send_messages

        async def counting(messages: list[ServiceBusMessage], **options: Any) -> None:
            sends.append(len(messages))
            await send(messages, **options)

        monkeypatch.setattr(sender, "send_messages", counting)
        await asyncio.gather(*(bus.nudger.work(nudge(n)) for n in range(500)))
        assert sum(sends) == 500
        assert len(sends) <= 5
        assert sorted(ids(bus.messages("work"))) == [nudge(n).message_id for n in range(500)]

    async def test_more_than_fit_into_one_message_go_out_too(self, bus: Bus) -> None:
        await bus.nudger.work(*(nudge(n) for n in range(2000)))
        assert len(bus.messages("work")) == 2000

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


class TestReceiving:
    async def test_a_message_is_handed_over_whole_and_goes_when_it_is_done(self, bus: Bus) -> None:
        queue, taken = bus.queue(), Taken(completes)
        await bus.receive(queue, taken)
        bus.put(queue, '{"ä": 1}', ids=["m-1"])
        await until(lambda: not bus.messages(queue))
        (message,) = taken.messages
        assert json.loads(message.body) == {"ä": 1}
        assert (message.message_id, message.delivery_count) == ("m-1", 0)
        assert message.enqueued_at is not None
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
        await asyncio.sleep(0.05)
        assert most == 4
        go.set()
        await until(lambda: not bus.messages(queue))
        assert most == 4


class TestTheGate:
    async def test_what_is_away_shuts_it_and_it_goes_on_by_itself_without_burning_deliveries(
        self, bus: Bus
    ) -> None:
        queue, back = bus.queue(), False

        def answer(_: domain.Message) -> domain.Settlement:
            if not back:
                raise DependencyAway("redis", "no answer", retry_after_s=0.7)
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
        assert gate.trip("away", wait_s=0.01) == 0.01
        assert gate.shut
        begun = loop.time()
        await gate.wait()
        assert loop.time() - begun >= 0.005

    async def test_failures_during_a_pause_do_not_lengthen_it(self) -> None:
        gate = Gate("q")
        gate.trip("away", wait_s=5)
        assert 4 < gate.trip("away", wait_s=60) <= 5


class TestEnding:
    async def test_what_is_under_way_is_finished(self, bus: Bus) -> None:
        queue, reached, go = bus.queue(), asyncio.Event(), asyncio.Event()

        async def answer(_: domain.Message) -> domain.Settlement:
            reached.set()
            await go.wait()
            return Complete()

        task = await bus.receive(queue, answer)
        bus.put(queue, "x")
        await reached.wait()
        task.cancel()
        await asyncio.sleep(0.05)
        assert not task.done()
        go.set()
        await asyncio.wait([task], timeout=10)
        assert task.cancelled()
        assert bus.messages(queue) == []

    async def test_what_was_not_begun_is_handed_back_for_others(self, bus: Bus) -> None:
        queue, reached, go = bus.queue(), asyncio.Event(), asyncio.Event()

        async def answer(_: domain.Message) -> domain.Settlement:
            reached.set()
            await go.wait()
            return Complete()

        task = await bus.receive(queue, answer, concurrency=1)
        bus.put(queue, "one", "two", "three")
        await reached.wait()
        await asyncio.sleep(0.1)
        task.cancel()
        go.set()
        await asyncio.wait([task], timeout=10)
        begun, taken = time.monotonic(), Taken(completes)
        await bus.receive(queue, taken)
        await until(lambda: not bus.messages(queue), within_s=20)
        assert sorted(taken.bodies) == ["three", "two"]
        assert {m.delivery_count for m in taken.messages} == {0}
        assert time.monotonic() - begun < 5


class TestBrokersInTrouble:
    async def test_connections_that_break_are_made_anew(self, bus: Bus) -> None:
        queue, taken = bus.queue(), Taken(completes)
        await bus.receive(queue, taken)
        bus.put(queue, "one")
        await until(lambda: taken.bodies == ["one"])
        bus.server.broker.cut_all()
        bus.put(queue, "two")
        await until(lambda: "two" in taken.bodies, within_s=20)

    async def test_a_settlement_that_fails_is_no_loss(self, bus: Bus) -> None:
        queue = bus.queue()
        bus.server.namespace.queues[queue].settings = Settings(name=queue, lock_ms=600)

        def answer(message: domain.Message) -> domain.Settlement:
            if message.delivery_count == 0:
                bus.server.broker.cut_all()
            return Complete()

        taken = Taken(answer)
        await bus.receive(queue, taken)
        bus.put(queue, "x")
        await until(lambda: not bus.messages(queue), within_s=20)
        assert set(taken.bodies) == {"x"}

    async def test_a_broker_that_restarts_finds_its_receivers_and_senders_again(self, tmp_path: Path) -> None:
        first = BusServer(data=tmp_path)
        await first.start()
        port = first.amqp_port
        async with connected(connection=SecretStr(first.connection), namespace=None) as client:
            nudger, taken = BusNudger(client), Taken(completes)
            receiver = QueueReceiver(client, "work", taken)
            task = asyncio.create_task(receiver.run())
            await receiver.listening.wait()
            await nudger.work(nudge(1))
            await until(lambda: len(taken.messages) == 1)
            later = datetime.now(UTC) + timedelta(seconds=1)
            await nudger.work(nudge(2, due=later))
            await first.stop()
            second = BusServer(data=tmp_path, amqp_port=port)
            await second.start()
            await until(lambda: len(taken.messages) == 2, within_s=20)
            await _until_sent(nudger, nudge(3))
            await until(lambda: len(taken.messages) >= 3, within_s=20)
            task.cancel()
            await asyncio.gather(asyncio.wait([task]), nudger.close())
        await second.stop()
        seen = {Nudge.model_validate_json(m.body).id for m in taken.messages}
        assert seen == {nudge(n).id for n in (1, 2, 3)}


async def _until_sent(nudger: BusNudger, wanted: Nudge) -> None:
    """As the resync does: what was not sent is sent again."""
    for _ in range(10):
        try:
            await nudger.work(wanted)
        except DependencyAway:
            await asyncio.sleep(0.2)
        else:
            return
    raise AssertionError("never sent")


class TestConnecting:
    async def test_neither_connection_nor_namespace_is_refused(self) -> None:
        with pytest.raises(ValueError, match="STARTGATE_SERVICEBUS_CONNECTION"):
            async with connected(connection=None, namespace=None):
                pass
