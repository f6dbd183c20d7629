"""How long a link looks for what comes: while it does, nothing can be settled by it."""

import asyncio
import time
from typing import Any

import pytest
from azure.servicebus._pyamqp.aio import Connection

from tests.contract.bus.rig import MARKS, Bus, Taken, completes, until
from workers.bus.connection import SOCKET_TIMEOUT_S
from workers.bus.turns import ALONE_S
from workers.domain import messages as domain
from workers.domain.messages import Complete

pytestmark = MARKS


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds of every look by a connection that the test opens."""
    seconds: list[float] = []
    ours: list[Connection] = []
    opens, listen = Connection.open, Connection.listen

    async def opening(self: Connection, **given: Any) -> None:
        ours.append(self)
        await opens(self, **given)

    async def looking(self: Connection, *, wait: float, **given: Any) -> None:
        if self in ours:
            seconds.append(wait)
        await listen(self, wait=wait, **given)

    monkeypatch.setattr(Connection, "open", opening)
    monkeypatch.setattr(Connection, "listen", looking)
    return seconds


async def _seldom(looks: list[float]) -> None:
    """Once it looks so seldom that it is alone; what was before is forgotten."""
    await until(lambda: looks and looks[-1] == ALONE_S)
    looks.clear()


class TestLooking:
    async def test_a_quiet_link_looks_five_times_a_second(self, bus: Bus, looks: list[float]) -> None:
        await bus.receive(bus.queue(), Taken(completes))
        await _seldom(looks)
        begun = time.monotonic()
        await until(lambda: len(looks) == 5, within_s=2)
        assert set(looks) == {ALONE_S}
        assert time.monotonic() - begun > 0.75

    async def test_a_message_does_not_wait_for_it(self, bus: Bus) -> None:
        queue, at = bus.queue(), list[float]()

        def noting(_: domain.Message) -> domain.Settlement:
            at.append(time.monotonic())
            return Complete()

        await bus.receive(queue, noting)
        took = []
        for n in range(5):
            await asyncio.sleep(0.07 * n)
            bus.put(queue, str(n))
            put = time.monotonic()
            await until(lambda n=n: len(at) > n)
            took.append(at[n] - put)
        assert sorted(took)[2] < ALONE_S / 4

    async def test_while_a_message_is_under_way_it_looks_often(self, bus: Bus, looks: list[float]) -> None:
        queue, reached, go = bus.queue(), asyncio.Event(), asyncio.Event()

        async def answer(_: domain.Message) -> domain.Settlement:
            reached.set()
            await go.wait()
            return Complete()

        await bus.receive(queue, answer)
        bus.put(queue, "x")
        await reached.wait()
        await asyncio.sleep(0.02)
        looks.clear()
        await asyncio.sleep(0.3)
        assert set(looks) == {SOCKET_TIMEOUT_S}
        go.set()
        await _seldom(looks)
        await asyncio.sleep(ALONE_S * 2)
        assert set(looks) == {ALONE_S}

    async def test_a_link_made_anew_looks_seldom_again_after_its_next_message(
        self, bus: Bus, looks: list[float]
    ) -> None:
        await bus.end()  # of other tests: their links are made anew, too
        queue, taken = bus.queue(), Taken(completes)
        await bus.receive(queue, taken)
        await asyncio.sleep(0.1)
        bus.server.broker.cut_all()
        bus.put(queue, "x")
        await until(lambda: not bus.messages(queue), within_s=20)
        await _seldom(looks)
        await asyncio.sleep(ALONE_S * 2)
        assert set(looks) == {ALONE_S}

    async def test_a_quiet_receiver_ends_as_soon_as_a_busy_one(self, bus: Bus, looks: list[float]) -> None:
        task = await bus.receive(bus.queue(), Taken(completes))
        await _seldom(looks)
        task.cancel()
        await asyncio.wait([task])
        assert looks, "the client waits for what is on its way"
        assert set(looks) == {SOCKET_TIMEOUT_S}
