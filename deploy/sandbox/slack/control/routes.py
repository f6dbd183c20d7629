"""The side door for tests, stories and the web page: acts, switches and a look inside. Loopback only."""

import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from deploy.sandbox.slack.acts.dialogs import Close, Dialogs, Submit
from deploy.sandbox.slack.acts.elements import Click, Elements, Options, ViewAction
from deploy.sandbox.slack.acts.talk import Command, Delete, Home, Say, Talk
from deploy.sandbox.slack.api.refusals import Refusal
from deploy.sandbox.slack.control.populate import ChannelOrder, PersonOrder, put_channels, put_person
from deploy.sandbox.slack.control.snapshot import snapshot
from deploy.sandbox.slack.delivery.deliver import Courier
from deploy.sandbox.slack.delivery.forged import FORGERIES
from deploy.sandbox.slack.errors import RefusedActError
from deploy.sandbox.slack.state import SlashCommand, State, Switches
from deploy.sandbox.slack.team.messages import Json

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_Act = TypeVar("_Act", bound=BaseModel)


class SocketOrder(BaseModel):
    """``POST /_socket``: one trouble at a time."""

    model_config = ConfigDict(extra="forbid")

    disconnect: Literal["warning", "refresh_requested", "link_disabled", "too_many_websockets"] | None = None
    drop: bool = False
    refuse: bool | None = None


class SecretsOrder(BaseModel):
    """``PUT /_secrets``: what is not given stays.

    A revoked token is ``invalid_auth``: https://docs.slack.dev/reference/methods/auth.revoke. The signing
    secret is regenerated on the app's page *Basic Information*.
    """

    model_config = ConfigDict(extra="forbid")

    bot_token: str | None = None
    app_token: str | None = None
    signing_secret: str | None = None


class EventsOrder(BaseModel):
    """``PUT /_events``: how often each event is sent, with the same ``event_id``."""

    model_config = ConfigDict(extra="forbid")

    copies: int = Field(default=1, ge=1, le=5)


class Control:
    """``/_act/…`` and the other control routes. Every answer is JSON."""

    def __init__(self, state: State, courier: Courier) -> None:
        self._state = state
        self._courier = courier
        elements, dialogs = Elements(state, courier), Dialogs(state, courier)
        talk = Talk(state, courier)
        self._acts = {
            "click": self._act(Click, elements.click),
            "view-action": self._act(ViewAction, elements.view_action),
            "options": self._act(Options, elements.options),
            "submit": self._act(Submit, dialogs.submit),
            "close": self._act(Close, dialogs.close),
            "command": self._act(Command, talk.command),
            "message": self._act(Say, talk.message),
            "delete": self._act(Delete, talk.delete),
            "home": self._act(Home, talk.home),
        }

    def routes(self) -> list[web.RouteDef]:
        acts = [web.post(f"/_act/{name}", _guarded(handler)) for name, handler in self._acts.items()]
        return [
            *acts,
            web.get("/_state", _guarded(self._show)),
            web.get("/_commands", self._get_commands),
            web.put("/_commands", _guarded(self._put_commands)),
            web.get("/_limits", self._get_limits),
            web.put("/_limits", _guarded(self._put_limits)),
            web.post("/_socket", _guarded(self._socket)),
            web.put("/_events", _guarded(self._put_events)),
            web.post("/_http", _guarded(self._http)),
            web.get("/_refusals", self._get_refusals),
            web.put("/_refusals", _guarded(self._put_refusals)),
            web.put("/_secrets", _guarded(self._put_secrets)),
            web.post("/_people", _guarded(self._people)),
            web.post("/_channels", _guarded(self._channels)),
            web.post("/_reset", self._reset),
        ]

    def _act(self, model: type[_Act], do: Callable[[_Act], Awaitable[Json]]) -> Handler:
        async def handle(request: web.Request) -> web.Response:
            try:
                answer = await do(model.model_validate(await request.json()))
            except RefusedActError as refusal:
                self._state.record.add("refused", what=request.path, **refusal.body())
                answer = refusal.body()
            return web.json_response(answer)

        return handle

    async def _show(self, request: web.Request) -> web.Response:
        ref = request.query.get("user")
        viewer = self._state.workspace.person(ref) if ref else None
        if ref and viewer is None:
            return web.json_response({"ok": False, "error": "no_such_person"}, status=404)
        latest = int(request.query.get("latest", "0"))
        return web.json_response(snapshot(self._state, viewer, latest or None))

    async def _get_commands(self, _request: web.Request) -> web.Response:
        return web.json_response([command.model_dump() for command in self._state.commands])

    async def _put_commands(self, request: web.Request) -> web.Response:
        self._state.commands = [SlashCommand.model_validate(item) for item in await request.json()]
        return await self._get_commands(request)

    async def _get_limits(self, _request: web.Request) -> web.Response:
        return web.json_response(self._state.switches.model_dump())

    async def _put_limits(self, request: web.Request) -> web.Response:
        """Fields that are not given keep their value."""
        changed = self._state.switches.model_dump() | await request.json()
        self._state.switches = Switches.model_validate(changed)
        return await self._get_limits(request)

    async def _socket(self, request: web.Request) -> web.Response:
        order = SocketOrder.model_validate(await request.json())
        sockets, touched = self._courier.sockets, 0
        if order.refuse is not None:
            sockets.refuse = order.refuse
        if order.disconnect:
            touched = await sockets.disconnect(order.disconnect)
        if order.drop:
            touched = sockets.drop()
        told = {"touched": touched, "live": len(sockets.live), "refuse": sockets.refuse}
        return web.json_response({"ok": True, **told})

    async def _put_events(self, request: web.Request) -> web.Response:
        self._courier.event_copies = EventsOrder.model_validate(await request.json()).copies
        return web.json_response({"ok": True})

    async def _http(self, request: web.Request) -> web.Response:
        """``{"check": …}`` as Slack does them itself, or ``{"forge": …}``, one of ``forged.FORGERIES``."""
        url, order = self._courier.request_url, await request.json()
        if url is None:
            return web.json_response({"ok": False, "error": "not_in_http_mode"}, status=400)
        forge = FORGERIES.get(order.get("forge", ""))
        if forge is not None:
            forged = forge(url.signing_secret)
            answers = [await url.raw(forged.body, forged.headers) for _ in range(forged.times)]
            return web.json_response({"ok": True, "answers": answers})
        check = {"url_verification": url.verify, "ssl_check": url.ssl_check}.get(order.get("check", ""))
        if check is None:
            return web.json_response({"ok": False, "error": "no_such_check_or_forgery"}, status=400)
        return web.json_response(await check(self._state.identity.verification_token))

    async def _people(self, request: web.Request) -> web.Response:
        order = PersonOrder.model_validate(await request.json())
        return web.json_response({"ok": True, **put_person(self._state, order)})

    async def _channels(self, request: web.Request) -> web.Response:
        order = ChannelOrder.model_validate(await request.json())
        return web.json_response({"ok": True, **put_channels(self._state, order)})

    async def _get_refusals(self, _request: web.Request) -> web.Response:
        return web.json_response([refusal.model_dump() for refusal in self._state.refusals.kept])

    async def _put_refusals(self, request: web.Request) -> web.Response:
        """A JSON list, which replaces all of them."""
        self._state.refusals.put(*(Refusal.model_validate(item) for item in await request.json()))
        return await self._get_refusals(request)

    async def _put_secrets(self, request: web.Request) -> web.Response:
        """Other tokens or secret for the app, as somebody rotates them. The old ones open nothing."""
        order = SecretsOrder.model_validate(await request.json())
        given = order.model_dump(exclude_none=True)
        self._state.identity = dataclasses.replace(self._state.identity, **given)
        if self._courier.request_url is not None:
            self._courier.request_url.signing_secret = self._state.identity.signing_secret
        return web.json_response({"ok": True})

    async def _reset(self, _request: web.Request) -> web.Response:
        self._state.reset()
        self._state.record.add("reset")
        return web.json_response({"ok": True})


def _guarded(handler: Handler) -> Handler:
    """Answer 400 and what is wrong with it to a body that is not what the route takes."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except ValidationError as error:
            details: Any = error.errors(include_url=False, include_context=False, include_input=False)
        except ValueError as error:
            details = str(error)
        return web.json_response({"ok": False, "error": "bad_request", "details": details}, status=400)

    return handle
