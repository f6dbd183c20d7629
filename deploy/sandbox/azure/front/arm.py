"""The front door: who asks, with which api-version, for what; and the headers every answer has."""

import hmac
import json
import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from deploy.sandbox.azure.access.locks import Locks
from deploy.sandbox.azure.errors import ArmError
from deploy.sandbox.azure.front.refusals import Refusals
from deploy.sandbox.azure.front.routing import Answer, Call, Handler, Router
from deploy.sandbox.azure.front.throttling import Throttle
from deploy.sandbox.azure.ids import group_of, subscription_of
from deploy.sandbox.azure.model import Estate
from deploy.sandbox.world import Principal, World

CALLER = web.RequestKey("caller", str)
"""The key of the principal of a request, once it is known."""

CORRELATION_ID = web.RequestKey("correlation_id", str)
"""The correlation id of a request: the caller's or a new one."""

GUARD = Principal(
    key="startgate",
    kind="ServicePrincipal",
    oid="a0000000-0000-4000-8000-0000000000ff",
    name="startgate",
    role="Virtual Machine Contributor",
    scope="subscription",
    app_id="b0000000-0000-4000-8000-0000000000ff",
    ip="203.0.113.10",
)
"""Whose token the bare ``--token`` is: the product's own identity."""


class Arm:
    """Authenticates, routes and answers.

    Args:
        refusals: requests to which it says no on demand.
        locks: forbid writes.
        token: the accepted bearer token. ``TOKEN~key`` is the token of that principal of the world.
        accepted: told of each request that was answered without an error.
    """

    def __init__(
        self,
        *,
        estate: Estate,
        world: World,
        router: Router,
        throttle: Throttle,
        refusals: Refusals,
        locks: Locks,
        token: str,
        accepted: Callable[[Call], None],
    ) -> None:
        self.estate = estate
        self._refusals = refusals
        self._locks = locks
        self.throttle = throttle
        self._world = world
        self._router = router
        self._token = token
        self._accepted = accepted

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request to ARM."""
        correlation_id = request.headers.get("x-ms-correlation-request-id") or str(uuid.uuid4())
        request[CORRELATION_ID] = correlation_id
        headers = {
            "x-ms-request-id": str(uuid.uuid4()),
            "x-ms-correlation-request-id": correlation_id,
            "Cache-Control": "no-cache",
        }
        try:
            answer = self._answer(request, await request.read(), headers)
        except ArmError as error:
            answer = Answer(status=error.status, body=error.body(), headers=error.headers)
        headers |= answer.headers
        if answer.body is None:
            return web.Response(status=answer.status, headers=headers)
        return web.json_response(answer.body, status=answer.status, headers=headers)

    def _answer(self, request: web.Request, raw: bytes, headers: dict[str, str]) -> Answer:
        caller = self._caller(request.headers.get("Authorization", ""))
        request[CALLER] = caller.key
        query = {name.lower(): value for name, value in request.query.items()}
        if not query.get("api-version"):
            raise ArmError(
                400,
                "MissingApiVersionParameter",
                "The api-version query parameter (?api-version=) is required for all requests.",
            )
        # Clients of extension resources write "/{scope}/providers/…" with a scope that begins with a slash,
        # and that of locks leaves the place of a parent empty, as the Azure CLI has it do.
        path = re.sub("/{2,}", "/", request.path)
        self._refusals.check(request.method, path, caller)
        handler, params = self._route(request.method, path)
        subscription = subscription_of(path).lower()
        headers |= self.throttle.take(request.method, path, caller=caller.oid, subscription=subscription)
        self._locks.check(request.method, path)
        call = Call(
            method=request.method,
            path=path,
            params=params,
            query=query,
            headers=request.headers,
            body=_json(raw),
            caller=caller,
            correlation_id=request[CORRELATION_ID],
            client_request_id=request.headers.get("x-ms-client-request-id", ""),
            base_url=f"{request.scheme}://{request.host}",
        )
        answer = handler(call)
        self._accepted(call)
        return answer

    def _caller(self, authorization: str) -> Principal:
        scheme, _, given = authorization.partition(" ")
        token, _, key = given.strip().partition("~")
        if scheme.lower() != "bearer" or not hmac.compare_digest(token.encode(), self._token.encode()):
            authority = f"https://login.microsoftonline.com/{self._world.tenant}"
            detail = "invalid_token" if given else "invalid_request"
            raise ArmError(
                401,
                "InvalidAuthenticationToken" if given else "AuthenticationFailed",
                "The access token is invalid." if given else "Authentication failed. The header is missing.",
                headers={
                    "WWW-Authenticate": f'Bearer authorization_uri="{authority}", error="{detail}", '
                    'error_description="The access token is missing or not accepted here."'
                },
            )
        if not key:
            return GUARD
        try:
            return self._world.principal(key)
        except KeyError as error:
            raise ArmError(401, "InvalidAuthenticationToken", str(error.args[0])) from error

    def _route(self, method: str, path: str) -> tuple[Handler, Mapping[str, str]]:
        subscription, group = subscription_of(path), group_of(path)
        if subscription:
            self.estate.check_subscription(subscription)
        found = self._router.find(method, path)
        if found is None:
            raise ArmError(
                404,
                "InvalidResourceType",
                f"The resource type of '{method} {path}' could not be found, or it has no such operation.",
            )
        if group and (method, path.rstrip("/").count("/")) != ("PUT", 4):
            self.estate.group(subscription, group)
        return found


def _json(raw: bytes) -> Any:
    if not raw:
        return None
    try:
        return json.loads(raw)
    except ValueError as error:
        raise ArmError(
            400, "InvalidRequestContent", "The request content was invalid and could not be deserialized."
        ) from error
