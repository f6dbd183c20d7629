"""The Bolt app: every listener in one visible list."""

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from pydantic import SecretStr
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.answers.decide import DecideListener
from bot.cards.blocks.card import CONFIRM, REJECT
from bot.cards.blocks.dialogs import LOCKDOWN
from bot.cards.blocks.dialogs import REJECT as REJECT_DIALOG
from bot.cards.blocks.restore_dialog import CHOOSE as CHOOSE_RESTORE
from bot.cards.blocks.restore_dialog import RESTORE
from bot.commands.lockdown import LockdownListener
from bot.commands.restore import RestoreListener
from bot.services import Desk
from bot.slack.errors import SLACK_AWAY

log = structlog.get_logger(__name__)

_ANYTHING = re.compile(".*")
_WHO_AM_I_S = 1.0


def build_app(client: AsyncWebClient, desk: Desk, *, signing_secret: SecretStr | None = None) -> AsyncApp:
    """The app, with nothing connected yet.

    Args:
        client: carries the bot token and one shared HTTP session.
        desk: the ports and use cases.
        signing_secret: HTTP mode only; Socket Mode's payloads come over an authenticated connection.
    """
    app = AsyncApp(
        # Without the token, which ``authorize`` gives: Bolt warns about two ways to it.
        client=AsyncWebClient(
            base_url=client.base_url, timeout=client.timeout, session=client.session, retry_handlers=[]
        ),
        authorize=_authorizing(client),
        signing_secret=signing_secret.get_secret_value() if signing_secret else "unused-in-socket-mode",
        request_verification_enabled=signing_secret is not None,
    )
    decide = DecideListener(desk)
    lockdown = LockdownListener(desk)
    restore = RestoreListener(desk)

    app.action(CONFIRM)(decide.confirm)
    app.action(REJECT)(decide.reject)
    app.view(REJECT_DIALOG)(decide.submit)
    app.command("/vm-lockdown")(lockdown.command)
    app.view(LOCKDOWN)(lockdown.chosen)
    app.command("/vm-restore")(restore.command)
    app.view(CHOOSE_RESTORE)(restore.chosen)
    app.view(RESTORE)(restore.submit)

    # What nobody listens for is acknowledged all the same: without it Slack shows the person an error, and
    # delivers events again and again.
    app.event(_ANYTHING)(_acknowledge)
    app.action(_ANYTHING)(_acknowledge)
    app.command(_ANYTHING)(_acknowledge)
    app.view_closed(_ANYTHING)(_acknowledge)
    app.error(_failed)
    return app


def _authorizing(
    client: AsyncWebClient,
) -> Callable[[str | None, str | None, str | None], Awaitable[AuthorizeResult]]:
    """Every request is this workspace's: it came over our own connection, or it was signed.

    Bolt's own way asks ``auth.test`` in the first request, and when Slack fails just then it acknowledges
    that request and forgets it: a click without any consequence.
    """
    me: dict[str, str] = {}

    async def authorize(
        enterprise_id: str | None, team_id: str | None, user_id: str | None
    ) -> AuthorizeResult:
        if not me:
            # Who we are is only needed to pass over our own messages; the next request asks again.
            with contextlib.suppress(SlackApiError, *SLACK_AWAY):
                answer = await asyncio.wait_for(client.auth_test(), _WHO_AM_I_S)
                me.update(bot_id=str(answer["bot_id"]), bot_user_id=str(answer["user_id"]))
        return AuthorizeResult(
            enterprise_id=enterprise_id,
            team_id=team_id,
            user_id=user_id,
            bot_id=me.get("bot_id"),
            bot_user_id=me.get("bot_user_id"),
            bot_token=client.token,
        )

    return authorize


async def _acknowledge(ack: AsyncAck) -> None:
    await ack()


async def _failed(error: Exception, body: dict[str, Any]) -> BoltResponse:
    """The last resort: listeners answer their own errors."""
    log.error("a request from Slack failed", type=body.get("type"), exc_info=error)
    return BoltResponse(status=200, body="")
