"""Links that are opened while the process is still importing, against the stand-in."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from azure.servicebus._pyamqp.aio import Connection
from azure.servicebus.aio import ServiceBusReceiver, ServiceBusSender
from pydantic import SecretStr

from deploy.sandbox.processes import free_port
from deploy.sandbox.servicebus.server import BusServer
from deploy.sandbox.servicebus.wire.connection import Connection as StandIn
from deploy.sandbox.slack.server import SlackServer
from deploy.sandbox.system import ARM_TOKEN, POLICY
from tests.conftest import Valkey
from tests.contract.bus.rig import MARKS, Bus, Taken, completes, until
from workers.bus import links
from workers.bus.connection import connected
from workers.bus.nudger import BusNudger
from workers.bus.receiver import QueueReceiver
from workers.domain.errors import DependencyAway

pytestmark = MARKS

ROOT = Path(__file__).parents[3]
SLOW = """
import sys, time
import {process}.__main__

class Slow:
    def find_spec(self, name, *_):
        if name == "{slow}":
            print("importing", flush=True)
            time.sleep(1)

sys.meta_path.insert(0, Slow())
{process}.__main__.main()
"""


class TestLinks:
    async def test_what_comes_before_there_is_a_handler_waits_for_it(self, bus: Bus) -> None:
        queue, taken, nudger = bus.queue(), Taken(completes), BusNudger(bus.client)
        receiver = QueueReceiver(bus.client, queue, receivers=2)
        async with links.opening(nudger, receiver) as opened:
            bus.put(queue, "x")
            await asyncio.wait_for(receiver.listening.wait(), 10)
            await opened
            await asyncio.sleep(0.1)
            assert len(bus.messages(queue)) == 1
            running = asyncio.create_task(receiver.run(taken))
            await until(lambda: not bus.messages(queue))
            running.cancel()
        assert running.cancelled()
        assert taken.bodies == ["x"]
        assert taken.messages[0].delivery_count == 0

    async def test_a_receiver_that_never_runs_hands_back_what_came(self, bus: Bus) -> None:
        queue, taken = bus.queue(), Taken(completes)
        receiver = QueueReceiver(bus.client, queue)
        async with links.opening(BusNudger(bus.client), receiver):
            bus.put(queue, "x", "y")
            await asyncio.wait_for(receiver.listening.wait(), 10)
            await asyncio.sleep(0.1)
        begun = time.monotonic()
        await bus.receive(queue, taken)
        await until(lambda: not bus.messages(queue), within_s=20)
        assert sorted(taken.bodies) == ["x", "y"]
        assert {m.delivery_count for m in taken.messages} == {0}
        assert time.monotonic() - begun < 5

    async def test_while_the_broker_is_away_they_are_left_at_once(self) -> None:
        server = BusServer()
        await server.start()
        await server.stop()
        async with connected(connection=SecretStr(server.connection), namespace=None) as client:
            receiver, nudger = QueueReceiver(client, "work"), BusNudger(client)
            async with links.opening(nudger, receiver) as opened:
                await asyncio.sleep(0.1)
                begun = time.monotonic()
            assert time.monotonic() - begun < 2
            assert opened.cancelled()
            assert not receiver.listening.is_set()

    async def test_a_nudger_that_can_not_open_says_so_and_only_once(self) -> None:
        server = BusServer()
        await server.start()
        await server.stop()
        async with connected(connection=SecretStr(server.connection), namespace=None, retries=0) as client:
            with pytest.raises(DependencyAway):
                async with links.opening(BusNudger(client)) as opened:
                    await opened


class TestHandshakes:
    @pytest.mark.parametrize("kind", ["receiver", "sender"])
    async def test_a_link_opens_as_fast_as_the_broker_answers(self, bus: Bus, kind: str) -> None:
        seconds = []
        for _ in range(3):
            begun = time.monotonic()
            async with _link(bus, kind):
                seconds.append(time.monotonic() - begun)
        # By itself the client sleeps for longer than that after each of the nine frames.
        assert min(seconds) < 0.2

    @pytest.mark.parametrize("kind", ["receiver", "sender"])
    async def test_a_broker_that_falls_silent_is_asked_no_more_often_than_by_the_client(
        self, bus: Bus, monkeypatch: pytest.MonkeyPatch, kind: str
    ) -> None:
        monkeypatch.setattr(StandIn, "_begin", lambda *_: None)
        assert await _reads(bus, kind, monkeypatch) < 30

    @pytest.mark.parametrize("kind", ["receiver", "sender"])
    async def test_neither_is_one_that_hangs_up(
        self, bus: Bus, monkeypatch: pytest.MonkeyPatch, kind: str
    ) -> None:
        monkeypatch.setattr(StandIn, "_begin", lambda self, *_: self.cut())
        assert await _reads(bus, kind, monkeypatch) < 30


def _link(bus: Bus, kind: str) -> ServiceBusReceiver | ServiceBusSender:
    queue = bus.queue()
    if kind == "sender":
        return bus.client.get_queue_sender(queue, socket_timeout=0.06)
    return bus.client.get_queue_receiver(queue, socket_timeout=0.06)


async def _reads(bus: Bus, kind: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """How often within half a second of opening in vain."""
    reads, listen = 0, Connection.listen
    link = _link(bus, kind)

    async def counting(self: Connection, **given: Any) -> None:
        nonlocal reads
        reads += self._container_id == link._name
        await listen(self, **given)

    monkeypatch.setattr(Connection, "listen", counting)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await link.__aenter__()
    await link.close()
    assert reads
    return reads


class Slowly:
    """The bot, or workers, whose imports take a second; without Redis."""

    code, command = SLOW.format(process="bot", slow="bot.wiring"), "run"
    mark, wait_s = b"importing\n", 0.3

    def __init__(self, bus: BusServer, slack: SlackServer, **settings: str) -> None:
        identity = slack.state.identity
        self._environment = {
            "PATH": os.environ["PATH"],
            "STARTGATE_SERVICEBUS_CONNECTION": bus.connection,
            "STARTGATE_REDIS_URL": f"redis://127.0.0.1:{free_port()}",
            "STARTGATE_SLACK_API_URL": f"{slack.url}/api",
            "STARTGATE_SLACK_BOT_TOKEN": identity.bot_token,
            "STARTGATE_SLACK_APP_TOKEN": identity.app_token,
            "STARTGATE_ARM_ENDPOINT": f"http://127.0.0.1:{free_port()}",
            "STARTGATE_ARM_TOKEN": ARM_TOKEN,
            "STARTGATE_POLICY": str(POLICY),
        } | settings

    async def run(self, *, stop_it: bool = False) -> tuple[int | None, str]:
        """Its exit code and what it said; with ``stop_it``, SIGTERM soon after it has said ``mark``."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", self.code, self.command,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env=self._environment, cwd=ROOT,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            said = await asyncio.wait_for(process.stdout.readuntil(self.mark), 20)
            if stop_it:
                await asyncio.sleep(self.wait_s)
                process.send_signal(signal.SIGTERM)
            said += await asyncio.wait_for(process.stdout.read(), 20)
            return await process.wait(), said.decode()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


class SlowWorkers(Slowly):
    code, command = SLOW.format(process="workers", slow="workers.arm.session.sdk"), "workers"


class ReadyWorkers(Slowly):
    """Workers that are asked to stop when they are ready: their loops ask Redis for the first time."""

    code, command = "import workers.__main__; workers.__main__.main()", "workers"
    mark, wait_s = b'"event": "ready"', 0.0


class TestProcesses:
    @pytest_asyncio.fixture(loop_scope="package")
    async def slack(self) -> AsyncIterator[SlackServer]:
        server = SlackServer()
        await server.start()
        yield server
        await server.stop()

    @pytest.mark.parametrize("process", [Slowly, SlowWorkers])
    @pytest.mark.parametrize("broker_is_away", [False, True])
    async def test_asked_to_stop_while_it_imports_it_ends_in_good_order(
        self, slack: SlackServer, process: type[Slowly], *, broker_is_away: bool
    ) -> None:
        server = BusServer()
        await server.start()
        if broker_is_away:
            await server.stop()
        begun = time.monotonic()
        code, said = await process(server, slack).run(stop_it=True)
        if not broker_is_away:
            await server.stop()
        assert code == 0
        assert '"event": "stopped"' in said
        assert "Traceback" not in said
        assert time.monotonic() - begun < 10

    @pytest.mark.parametrize("wait_s", [0.0, 0.1])
    async def test_asked_to_stop_right_when_they_are_ready_workers_end_in_good_order(
        self, bus: Bus, slack: SlackServer, valkey: Valkey, monkeypatch: pytest.MonkeyPatch, wait_s: float
    ) -> None:
        monkeypatch.setattr(ReadyWorkers, "wait_s", wait_s)
        workers = ReadyWorkers(bus.server, slack, STARTGATE_REDIS_URL=valkey.url)
        code, said = await asyncio.wait_for(workers.run(stop_it=True), 12)
        assert code == 0
        assert '"event": "stopped"' in said
        assert '"level": "error"' not in said

    async def test_a_token_that_slack_refuses_ends_the_bot_with_the_remedy(
        self, bus: Bus, slack: SlackServer
    ) -> None:
        wrong = slack.state.identity.bot_token
        code, said = await Slowly(bus.server, slack, STARTGATE_SLACK_APP_TOKEN=wrong).run()
        assert code == 78
        assert "\nSlack refuses STARTGATE_SLACK_APP_TOKEN (" in said
        assert "it has to be an app-level token (xapp-…) with connections:write\n" in said
        assert "Traceback" not in said

    async def test_an_address_of_redis_that_can_not_be_is_said(self, bus: Bus, slack: SlackServer) -> None:
        code, said = await Slowly(bus.server, slack, STARTGATE_REDIS_URL="http://127.0.0.1").run()
        assert code == 1
        assert "STARTGATE_REDIS_URL has to start with" in said
        assert "never retrieved" not in said
