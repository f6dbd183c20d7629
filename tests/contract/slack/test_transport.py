"""How acts reach an app: over Socket Mode, over HTTP, and from a process of its own."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web as aioweb
from slack_bolt.async_app import AsyncApp
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.web.async_client import AsyncWebClient

from deploy.sandbox.client import PATIENCE_S
from deploy.sandbox.slack.identity import Identity
from deploy.sandbox.slack.server import SlackServer
from tests.contract.slack.rig import COMMANDS, OLIVIA, Acts, Json, card, seen, until


@pytest.fixture
async def client(web: AsyncWebClient) -> AsyncIterator[SocketModeClient]:
    """The SDK's own client. Left open, its tasks outlive their cancellation, and the run never ends."""
    socket_mode = SocketModeClient(app_token="xapp-sandbox", web_client=web, ping_interval=0.05)
    yield socket_mode
    await socket_mode.close()


REASONS = ("warning", "refresh_requested", "link_disabled", "too_many_websockets")


@pytest.mark.parametrize("trouble", [*({"disconnect": reason} for reason in REASONS), {"drop": True}])
async def test_the_app_reconnects_after(
    slack: SlackServer, app: AsyncApp, act: Acts, http: aiohttp.ClientSession, trouble: Json
) -> None:
    @app.command("/slow")
    async def quick(ack: Any) -> None:
        await ack()

    before = slack.sockets.live[0].number
    answer = await (await http.post("/_socket", json=trouble)).json()
    assert answer["touched"] == 1
    await until(lambda: any(c.number > before for c in slack.sockets.live))
    assert (await act("command", user="nadia", command="/slow"))["ok"] is True


@pytest.mark.parametrize("reason", REASONS)
async def test_what_was_in_flight_is_acknowledged_over_the_new_connection(
    slack: SlackServer, app: AsyncApp, act: Acts, http: aiohttp.ClientSession, reason: str
) -> None:
    reconnected = asyncio.Event()
    started = asyncio.Event()

    @app.command("/slow")
    async def slow(ack: Any) -> None:
        started.set()
        await reconnected.wait()
        await ack()

    before = slack.sockets.live[0].number
    command = asyncio.create_task(act("command", user="nadia", command="/slow"))
    await started.wait()
    await http.post("/_socket", json={"disconnect": reason})
    await until(lambda: any(c.number > before for c in slack.sockets.live))
    reconnected.set()
    assert (await command)["ok"] is True
    assert seen(slack, "late_ack") == []
    assert len(seen(slack, "delivered")) == 1


async def test_the_sdk_goes_on_knocking_until_one_of_ten_connections_is_free(
    slack: SlackServer, client: SocketModeClient, http: aiohttp.ClientSession
) -> None:
    held = [await http.ws_connect(slack.sockets.issue_url(slack.url)) for _ in range(10)]
    await client.connect()

    def turned_away() -> int:
        told = [entry for entry in seen(slack, "socket") if entry["what"] == "disconnect"]
        return sum(entry["reason"] == "too_many_websockets" for entry in told)

    await until(lambda: turned_away() >= 2)
    await held[0].close()
    await until(lambda: any(c.number > 10 for c in slack.sockets.live))
    async with asyncio.timeout(PATIENCE_S):
        # It may have been turned away once more just before.
        while not await client.is_connected():  # noqa: ASYNC110 - the client has no event for it
            await asyncio.sleep(0.05)
    for socket in held:
        await socket.close()


async def test_nobody_connected_is_told_at_once(slack: SlackServer, act: Acts) -> None:
    answer = await act("command", user="nadia", command="/slow")
    assert answer == {"ok": False, "ack_ms": None, "error": "dispatch_failed"}
    assert seen(slack, "undelivered")


async def test_a_socket_address_is_good_once_and_not_when_refusing(
    slack: SlackServer, http: aiohttp.ClientSession
) -> None:
    url = slack.sockets.issue_url(slack.url)
    async with http.ws_connect(url) as socket:
        hello = await socket.receive_json()
        assert (hello["type"], hello["num_connections"]) == ("hello", 1)
        await socket.ping(b"sdk-ping-pong:1")
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await http.ws_connect(url)
    await http.post("/_socket", json={"refuse": True})
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await http.ws_connect(slack.sockets.issue_url(slack.url))


async def test_ten_connections_share_the_work_and_the_eleventh_is_turned_away(
    slack: SlackServer, http: aiohttp.ClientSession, act: Acts
) -> None:
    sockets = [await http.ws_connect(slack.sockets.issue_url(slack.url)) for _ in range(11)]
    first = [await socket.receive_json() for socket in sockets]
    assert first[10]["reason"] == "too_many_websockets"

    async def serve(socket: aiohttp.ClientWebSocketResponse) -> int:
        served = 0
        async for message in socket:
            await socket.send_json({"envelope_id": message.json()["envelope_id"]})
            served += 1
        return served

    tasks = [asyncio.create_task(serve(socket)) for socket in sockets[:10]]
    for _ in range(20):
        assert (await act("command", user="nadia", command="/slow"))["ok"] is True
    for socket in sockets:
        await socket.close()
    assert await asyncio.gather(*tasks) == [2] * 10


async def test_the_sdks_own_client_stays_connected_by_pings(
    slack: SlackServer, client: SocketModeClient
) -> None:
    await client.connect()
    await asyncio.sleep(0.5)
    assert await client.is_connected()
    assert len(seen(slack, "socket")) == 1


@pytest.fixture
async def http_mode() -> AsyncIterator[tuple[SlackServer, AsyncApp]]:
    """A Bolt app behind a request URL."""
    bolt = AsyncApp(token="xoxb-sandbox", signing_secret=Identity().signing_secret)
    runner = aioweb.AppRunner(bolt.server(0, "/slack/events").web_app)
    await runner.setup()
    site = aioweb.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server = SlackServer(
        request_url=f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events",
        commands=list(COMMANDS),
        event_retries_s=(),
    )
    await server.start()
    bolt.client.base_url = server.ready()["api_url"]
    yield server, bolt
    await server.stop()
    await runner.cleanup()


async def test_http_mode_carries_the_same_acts_signed(http_mode: tuple[SlackServer, AsyncApp]) -> None:
    server, bolt = http_mode

    @bolt.command("/vm-lockdown")
    async def lock(ack: Any, body: Json) -> None:
        await ack(f"looking for {body['text']}")

    @bolt.action("reject")
    async def take(ack: Any) -> None:
        await ack()

    @bolt.event("app_home_opened")
    async def home() -> None: ...

    posted = await bolt.client.chat_postMessage(channel=OLIVIA, text="x", blocks=card())
    async with aiohttp.ClientSession(server.url) as session:

        async def act(what: str, **fields: Any) -> Json:
            async with session.post(f"/_act/{what}", json=fields) as response:
                answer: Json = await response.json()
                return answer

        assert (await act("command", user="nadia", command="/vm-lockdown", text="web"))[
            "text"
        ] == "looking for web"
        click = {"user": "olivia", "channel": "app", "ts": posted["ts"], "action_id": "reject"}
        assert (await act("click", **click))["ok"] is True
        assert (await act("home", user="olivia"))["ok"] is True
        assert (await act("message", user="olivia", text="unheard"))["error"] == "http_status_404"
        for check in ("url_verification", "ssl_check"):
            async with session.post("/_http", json={"check": check}) as response:
                assert (await response.json())["ok"] is True
        assert server.request_url is not None
        server.request_url.signing_secret = "another"
        assert (await act("click", **click))["error"] == "http_status_401"


async def test_it_runs_as_a_process_with_the_commands_of_a_manifest(tmp_path: Any) -> None:
    manifest = tmp_path / "manifest.yaml"
    manifest.write_text(
        "oauth_config: {scopes: {bot: [commands, chat:write]}}\n"
        "features:\n"
        "  app_home: {home_tab_enabled: false, messages_tab_read_only_enabled: true}\n"
        "  slash_commands: [{command: /vm-audit, description: Who did what}]\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "deploy.sandbox.slack",
        "--manifest",
        str(manifest),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    ready = json.loads(await process.stdout.readline())
    async with aiohttp.ClientSession(ready["url"]) as session:
        commands = await (await session.get("/_commands")).json()
        assert [command["command"] for command in commands] == ["/vm-audit"]
        assert (await (await session.get("/_limits")).json())["scopes"] == ["commands", "chat:write"]
        for what, fields, error in (
            ("home", {}, "no_home_tab"),
            ("message", {"text": "hi"}, "messages_tab_read_only"),
        ):
            answer = await session.post(f"/_act/{what}", json={"user": "sam", **fields})
            assert (await answer.json())["error"] == error
    assert ready["api_url"] == ready["url"] + "/api/"
    process.terminate()
    assert await process.wait() == 0
