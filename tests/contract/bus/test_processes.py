"""Bot and workers as processes: how they start and end beside the bus, against the stand-ins."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from deploy.sandbox.processes import free_port
from deploy.sandbox.servicebus.server import BusServer
from deploy.sandbox.slack.server import SlackServer
from deploy.sandbox.system import ARM_TOKEN, POLICY
from tests.contract.bus.rig import MARKS, Bus
from tests.valkey_server import Valkey

pytestmark = MARKS

STARTED_S = 90.0
"""A process imports for seconds, and for far longer where many do at once."""
ENDED_S = 25.0
"""What runs them kills what has not ended half a minute after it was asked to."""
ROOT = Path(__file__).parents[3]
RUN = "import {process}.__main__; {process}.__main__.main()"
SLOW = """
import sys, time
import workers.__main__

class Slow:
    def find_spec(self, name, *_):
        if name == "workers.arm.session.sdk":
            print("importing", flush=True)
            time.sleep(1)

sys.meta_path.insert(0, Slow())
workers.__main__.main()
"""


class BotProcess:
    """A process by itself; without Redis unless it is given.

    Attributes:
        mark: what it has said when it is asked to stop.
        wait_s: seconds after that.
        asked_at: when it was asked, by the monotonic clock.
    """

    code, command = RUN.format(process="bot"), "run"
    mark, wait_s = b"", 0.0
    asked_at = 0.0

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
            said = b""
            if stop_it:
                said = await asyncio.wait_for(process.stdout.readuntil(self.mark), STARTED_S)
                await asyncio.sleep(self.wait_s)
                process.send_signal(signal.SIGTERM)
                self.asked_at = time.monotonic()
            said += await asyncio.wait_for(process.stdout.read(), STARTED_S)
            return await process.wait(), said.decode()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


class WorkersProcess(BotProcess):
    code, command = RUN.format(process="workers"), "workers"


class SlowWorkersProcess(WorkersProcess):
    """The Azure SDK takes a second to import."""

    code, mark, wait_s = SLOW, b"importing\n", 0.3


class TestProcesses:
    @pytest_asyncio.fixture(loop_scope="package")
    async def slack(self) -> AsyncIterator[SlackServer]:
        server = SlackServer()
        await server.start()
        yield server
        await server.stop()

    @pytest.mark.parametrize("process", [BotProcess, WorkersProcess])
    async def test_asked_to_stop_while_the_broker_is_away_it_ends_in_good_order(
        self,
        slack: SlackServer,
        valkey: Valkey,
        monkeypatch: pytest.MonkeyPatch,
        process: type[BotProcess],
    ) -> None:
        server = BusServer()
        await server.start()
        await server.stop()
        monkeypatch.setattr(process, "mark", b"link broke; opening another")
        alone = process(server, slack, STARTGATE_REDIS_URL=valkey.url)
        code, said = await alone.run(stop_it=True)
        ended_in_s = time.monotonic() - alone.asked_at
        assert code == 0
        assert '"event": "stopped"' in said
        assert "\nTraceback" not in said  # what a job said of Azure's absence is quoted, in its line
        assert ended_in_s < ENDED_S

    async def test_asked_to_stop_while_they_import_workers_end_in_good_order(
        self, bus: Bus, slack: SlackServer
    ) -> None:
        code, said = await SlowWorkersProcess(bus.server, slack).run(stop_it=True)
        assert code == 0
        assert '"event": "stopped"' in said
        assert "Traceback" not in said

    @pytest.mark.parametrize("process", [BotProcess, WorkersProcess])
    async def test_asked_to_stop_right_when_it_is_ready_it_ends_in_good_order(
        self,
        bus: Bus,
        slack: SlackServer,
        valkey: Valkey,
        monkeypatch: pytest.MonkeyPatch,
        process: type[BotProcess],
    ) -> None:
        monkeypatch.setattr(process, "mark", b'"event": "ready"')
        ready = process(bus.server, slack, STARTGATE_REDIS_URL=valkey.url)
        code, said = await ready.run(stop_it=True)
        ended_in_s = time.monotonic() - ready.asked_at
        assert code == 0
        assert '"event": "stopped"' in said
        assert '"level": "error"' not in said
        assert ended_in_s < ENDED_S, "how long the imports took on a busy machine is no part of it"

    async def test_a_token_that_slack_refuses_ends_the_bot_with_the_remedy(
        self, bus: Bus, slack: SlackServer
    ) -> None:
        wrong = slack.state.identity.bot_token
        code, said = await BotProcess(bus.server, slack, STARTGATE_SLACK_APP_TOKEN=wrong).run()
        assert code == 78
        assert "\nSlack refuses STARTGATE_SLACK_APP_TOKEN (" in said
        assert "it has to be an app-level token (xapp-…) with connections:write\n" in said
        assert "Traceback" not in said

    async def test_an_address_of_redis_that_can_not_be_is_said(self, bus: Bus, slack: SlackServer) -> None:
        code, said = await BotProcess(bus.server, slack, STARTGATE_REDIS_URL="http://127.0.0.1").run()
        assert code == 1
        assert "STARTGATE_REDIS_URL has to start with" in said
        assert "never retrieved" not in said
