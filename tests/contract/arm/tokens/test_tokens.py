"""A token that Azure takes no longer: another one is asked for, with the claims that Azure wants, if any.

Over TLS, by the SDK's own policy of bearer tokens.
Sources: https://learn.microsoft.com/entra/identity-platform/claims-challenge,
https://learn.microsoft.com/entra/identity-platform/app-resilience-continuous-access-evaluation
"""

import asyncio
import base64
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from deploy.sandbox.azure.errors import refusal
from deploy.sandbox.servicebus.auth.certificate import server_context

ROOT = Path(__file__).parents[4]
CLAIMS = '{"access_token":{"nbf":{"essential":true,"value":"1795000000"}}}'
_REALM = 'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize"'
_WITH_CLAIMS = f'{_REALM}, error="insufficient_claims", claims="{base64.b64encode(CLAIMS.encode()).decode()}"'
_ENDED = f'{_REALM}, error="invalid_token", error_description="The access token has expired."'


async def answered(tmp_path: Path, challenge: str) -> dict[str, Any]:
    """What a reader of two answers has, of an ARM that no longer takes its first token."""

    async def subscriptions(request: web.Request) -> web.Response:
        if request.headers["Authorization"] == "Bearer token-1":
            return web.json_response(refusal(401), status=401, headers={"WWW-Authenticate": challenge})
        return web.json_response({"value": []})

    app = web.Application()
    app.add_routes([web.get("/subscriptions", subscriptions)])
    runner = web.AppRunner(app)
    await runner.setup()
    context, certificate = server_context(tmp_path, "127.0.0.1")
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    endpoint = f"https://localhost:{runner.addresses[0][1]}"
    trusted = os.environ | {"SSL_CERT_FILE": str(certificate)}
    command = (sys.executable, "-m", "tests.contract.arm.tokens.reader", endpoint)
    reader = await asyncio.create_subprocess_exec(
        *command, env=trusted, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await reader.communicate()
    await runner.cleanup()
    found: dict[str, Any] = json.loads(out)
    return found


async def test_a_challenge_with_claims_is_answered_by_a_token_with_them_in_the_same_call(
    tmp_path: Path,
) -> None:
    found = await answered(tmp_path, _WITH_CLAIMS)
    assert found == {"asked": ["", CLAIMS], "answers": ["200", "200"]}


@pytest.mark.parametrize("challenge", [_ENDED, _REALM])
async def test_a_token_that_has_ended_is_not_shown_again(tmp_path: Path, challenge: str) -> None:
    """The call fails, and a step of a containment is tried again; the next one goes with a new token."""
    found = await answered(tmp_path, challenge)
    assert found == {"asked": ["", ""], "answers": ["StepFailed", "200"]}
