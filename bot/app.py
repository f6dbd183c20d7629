"""The Bolt app: every listener in one visible list."""

import re
from typing import Any

import structlog
from pydantic import SecretStr
from slack_bolt.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.blocks.card import CONFIRM, REJECT
from bot.blocks.dialogs import LOCKDOWN
from bot.blocks.dialogs import REJECT as REJECT_DIALOG
from bot.listeners.context import Desk
from bot.listeners.decide import DecideListener
from bot.listeners.lockdown import LockdownListener

log = structlog.get_logger(__name__)

_ANYTHING = re.compile(".*")


def build_app(client: AsyncWebClient, desk: Desk, *, signing_secret: SecretStr | None = None) -> AsyncApp:
    """The app, with nothing connected yet.

    Args:
        client: carries the bot token and one shared HTTP session.
        desk: the ports and use cases.
        signing_secret: HTTP mode only; Socket Mode's payloads come over an authenticated connection.
    """
    app = AsyncApp(
        client=client,
        signing_secret=signing_secret.get_secret_value() if signing_secret else "unused-in-socket-mode",
        # A lazy auth.test in the first click would cost its 150 ms there.
        request_verification_enabled=signing_secret is not None,
    )
    decide = DecideListener(desk)
    lockdown = LockdownListener(desk)

    app.action(CONFIRM)(decide.confirm)
    app.action(REJECT)(decide.reject)
    app.view(REJECT_DIALOG)(decide.submit)
    app.command("/vm-lockdown")(lockdown.command)
    app.view(LOCKDOWN)(lockdown.chosen)

    # What nobody listens for is acknowledged all the same: without it Slack shows the person an error, and
    # delivers events again and again.
    app.event(_ANYTHING)(_acknowledge)
    app.action(_ANYTHING)(_acknowledge)
    app.command(_ANYTHING)(_acknowledge)
    app.view_closed(_ANYTHING)(_acknowledge)
    app.error(_failed)
    return app


async def _acknowledge(ack: AsyncAck) -> None:
    await ack()


async def _failed(error: Exception, body: dict[str, Any]) -> BoltResponse:
    """The last resort: listeners answer their own errors."""
    log.error("a request from Slack failed", type=body.get("type"), exc_info=error)
    return BoltResponse(status=200, body="")
