"""What the unmodified slack-bolt's own HTTP server makes of requests that Slack would never send.

The table is what was seen, not what is right: an app has to do better than this server where it answers 200
or 500, and these tests tell when a newer Bolt does.
"""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web as aioweb
from slack_bolt.async_app import AsyncApp

from deploy.sandbox.slack.delivery.forged import FORGERIES, command, signed
from deploy.sandbox.slack.identity import Identity
from deploy.sandbox.slack.server import SlackServer
from tests.contract.slack.rig import COMMANDS, Json

SECRET = Identity().signing_secret
SEEN: dict[int, list[str]] = {
    200: ["genuine", "ssl_check", "url_verification"],
    401: [
        "of the future",
        "old",
        "signed for another body",
        "unsigned",
        "with an empty signature",
        "without its time",
        "wrongly signed",
    ],
    404: ["a payload of nothing", "empty"],
    413: ["oversize", "oversize and unsigned"],
    # A traceback each: it parses before it checks, and compares signatures and times that are neither.
    500: [
        "a list for a payload",
        "a text for a payload",
        "deep",
        "deep and unsigned",
        "deep payload",
        "falsely compressed",
        "falsely compressed and unsigned",
        "malformed",
        "malformed and unsigned",
        "malformed payload",
        "not UTF-8",
        "not UTF-8 and unsigned",
        "with a signature that is not ASCII",
        "with a time that is none",
        "without a user",
    ],
}
"""By the status of Bolt's answer."""
TWICE = "replayed"
CUT = 0
"""No status: the server closed the connection while the body was still coming."""


class Bolt:
    """A Bolt app behind a request URL, and what it did."""

    def __init__(self) -> None:
        self.app = AsyncApp(token="xoxb-sandbox", signing_secret=SECRET)
        self.done: list[str] = []

        async def lock(ack: Any, body: Json) -> None:
            self.done.append(body["text"])
            await ack()

        self.app.command("/vm-lockdown")(lock)


@pytest.fixture
async def bolt() -> Bolt:
    return Bolt()


@pytest.fixture
async def http_slack(bolt: Bolt) -> AsyncIterator[SlackServer]:
    runner = aioweb.AppRunner(bolt.app.server(0, "/slack/events").web_app)
    await runner.setup()
    site = aioweb.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    server = SlackServer(request_url=url, commands=list(COMMANDS))
    await server.start()
    bolt.app.client.base_url = server.ready()["api_url"]
    yield server
    await server.stop()
    await runner.cleanup()


async def forge(server: SlackServer, name: str) -> list[int]:
    async with (
        aiohttp.ClientSession(server.url) as session,
        session.post("/_http", json={"forge": name}) as response,
    ):
        return [status for status, _ in (await response.json())["answers"]]


@pytest.mark.parametrize(
    ("status", "name"), [(status, name) for status, names in SEEN.items() for name in names]
)
async def test_bolts_own_server_answers(http_slack: SlackServer, bolt: Bolt, status: int, name: str) -> None:
    [answered] = await forge(http_slack, name)
    assert answered in ((status, CUT) if name.startswith("oversize") else (status,))
    assert bolt.done == (["web-01"] if name == "genuine" else [])


async def test_bolts_own_server_does_a_replayed_request_twice(http_slack: SlackServer, bolt: Bolt) -> None:
    assert await forge(http_slack, TWICE) == [200, 200]
    assert bolt.done == ["web-01", "web-01"]


def test_the_table_above_is_complete() -> None:
    assert sorted([TWICE, *(name for names in SEEN.values() for name in names)]) == sorted(FORGERIES)


async def test_a_form_signed_now_is_done(http_slack: SlackServer, bolt: Bolt) -> None:
    assert http_slack.request_url is not None
    genuine = signed(SECRET, command("db-01"))
    assert (await http_slack.request_url.raw(genuine.body, genuine.headers))[0] == 200
    assert bolt.done == ["db-01"]


async def test_an_unknown_forgery_is_refused(http_slack: SlackServer) -> None:
    async with aiohttp.ClientSession(http_slack.url) as session:
        assert (await session.post("/_http", json={"forge": "no such"})).status == 400
