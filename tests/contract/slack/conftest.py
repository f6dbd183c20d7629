"""A Slack stand-in of its own for each test, and the clients of it."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from deploy.sandbox.slack.server import SlackServer
from tests.contract.slack.rig import COMMANDS, Acts, Json, until


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    server = SlackServer(commands=list(COMMANDS), event_retries_s=(0.05, 0.05))
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def web(slack: SlackServer) -> AsyncWebClient:
    return AsyncWebClient("xoxb-sandbox", base_url=slack.ready()["api_url"])


@pytest.fixture
async def http(slack: SlackServer) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(slack.url) as session:
        yield session


@pytest.fixture
async def act(http: aiohttp.ClientSession) -> Acts:
    async def do(what: str, **fields: Any) -> Json:
        async with http.post(f"/_act/{what}", json=fields) as response:
            answer: Json = await response.json()
            return answer

    return do


@pytest.fixture
async def app(slack: SlackServer, web: AsyncWebClient) -> AsyncIterator[AsyncApp]:
    """A Bolt app connected over Socket Mode; tests add their listeners."""
    bolt = AsyncApp(client=web, signing_secret="unused")
    handler = AsyncSocketModeHandler(bolt, "xapp-sandbox", ping_interval=0.5)
    await handler.connect_async()
    await until(lambda: bool(slack.sockets.live))
    yield bolt
    await handler.close_async()
