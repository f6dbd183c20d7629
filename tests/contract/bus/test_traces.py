"""A trace goes along with each message, over real AMQP: at once, scheduled, and put off."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from deploy.sandbox.client import PATIENCE_S
from tests.contract.bus.rig import MARKS, Bus, nudge
from tests.tracing import recorded
from workers.bus.connection import WORK
from workers.domain.messages import Complete, Later, Message, Settlement
from workers.telemetry.spans import following, here

pytestmark = MARKS

KEPT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TRACE = KEPT[3:35]


class Followed:
    """Keeps in which trace each message was worked on; puts off the first."""

    def __init__(self) -> None:
        self.seen: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self._first = True

    async def __call__(self, message: Message) -> Settlement:
        self.seen.put_nowait((here()[3:35], str(message.properties.get("traceparent", ""))[3:35]))
        first, self._first = self._first, False
        return Later(after_s=0.05) if first else Complete()


@pytest.mark.parametrize("scheduled", [False, True])
async def test_a_nudge_is_worked_on_in_the_trace_that_sent_it_again_when_put_off(
    bus: Bus, *, scheduled: bool
) -> None:
    recorded()
    bus.server.namespace.queues[WORK].purge()
    followed = Followed()
    await bus.receive(WORK, followed)
    with following("contain", KEPT):
        if scheduled:
            await bus.nudger.schedule_work(nudge(due=datetime.now(UTC) + timedelta(seconds=0.1)))
        else:
            await bus.nudger.work(nudge())
    for _ in range(2):
        assert await asyncio.wait_for(followed.seen.get(), PATIENCE_S) == (TRACE, TRACE)
    await bus.end()


async def test_a_nudge_that_nobody_traced_carries_nothing(bus: Bus) -> None:
    bus.server.namespace.queues[WORK].purge()
    followed = Followed()
    await bus.receive(WORK, followed)
    await bus.nudger.work(nudge())
    assert (await asyncio.wait_for(followed.seen.get(), PATIENCE_S))[1] == ""
    await bus.end()
