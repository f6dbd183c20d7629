"""How Slack reaches the bot: Socket Mode, or HTTP with signed requests."""

import asyncio
from typing import Protocol

import structlog
from aiohttp import web
from pydantic import SecretStr
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.errors import TokenRefused, slack_away
from bot.slack.reach import Reach
from bot.slack.renewal import taken_app_token
from bot.slack.signed_requests import SignedRequests
from workers.domain.errors import DependencyAway, StartgateError
from workers.runtime.lifecycle import leave_if_cancelled

log = structlog.get_logger(__name__)

_WATCH_S = 1.0
_PING_S = 5.0
_SHORTEST_S, _LONGEST_S = 0.5, 15.0


class WrongToken(StartgateError):
    """Slack does not take the app-level token."""


class Doorway(Protocol):
    """Runs until cancelled."""

    async def run(self, ready: asyncio.Event) -> None:
        """Let Slack's requests in; ``ready`` is set when the first can come."""
        ...


class SocketDoorway:
    """Socket Mode, with remedies for two cases in which the client would never hear from Slack again."""

    def __init__(self, app: AsyncApp, client: AsyncWebClient, app_token: SecretStr, reach: Reach) -> None:
        self._client = client
        self._token = app_token
        self._reach = reach
        self._handler = AsyncSocketModeHandler(
            app, app_token.get_secret_value(), web_client=client, ping_interval=_PING_S
        )

    async def run(self, ready: asyncio.Event) -> None:
        """Connect, and stay connected.

        Raises:
            WrongToken: checked here, since the client would retry a wrong token for ever.
        """
        try:
            await self._until_token_is_taken()
            await self._handler.connect_async()  # type: ignore[no-untyped-call]  # Bolt has no types there
            ready.set()
            self._reach.ok("socket")
            log.info("listening to Slack", mode="socket")
            await self._watch()
        finally:
            await self._handler.close_async()  # type: ignore[no-untyped-call]  # as above

    async def renew(self, token: SecretStr) -> None:
        """Go by this app-level token: the next connection is opened with it, at once.

        Raises:
            NotRenewed: Slack does not take it.
            DependencyAway: Slack does not answer.
        """
        await taken_app_token(self._client, token)
        self._token = token
        self._handler.client.app_token = token.get_secret_value()
        with slack_away():
            await self._handler.client.connect_to_new_endpoint(force=True)

    async def _until_token_is_taken(self) -> None:
        wait = _SHORTEST_S
        while True:
            try:
                with slack_away():
                    await self._client.apps_connections_open(app_token=self._token.get_secret_value())
            except TokenRefused as refused:
                raise _wrong(refused.code) from None
            except SlackApiError as error:
                raise _wrong(str(error.response.get("error"))) from None
            except DependencyAway as away:
                self._reach.away("socket", str(away), retry_after_s=away.retry_after_s)
                log.warning("Slack is away; trying again", error=str(away), again_in_s=wait)
                await asyncio.sleep(wait)
                wait = min(_LONGEST_S, wait * 2)
            else:
                return

    async def _watch(self) -> None:
        """If a handshake fails after its URL was issued, the client repeats it on that URL for ever."""
        socket = self._handler.client
        away_checks = 0
        while True:
            leave_if_cancelled()
            await asyncio.sleep(_WATCH_S)
            if await socket.is_connected():
                if away_checks:
                    self._reach.ok("socket")
                away_checks = 0
                continue
            away_checks += 1
            self._reach.away("socket", "no Socket Mode connection")
            if away_checks > 1:
                socket.wss_uri = None


def _wrong(code: str) -> WrongToken:
    return WrongToken(
        f"Slack refuses STARTGATE_SLACK_APP_TOKEN ({code}): "
        "it has to be an app-level token (xapp-…) with connections:write"
    )


class HttpDoorway:
    """HTTP mode: Slack's signed requests on this port."""

    def __init__(self, requests: SignedRequests, port: int) -> None:
        self._requests = requests
        self._port = port

    async def run(self, ready: asyncio.Event) -> None:
        """Serve until cancelled."""
        runner = web.AppRunner(self._requests.web_app(), access_log=None, auto_decompress=False)
        await runner.setup()
        try:
            await web.TCPSite(runner, "0.0.0.0", self._port).start()  # noqa: S104 - behind the container's ingress
            ready.set()
            log.info("listening to Slack", mode="http", port=self._port)
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()
