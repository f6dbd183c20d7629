"""Receivers that end and brokers in trouble, against the stand-in."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from deploy.sandbox.client import PATIENCE_S
from deploy.sandbox.servicebus.messages import Settings
from deploy.sandbox.servicebus.server import BusServer
from tests.contract.bus.rig import MARKS, Bus, Taken, completes, nudge, until
from workers.bus import receiver as receiver_module
from workers.bus.connection import connected
from workers.bus.nudger import BusNudger
from workers.bus.receiver import QueueReceiver
from workers.domain import messages as domain
from workers.domain.errors import DependencyAway
from workers.domain.messages import Complete
from workers.domain.nudges import Nudge

pytestmark = MARKS

LOCK_S = 30.0
"""How long a message is kept from others, where a queue says nothing else."""


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
        await asyncio.wait([task], timeout=PATIENCE_S)
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
        await asyncio.wait([task], timeout=PATIENCE_S)
        begun, taken = time.monotonic(), Taken(completes)
        await bus.receive(queue, taken)
        await until(lambda: not bus.messages(queue))
        assert sorted(taken.bodies) == ["three", "two"]
        assert {m.delivery_count for m in taken.messages} == {0}
        assert time.monotonic() - begun < LOCK_S / 2, "nobody waited for their locks to end"

    async def test_what_does_not_end_is_given_up_and_comes_again(
        self, bus: Bus, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(receiver_module, "_FINISH_S", 1.5)
        queue = bus.queue()
        bus.server.namespace.queues[queue].settings = Settings(name=queue, lock_ms=3_000)

        given_up = asyncio.Event()

        async def never(_: domain.Message) -> domain.Settlement:
            try:
                await asyncio.Event().wait()
            finally:
                given_up.set()
            return Complete()

        task = await bus.receive(queue, stuck := Taken(never))
        bus.put(queue, "x")
        await until(lambda: stuck.messages)
        begun, taken = time.monotonic(), Taken(completes)
        task.cancel()
        await asyncio.wait([task], timeout=PATIENCE_S)
        assert task.cancelled()
        assert given_up.is_set()
        assert time.monotonic() - begun < LOCK_S / 2
        await bus.receive(queue, taken)
        await until(lambda: not bus.messages(queue))
        assert taken.bodies == ["x"]


class TestBrokersInTrouble:
    async def test_connections_that_break_are_made_anew(self, bus: Bus) -> None:
        queue, taken = bus.queue(), Taken(completes)
        await bus.receive(queue, taken)
        bus.put(queue, "one")
        await until(lambda: taken.bodies == ["one"])
        bus.server.broker.cut_all()
        bus.put(queue, "two")
        await until(lambda: "two" in taken.bodies)

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
        await until(lambda: not bus.messages(queue))
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
            # The first may come again: it may have been stopped before it had heard of its completion.
            await until(lambda: nudge(2).id in _seen(taken))
            await _until_sent(nudger, nudge(3))
            await until(lambda: nudge(3).id in _seen(taken))
            task.cancel()
            await asyncio.gather(asyncio.wait([task]), nudger.close())
        await second.stop()
        assert _seen(taken) == {nudge(n).id for n in (1, 2, 3)}


def _seen(taken: Taken) -> set[str]:
    return {Nudge.model_validate_json(m.body).id for m in taken.messages}


async def _until_sent(nudger: BusNudger, wanted: Nudge) -> None:
    """As the resync does: what was not sent is sent again."""
    for _ in range(50):
        try:
            await nudger.work(wanted)
        except DependencyAway:
            await asyncio.sleep(0.2)
        else:
            return
    raise AssertionError("never sent")
