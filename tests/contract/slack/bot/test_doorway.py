"""Socket Mode stays connected, and says so: the product's doorway with the unmodified SDK."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from pydantic import SecretStr
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack import doorway as module
from bot.slack.doorway import SocketDoorway, WrongToken
from bot.slack.reach import Reach
from deploy.sandbox.client import PATIENCE_S
from deploy.sandbox.faults import Fault
from deploy.sandbox.slack.server import SlackServer
from tests.contract.slack.rig import Acts, seen, until
from workers.telemetry.health import Health


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes seconds, so that a service in trouble is spared."""
    monkeypatch.setattr(module, "_WATCH_S", 0.05)
    monkeypatch.setattr(module, "_PING_S", 0.1)
    monkeypatch.setattr(module, "_SHORTEST_S", 0.05)


@pytest.fixture
def health() -> Health:
    return Health("slack")


@asynccontextmanager
async def running(
    web: AsyncWebClient, health: Health, *, app_level: bool = True
) -> AsyncIterator[tuple[asyncio.Event, asyncio.Task[None]]]:
    bolt = AsyncApp(client=web, signing_secret="unused")

    @bolt.command("/slow")
    async def quick_answer(ack: Callable[[], Awaitable[None]]) -> None:
        await ack()

    ready = asyncio.Event()
    token = SecretStr("xapp-sandbox" if app_level else "xoxb-sandbox")
    task = asyncio.create_task(SocketDoorway(bolt, web, token, Reach(health)).run(ready))
    try:
        yield ready, task
    finally:
        task.cancel()
        await asyncio.wait([task])


def state(health: Health) -> str:
    return str(health.as_json()["dependencies"]["slack"]["state"])


def refused(slack: SlackServer) -> int:
    return sum(entry["what"] == "refused" for entry in seen(slack, "socket"))


async def test_an_address_that_was_used_up_is_not_knocked_at_for_ever(
    slack: SlackServer, web: AsyncWebClient, health: Health, act: Acts
) -> None:
    """Slack hands an address out and then refuses the handshake; the SDK keeps to the address."""
    async with running(web, health) as (ready, _):
        await asyncio.wait_for(ready.wait(), PATIENCE_S)
        slack.sockets.refuse = True
        slack.sockets.drop()
        await until(lambda: refused(slack) >= 2 and state(health) == "away")
        slack.sockets.refuse = False

        await until(lambda: bool(slack.sockets.live) and state(health) == "ok")

        assert (await act("command", user="nadia", command="/slow"))["ok"] is True


@pytest.mark.parametrize("trouble", [Fault(status=503), Fault(drop="before")])
async def test_slack_that_is_away_at_the_start_is_waited_for(
    slack: SlackServer, web: AsyncWebClient, health: Health, trouble: Fault
) -> None:
    slack.faults.put(trouble)
    async with running(web, health) as (ready, task):
        await until(lambda: state(health) == "away")
        assert (ready.is_set(), task.done()) == (False, False)
        slack.faults.put()

        await asyncio.wait_for(ready.wait(), PATIENCE_S)

        assert state(health) == "ok"
        assert slack.sockets.live


async def test_a_wrong_token_is_said_with_its_remedy_and_not_tried_for_ever(
    web: AsyncWebClient, health: Health
) -> None:
    async with running(web, health, app_level=False) as (ready, task):
        with pytest.raises(WrongToken, match="has to be an app-level token"):
            await asyncio.wait_for(asyncio.shield(task), PATIENCE_S)
        assert not ready.is_set()


async def test_the_end_leaves_no_connection_behind(
    slack: SlackServer, web: AsyncWebClient, health: Health
) -> None:
    async with running(web, health) as (ready, _):
        await asyncio.wait_for(ready.wait(), PATIENCE_S)
        await until(lambda: bool(slack.sockets.live))
    await until(lambda: not slack.sockets.connections)
