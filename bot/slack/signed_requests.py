"""Slack's requests in HTTP mode: a size limit first, then the signature, then parsing, and each one once.

Bolt's own server parses a body before it checks the signature, and takes a signed request as often as it
comes. Source: https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

import re
from typing import Any
from urllib.parse import parse_qs

import structlog
from aiohttp import web
from pydantic import SecretStr
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.signature import SignatureVerifier

from workers.domain.errors import DependencyAway
from workers.domain.ids import partition_of_vm
from workers.domain.ports.store import Commit, Store
from workers.runtime.json_text import parsed

log = structlog.get_logger(__name__)

PATH = "/slack/events"
MOST_BYTES = 1024 * 1024
"""A view of 100 blocks with all that was entered is far below this."""

_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")
_SSL_CHECK = re.compile(r"ssl_check=1(&token=[A-Za-z0-9._-]{0,200})?")
_MOST_FIELDS = 100
_OBJECTS = ("user", "team", "enterprise", "channel", "container", "message", "view", "event")
"""What Bolt takes for objects in a payload, without a look."""
_BAD, _UNSIGNED = 400, 401


class _Refusal(Exception):
    """A request that is not taken: not signed by Slack, or signed and not what Slack sends."""

    def __init__(self, status: int, because: str) -> None:
        super().__init__(because)
        self.status = status


class SignedRequests:
    """The one route that Slack posts to.

    Args:
        app: the Bolt app that gets what is good.
        secret: the app's signing secret.
        store: remembers which requests came before, for all processes.
    """

    def __init__(self, app: AsyncApp, secret: SecretStr, store: Store) -> None:
        self._app = app
        self._verifier = SignatureVerifier(secret.get_secret_value())
        self._store = store

    def renew(self, app: AsyncApp, secret: SecretStr) -> None:
        """Go by this secret, with an app that checks it once more; what the old one signed is not taken."""
        self._app, self._verifier = app, SignatureVerifier(secret.get_secret_value())

    def web_app(self) -> web.Application:
        """To be run without decompression: Slack compresses nothing, and the signature is over raw bytes."""
        found = web.Application(client_max_size=MOST_BYTES)
        found.add_routes([web.post(PATH, self._handle)])
        return found

    async def _handle(self, request: web.Request) -> web.Response:
        try:
            body = await self._verified(request)
            if _SSL_CHECK.fullmatch(body):
                return web.Response()
            content = _content(request, body)
            if not _has_user(content):
                log.warning("a request from Slack names nobody", type=str(content["type"])[:60])
                return web.Response()
            await self._once(request)
            return await self._dispatched(request, body)
        except _Refusal as refusal:
            log.warning("a request is refused", status=refusal.status, because=str(refusal))
            return web.Response(status=refusal.status)

    async def _verified(self, request: web.Request) -> str:
        """The body, which Slack signed; only its look at our certificate is unsigned.

        Raises:
            HTTPRequestEntityTooLarge: beyond the limit.
        """
        try:
            body = (await request.read()).decode()
        except UnicodeDecodeError:
            raise _Refusal(_UNSIGNED, "not UTF-8, so not signed by Slack") from None
        if not _SSL_CHECK.fullmatch(body) and not self._signed(request, body):
            raise _Refusal(_UNSIGNED, "not signed by Slack, or minutes ago")
        return body

    def _signed(self, request: web.Request, body: str) -> bool:
        timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
        signature = request.headers.get("X-Slack-Signature", "")
        if not _TIMESTAMP.fullmatch(timestamp) or not _SIGNATURE.fullmatch(signature):
            return False
        return self._verifier.is_valid(body, timestamp, signature)

    async def _once(self, request: web.Request) -> None:
        """Refuse this very request if it came before, to whichever process."""
        signature = request.headers["X-Slack-Signature"]
        once = Commit(partition=partition_of_vm(signature), once=f"slack:{signature}")
        try:
            first = await self._store.commit(once)
        except DependencyAway as away:
            # Nothing can be changed without the store either, and the person is told so.
            log.warning("can't look whether a request came before", error=str(away))
            return
        if not first:
            raise _Refusal(_UNSIGNED, "came before")

    async def _dispatched(self, request: web.Request, body: str) -> web.Response:
        try:
            answer = await self._app.async_dispatch(
                AsyncBoltRequest(body=body, query=request.query_string, headers={**request.headers})
            )
        except Exception as error:
            log.error("a signed request can't be handled", error=repr(error)[:300])
            return web.Response(status=_BAD)
        return await to_aiohttp_response(answer)


def _content(request: web.Request, body: str) -> dict[str, Any]:
    """The event, the interactive payload, or the fields of a command.

    Raises:
        _Refusal: it is none of them.
    """
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise _Refusal(_BAD, "compressed, which Slack's requests never are")
    if request.content_type == "application/json":
        return _json(body)
    try:
        fields = parse_qs(body, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise _Refusal(_BAD, "no form") from None
    if "payload" in fields:
        return _json(fields["payload"][0])
    if "command" not in fields:
        raise _Refusal(_BAD, "neither a payload nor a command")
    user = fields.get("user_id", [""])[0]
    return {"type": "command", "user": {"id": user}}


def _json(text: str) -> dict[str, Any]:
    try:
        found = parsed(text.encode())
    except (ValueError, RecursionError):
        raise _Refusal(_BAD, "no JSON, or nested too deeply") from None
    if not isinstance(found, dict) or not isinstance(found.get("type"), str):
        raise _Refusal(_BAD, "JSON without a type")
    odd = [name for name in _OBJECTS if not isinstance(found.get(name), dict | None)]
    actions = found.get("actions", [])
    if odd or not isinstance(actions, list) or not all(isinstance(one, dict) for one in actions):
        raise _Refusal(_BAD, "a payload of an odd shape")
    return found


def _has_user(content: dict[str, Any]) -> bool:
    """Whether it says who did it; events and Slack's own requests need not."""
    if content["type"] in ("event_callback", "url_verification", "app_rate_limited"):
        return True
    user = content.get("user")
    return isinstance(user, dict) and isinstance(user.get("id"), str) and bool(user["id"])
