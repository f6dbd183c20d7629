"""The Web API: who calls, may they, how often; then the method itself. Methods register themselves here."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from deploy.sandbox.slack.api.arguments import Args, read_arguments
from deploy.sandbox.slack.api.ratelimits import Tier
from deploy.sandbox.slack.errors import RateLimitedError, SlackError
from deploy.sandbox.slack.state import State
from deploy.sandbox.slack.team.messages import Json

Handler = Callable[[State, Args], Json]

TOKEN_KINDS = {"xoxb": "bot", "xapp": "app", "xoxp": "user"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Method:
    """One Web API method.

    Attributes:
        scopes: the token needs all of them.
        needs: arguments without which Slack does not look further.
        takes_json: whether Slack reads a JSON body for it; reading methods take forms and queries only.
        token: the kind of token that may call it.
    """

    name: str
    handler: Handler
    tier: Tier
    scopes: tuple[str, ...]
    needs: tuple[str, ...]
    takes_json: bool
    token: str


METHODS: dict[str, Method] = {}


def method(
    name: str,
    tier: Tier,
    *,
    scopes: tuple[str, ...] = (),
    needs: tuple[str, ...] = (),
    takes_json: bool = True,
    token: str = "bot",  # noqa: S107 - a kind of token
) -> Callable[[Handler], Handler]:
    """Register a handler for a method."""

    def register(handler: Handler) -> Handler:
        METHODS[name] = Method(
            name=name,
            handler=handler,
            tier=tier,
            scopes=scopes,
            needs=needs,
            takes_json=takes_json,
            token=token,
        )
        return handler

    return register


class WebApi:
    """``/api/{method}``."""

    def __init__(self, state: State, methods: Mapping[str, Method]) -> None:
        self._state = state
        self._methods = methods

    def routes(self) -> list[web.RouteDef]:
        return [web.route("*", "/api/{method}", self._answer)]

    async def _answer(self, request: web.Request) -> web.Response:
        began = time.perf_counter()
        name = request.match_info["method"]
        headers = {"X-OAuth-Scopes": ",".join(self._state.switches.scopes)}
        status, args = 200, Args({})
        try:
            called = self._known(name)
            values, warnings = await read_arguments(request, takes_json=called.takes_json)
            token = _token(request, values)
            args = Args(values)
            self._admit(called, token)
            state = self._state
            state.refusals.check(name, args, state.workspace, state.switches.scopes)
            self._require(called, args)
            body = {"ok": True} | called.handler(self._state, args)
            _add_warnings(body, warnings)
        except RateLimitedError as limited:
            status, body = 429, limited.body()
            headers["Retry-After"] = str(limited.retry_after_s)
        except SlackError as refusal:
            body = refusal.body()
        self._note(name, args, body, (time.perf_counter() - began) * 1000)
        return web.json_response(body, status=status, headers=headers)

    def _known(self, name: str) -> Method:
        if name not in self._methods:
            raise SlackError("unknown_method", req_method=name)
        return self._methods[name]

    def _admit(self, called: Method, token: str) -> None:
        identity = self._state.identity
        if not token:
            raise SlackError("not_authed")
        if token not in (identity.bot_token, identity.app_token):
            raise SlackError("invalid_auth")
        if (token == identity.app_token) != (called.token == "app"):  # noqa: S105 - a kind of token
            raise SlackError("not_allowed_token_type")
        self._state.need(*called.scopes)
        if self._state.switches.tiers:
            self._state.limiter.count(called.name, called.tier)

    @staticmethod
    def _require(called: Method, args: Args) -> None:
        missing = [name for name in called.needs if args.values.get(name) in (None, "")]
        if missing:
            raise SlackError("invalid_arguments", *(f"missing required field: {name}" for name in missing))

    def _note(self, name: str, args: Args, body: Json, duration_ms: float) -> None:
        fields: Json = {"method": name, "args": args.values, "ok": body["ok"]}
        if not body["ok"]:
            fields |= {"error": body["error"], "messages": body.get("errors", [])}
        self._state.record.add("api", **fields, duration_ms=round(duration_ms, 3))


def _token(request: web.Request, values: Json) -> str:
    """Take the token from the header or the arguments; it never stays in the arguments."""
    given = values.pop("token", "")
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else str(given)


def _add_warnings(body: Json, warnings: list[str]) -> None:
    warnings = [*body.pop("warnings", []), *warnings]
    if warnings:
        body["warning"] = ",".join(warnings)
        body.setdefault("response_metadata", {})["warnings"] = warnings
