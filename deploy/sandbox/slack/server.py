"""``SlackServer``: the stand-in, wired together."""

from typing import Any

from aiohttp import web

from deploy.sandbox.faults import FAULT, Faults, Handler
from deploy.sandbox.slack.api.methods import METHODS
from deploy.sandbox.slack.api.methods.files import UploadUrls
from deploy.sandbox.slack.api.respond import ResponseUrls
from deploy.sandbox.slack.api.webapi import WebApi
from deploy.sandbox.slack.control.routes import Control
from deploy.sandbox.slack.delivery.deliver import ACK_S, EVENT_RETRIES_S, Courier
from deploy.sandbox.slack.delivery.http_mode import RequestUrl
from deploy.sandbox.slack.delivery.sockets import Sockets
from deploy.sandbox.slack.identity import Identity
from deploy.sandbox.slack.state import SlashCommand, State, Tabs
from deploy.sandbox.slack.team.messages import Json
from deploy.sandbox.standin import StandIn
from deploy.sandbox.world import World

FAULT_WORDS = {429: "ratelimited", 500: "internal_error", 503: "service_unavailable"}


def refusal(status: int) -> Json:
    """Slack's body for an HTTP status that a fault answers with."""
    return {"ok": False, "error": FAULT_WORDS.get(status, "fatal_error")}


class SlackServer(StandIn):
    """Slack on loopback.

    Args:
        request_url: where the app listens in HTTP mode; without it everything goes over Socket Mode.
        commands: the app's slash commands; without any, none can be typed.
        events: its Events API subscriptions; ``None`` sends every event.
        tabs: what the app's page offers; everything by default.
        ack_s: how long an acknowledgement may take, in seconds; Slack gives 3.
        event_retries_s: waits before an event is sent again, in seconds.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        world: World | None = None,
        identity: Identity | None = None,
        request_url: str = "",
        commands: list[SlashCommand] | None = None,
        events: list[str] | None = None,
        tabs: Tabs | None = None,
        ack_s: float = ACK_S,
        event_retries_s: tuple[float, ...] = EVENT_RETRIES_S,
    ) -> None:
        self.faults = Faults(refusal)
        super().__init__("slack", port=port, middlewares=(self._note_fault, self.faults.middleware))
        identity = identity or Identity()
        self.state = State(
            world=world or World.load(),
            identity=identity,
            record=self.record,
            commands=commands or [],
            events=events,
            tabs=tabs or Tabs(),
        )
        self.sockets = Sockets(app_id=identity.app_id, record=self.record)
        self.request_url = (
            RequestUrl(url=request_url, signing_secret=identity.signing_secret) if request_url else None
        )
        self.courier = Courier(
            sockets=self.sockets,
            record=self.record,
            request_url=self.request_url,
            ack_s=ack_s,
            event_retries_s=event_retries_s,
        )
        urls = (ResponseUrls(self.state), UploadUrls(self.state))
        for part in (self.faults, WebApi(self.state, METHODS), *urls, self.sockets):
            self.app.add_routes(part.routes())
        self.app.add_routes(Control(self.state, self.courier).routes())

    async def start(self) -> None:
        """Listen; see ``StandIn.start``."""
        if self.request_url is not None:
            await self.request_url.start()
        await super().start()
        self.state.base_url = self.url
        self.state.publish = self.courier.publish
        self.state.issue_socket_url = lambda: self.sockets.issue_url(self.url)

    async def stop(self) -> None:
        """Close every connection; safe to call twice."""
        await self.courier.stop()
        await self.sockets.close()
        await super().stop()
        if self.request_url is not None:
            await self.request_url.stop()

    @web.middleware
    async def _note_fault(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Record a request that a fault hit, since its method may never see it."""
        response = await handler(request)
        if FAULT in request:
            self.record.add("fault", path=request.path, fault=request[FAULT])
        return response

    def ready(self) -> dict[str, Any]:
        """The ready line, with the address to give to the SDK as ``base_url``."""
        return {**super().ready(), "api_url": f"{self.url}/api/"}
