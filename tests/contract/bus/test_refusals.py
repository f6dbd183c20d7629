"""What a doctor, the log and health say when Service Bus refuses."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from pydantic import SecretStr
from structlog.testing import capture_logs

from deploy.sandbox.processes import free_port
from deploy.sandbox.servicebus.faults import BusFaults
from tests.contract.bus.refusing import LISTENS, SENDS, connection
from tests.contract.bus.rig import MARKS, Bus, Taken, completes, nudge, until
from tests.doctoring import make
from workers.bus.checks import Needs, bus_checks
from workers.bus.connection import connected
from workers.bus.nudger import BusNudger
from workers.bus.receiver import QueueReceiver
from workers.domain.errors import DependencyAway
from workers.telemetry.health import Health

pytestmark = MARKS

NOT_LONG_S = 20
"""Far less than a send is tried for."""
DISABLED = BusFaults(disabled=("*",))


@pytest_asyncio.fixture(loop_scope="package", autouse=True)
async def faultless(bus: Bus) -> AsyncIterator[None]:
    yield
    bus.server.broker.apply(BusFaults())


async def lines(bus: Bus, connection: str = "", queue: str = "work") -> tuple[str, str]:
    """What a doctor says of receiving and of sending; one of them at least is wrong."""
    told: list[str] = []
    needs = [Needs(queue, receives=True, sends=True)]
    async with connected(connection=SecretStr(connection or bus.server.connection), namespace=None) as client:
        assert not await make(bus_checks(client, needs), told.append)
    receives, sends = told
    return receives, sends


class TestADoctorTells:
    async def test_a_queue_that_is_disabled(self, bus: Bus) -> None:
        bus.server.broker.apply(DISABLED)
        told = await lines(bus)
        assert all("the queue is disabled" in line and "→ enable it" in line for line in told), told

    async def test_a_queue_that_is_missing_when_its_token_is_refused(self, bus: Bus) -> None:
        told = await lines(bus, queue="elsewhere")
        assert all("no such queue" in line and "→ create it" in line for line in told), told

    async def test_a_right_to_send_that_is_missing_by_its_role(self, bus: Bus) -> None:
        receives, sends = await lines(bus, connection(bus.server, LISTENS))
        assert "may receive" in receives
        assert "the right Send is missing" in sends
        assert "role Azure Service Bus Data Sender" in sends

    async def test_a_right_to_listen_that_is_missing_by_its_role(self, bus: Bus) -> None:
        receives, sends = await lines(bus, connection(bus.server, SENDS))
        assert "the right Listen is missing" in receives
        assert "role Azure Service Bus Data Receiver" in receives
        assert "may send" in sends

    async def test_a_key_that_is_wrong(self, bus: Bus) -> None:
        told = await lines(bus, connection(bus.server, replace(LISTENS, key="another")))
        assert all("not accepted" in line and "→ check the key" in line for line in told), told

    async def test_a_namespace_that_is_not_reached(self, bus: Bus) -> None:
        elsewhere = bus.server.connection.replace(str(bus.server.amqp_port), str(free_port()))
        told = await lines(bus, elsewhere)
        assert all("not reached" in line and "firewall" in line for line in told), told


class TestWhileItRuns:
    async def test_a_disabled_queue_is_said_at_once_and_once_and_health_says_it(self, bus: Bus) -> None:
        queue, taken, health = bus.queue(), Taken(completes), Health("servicebus")
        bus.server.broker.apply(DISABLED)
        with capture_logs() as logs:
            bus.start(QueueReceiver(bus.client, queue, taken, receivers=2, health=health))
            # The receivers of other tests run on, and say it of their queues.
            await until(lambda: any(line["queue"] == queue for line in logs))
            await asyncio.sleep(1)
            own = [line for line in logs if line["queue"] == queue]
            assert [(line["log_level"], "the queue is disabled" in line["because"]) for line in own] == [
                ("warning", True)
            ]
            shown = health.as_json()["dependencies"]["servicebus"]
            assert shown["state"] == "away"
            assert f"queue {queue}: the queue is disabled" in shown["last_error"]
            bus.server.broker.apply(BusFaults())
            bus.put(queue, "x")
            await until(lambda: taken.bodies == ["x"])
        assert health.as_json()["dependencies"]["servicebus"]["state"] == "ok"

    async def test_a_right_to_send_that_is_missing_is_not_tried_for_long(self, bus: Bus) -> None:
        key = SecretStr(connection(bus.server, LISTENS))
        async with connected(connection=key, namespace=None) as client:
            nudger = BusNudger(client)
            async with asyncio.timeout(NOT_LONG_S):
                with pytest.raises(DependencyAway, match="a right is missing"):
                    await nudger.work(nudge())
            await nudger.close()
