"""Completing in ranges: one disposition for those that are done together, and what happens when it fails."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusReceiver
from structlog.testing import capture_logs

from deploy.sandbox.servicebus.frames import Disposition
from deploy.sandbox.servicebus.messages import Settings, State
from deploy.sandbox.servicebus.wire import session
from tests.contract.bus.rig import MARKS, Bus, Taken, completes, until
from workers.bus import completing
from workers.bus.disposition import complete_range
from workers.domain import messages as domain
from workers.domain.messages import Complete, DeadLetter

pytestmark = MARKS

NAMES = [f"m{n}" for n in range(12)]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """How many deliveries each disposition named that came to the stand-in, and the first of them."""
    seen: list[tuple[int, int]] = []
    settle = session.settle

    def settles(of: session.Session, disposition: Disposition) -> None:
        last = disposition.first if disposition.last is None else disposition.last
        seen.append((disposition.first, last - disposition.first + 1))
        settle(of, disposition)

    monkeypatch.setattr(session, "settle", settles)
    return seen


class Together:
    """A handler that lets nobody go before all are there, or before they are told to."""

    def __init__(self, count: int, *, kept: str = "", answers: Callable[[str], domain.Settlement]) -> None:
        self.taken: list[str] = []
        self.go = asyncio.Event()
        self._count = count
        self._kept = kept
        self._all = asyncio.Event()
        self._answers = answers

    async def __call__(self, message: domain.Message) -> domain.Settlement:
        body = message.body.decode()
        self.taken.append(body)
        if len(self.taken) >= self._count:
            self._all.set()
        await self._all.wait()
        if body == self._kept:
            await self.go.wait()
        return self._answers(body)


def everything(_: str) -> domain.Settlement:
    return Complete()


async def test_what_is_done_together_is_completed_with_one_disposition(
    bus: Bus, told: list[tuple[int, int]]
) -> None:
    queue, handler = bus.queue(), Together(len(NAMES), answers=everything)
    bus.put(queue, *NAMES)
    await bus.receive(queue, handler, concurrency=16)
    await until(lambda: not bus.messages(queue))
    assert [count for _, count in told] == [len(NAMES)]
    assert sorted(handler.taken) == sorted(NAMES)
    assert bus.dead(queue) == []


async def test_what_is_still_worked_on_is_in_no_range(bus: Bus, told: list[tuple[int, int]]) -> None:
    queue, handler = bus.queue(), Together(len(NAMES), kept="m5", answers=everything)
    bus.put(queue, *NAMES)
    await bus.receive(queue, handler, concurrency=16)
    await until(lambda: len(bus.messages(queue)) == 1)
    (left,) = bus.messages(queue)
    assert (left.payload.message_id, left.state) == ("m5", State.ACTIVE)
    assert left.delivery_count == 0
    assert sorted(count for _, count in told) == [5, 6]
    handler.go.set()
    await until(lambda: not bus.messages(queue))
    assert sorted(handler.taken) == sorted(NAMES)


async def test_what_has_another_settlement_is_in_no_range(bus: Bus, told: list[tuple[int, int]]) -> None:
    queue = bus.queue()

    def answers(body: str) -> domain.Settlement:
        return DeadLetter(reason="NotJson", description="") if body == "m3" else Complete()

    handler = Together(len(NAMES), answers=answers)
    bus.put(queue, *NAMES)
    await bus.receive(queue, handler, concurrency=16)
    await until(lambda: not bus.messages(queue))
    assert [message.payload.message_id for message in bus.dead(queue)] == ["m3"]
    assert sorted(count for _, count in told) == [1, 3, 8]


async def test_of_a_range_only_that_comes_again_whose_lock_is_lost(bus: Bus) -> None:
    queue = bus.queue()
    bus.put(queue, *NAMES)

    def answers(body: str) -> domain.Settlement:
        if body == "m4" and handler.taken.count("m4") == 1:
            (held,) = (m for m in bus.messages(queue) if m.payload.message_id == "m4")
            bus.server.namespace.queues[queue].release(held.token)
        return Complete()

    handler = Together(len(NAMES), answers=answers)
    with capture_logs() as logs:
        await bus.receive(queue, handler, concurrency=16)
        await until(lambda: not bus.messages(queue))
    assert sorted(handler.taken) == sorted([*NAMES, "m4"])
    (warned,) = [line for line in logs if line["log_level"] == "warning"]
    assert (warned["count"], warned["queue"]) == (len(NAMES), queue)
    assert "lock" in warned["error"]


async def test_what_came_by_a_broken_link_completes_nothing_of_the_next_one(bus: Bus) -> None:
    """A new link counts its deliveries from 0 again."""
    queue, names = bus.queue(), NAMES[:4]
    bus.server.namespace.queues[queue].settings = Settings(name=queue, lock_ms=1000)
    old, new = asyncio.Event(), asyncio.Event()
    seen: list[str] = []

    async def handler(message: domain.Message) -> domain.Settlement:
        body = message.body.decode()
        again = body in seen
        seen.append(body)
        await (new if again and body != "m0" else old).wait()
        return Complete()

    bus.put(queue, *names)
    await bus.receive(queue, handler, concurrency=16)
    await until(lambda: len(seen) == len(names))
    bus.server.broker.cut_all()
    await until(lambda: len(seen) == 2 * len(names), within_s=20)
    for message in bus.messages(queue):
        message.locked_until_ms += 60_000
    old.set()
    await until(lambda: len(bus.messages(queue)) == len(names) - 1)
    await asyncio.sleep(0.5)
    assert sorted(message.payload.message_id for message in bus.messages(queue)) == names[1:]
    assert sorted(seen) == sorted(names * 2)
    new.set()
    await until(lambda: not bus.messages(queue))


@pytest.mark.parametrize(
    "error", [AttributeError("gone"), TypeError("other arguments"), ConnectionError("cut")]
)
async def test_without_the_range_each_is_completed_for_itself(
    bus: Bus, told: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async def fails(*_: Any) -> None:
        raise error

    monkeypatch.setattr(completing, "complete_range", fails)
    queue, handler = bus.queue(), Together(len(NAMES), answers=everything)
    bus.put(queue, *NAMES)
    await bus.receive(queue, handler, concurrency=16)
    await until(lambda: not bus.messages(queue))
    assert [count for _, count in told] == [1] * len(NAMES)
    assert sorted(handler.taken) == sorted(NAMES)


async def test_a_range_that_is_never_answered_holds_nobody_up_for_ever(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    async def hangs(_: ServiceBusReceiver, messages: list[ServiceBusReceivedMessage]) -> None:
        tried.append(len(messages))
        await asyncio.Event().wait()

    monkeypatch.setattr(completing, "complete_range", hangs)
    monkeypatch.setattr(completing, "SETTLE_S", 0.1)
    queue, handler = bus.queue(), Together(4, answers=everything)
    bus.put(queue, *NAMES[:4])
    with capture_logs() as logs:
        await bus.receive(queue, handler, concurrency=16)
        await until(lambda: logs)
        assert tried == [4]
        assert logs[0]["error"] == "TimeoutError: "
        bus.put(queue, "after")
        await until(lambda: "after" in handler.taken)
        await until(lambda: "after" not in [m.payload.message_id for m in bus.messages(queue)])
    assert len(bus.messages(queue)) == 4


async def test_the_sdk_keeps_nothing_of_what_was_completed(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    receivers = []

    async def completes_range(
        receiver: ServiceBusReceiver, messages: list[ServiceBusReceivedMessage]
    ) -> None:
        receivers.append(receiver)
        await complete_range(receiver, messages)

    monkeypatch.setattr(completing, "complete_range", completes_range)
    queue, taken = bus.queue(), Taken(completes)
    bus.put(queue, *NAMES)
    await bus.receive(queue, taken, concurrency=16)
    await until(lambda: not bus.messages(queue))
    assert receivers
    link: Any = receivers[0]._handler
    await until(lambda: not link._link._received_delivery_tags)
    assert not link._link._pending_dispositions
