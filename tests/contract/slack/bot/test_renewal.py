"""Slack's secrets are replaced while the bot runs: the unmodified SDK, and a Slack that rotates them."""

import asyncio
from pathlib import Path

import aiohttp
import pytest
from pydantic import SecretStr
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.doorway import SocketDoorway
from bot.slack.installation import Installation
from bot.slack.reach import Reach
from bot.slack.renewal import Renew, SecretFiles, renewing_bot_token
from deploy.sandbox.client import PATIENCE_S
from deploy.sandbox.slack.server import SlackServer
from tests.contract.slack.rig import Acts, seen, until
from workers.telemetry.health import Health

BOT, APP = "slack_bot_token", "slack_app_token"


class Desk:
    """One secret in a file."""

    def __init__(self, path: Path, name: str, value: str, renew: Renew) -> None:
        self.path, self.name, self.health = path, name, Health()
        self.renewed: list[str] = []
        path.write_text(value + "\n")
        self.files = SecretFiles(
            {name: path}, {name: SecretStr(value)}, {name: renew}, self.health, self.note
        )

    async def note(self, name: str) -> None:
        await asyncio.sleep(0)
        self.renewed.append(name)

    async def holds(self, value: str) -> bool:
        """Whether the file's new content is taken, as two looks say."""
        self.path.write_text(value)
        return [await self.files.look(self.name) for _ in range(2)][-1]

    @property
    def troubles(self) -> str:
        return str(self.health.as_json()["troubles"])


@pytest.fixture
async def desk(web: AsyncWebClient, tmp_path: Path) -> Desk:
    installation = Installation(web)
    await installation()
    return Desk(tmp_path / "token", BOT, "xoxb-sandbox", renewing_bot_token(web, installation))


async def rotate(http: aiohttp.ClientSession, **secrets: str) -> None:
    async with http.put("/_secrets", json=secrets) as answer:
        assert answer.status == 200


async def test_a_new_bot_token_is_used_without_a_restart(
    desk: Desk, web: AsyncWebClient, http: aiohttp.ClientSession
) -> None:
    await rotate(http, bot_token="xoxb-new")
    assert not await desk.files.look(BOT), "the file says nothing new yet"
    assert await desk.holds("xoxb-new\n")
    assert (await web.auth_test())["ok"]
    assert desk.renewed == [BOT]
    assert not await desk.holds("xoxb-new"), "once"
    assert desk.troubles == "{}"


async def test_a_token_that_slack_refuses_is_left_and_tried_once(
    desk: Desk, web: AsyncWebClient, slack: SlackServer
) -> None:
    assert not await desk.holds("xoxb-wrong")
    asked = len(seen(slack, "api"))
    for _ in range(3):
        assert not await desk.files.look(BOT)
    assert len(seen(slack, "api")) == asked
    assert "invalid_auth" in desk.troubles
    assert "xoxb-wrong" not in desk.troubles
    assert (await web.auth_test())["ok"], "the old one is still used"
    assert not await desk.holds("xoxb-sandbox")
    assert desk.troubles == "{}"


async def test_the_token_of_another_workspace_is_left(
    desk: Desk, web: AsyncWebClient, http: aiohttp.ClientSession, slack: SlackServer
) -> None:
    await rotate(http, bot_token="xoxb-new")
    other = slack.state.identity.__class__(team_id="T0OTHER001", bot_token="xoxb-new")
    slack.state.identity = other
    assert not await desk.holds("xoxb-new")
    assert "another app's or workspace's" in desk.troubles
    assert web.token == "xoxb-sandbox"


@pytest.mark.parametrize("content", ["", "  \n"])
async def test_an_empty_file_is_a_trouble_and_changes_nothing(
    desk: Desk, web: AsyncWebClient, content: str
) -> None:
    assert not await desk.holds(content)
    assert "is empty" in desk.troubles
    assert web.token == "xoxb-sandbox"


async def test_a_new_app_token_connects_anew_and_a_wrong_one_does_not(
    slack: SlackServer, web: AsyncWebClient, http: aiohttp.ClientSession, act: Acts, tmp_path: Path
) -> None:
    bolt = AsyncApp(client=web, signing_secret="unused")

    @bolt.command("/slow")
    async def quick_answer(ack: object) -> None:
        await ack()  # type: ignore[operator]

    ready = asyncio.Event()
    doorway = SocketDoorway(bolt, web, SecretStr("xapp-sandbox"), Reach(Health("slack")))
    desk = Desk(tmp_path / "app", APP, "xapp-sandbox", doorway.renew)
    task = asyncio.create_task(doorway.run(ready))
    try:
        await asyncio.wait_for(ready.wait(), PATIENCE_S)
        assert not await desk.holds("xapp-wrong")
        assert "refuses the new app-level token" in desk.troubles

        await rotate(http, app_token="xapp-new")
        assert await desk.holds("xapp-new")

        slack.sockets.drop()
        await until(lambda: bool(slack.sockets.live))
        assert (await act("command", user="nadia", command="/slow"))["ok"] is True
    finally:
        task.cancel()
        await asyncio.wait([task])
