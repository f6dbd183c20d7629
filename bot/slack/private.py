"""Messages that one person sees, sent again while Slack is away.

The click or command was acknowledged before, so nobody but this message tells what came of it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from slack_bolt.context.respond.async_respond import AsyncRespond
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.errors import Refused, slack_away
from workers.domain.errors import DependencyAway

log = structlog.get_logger(__name__)

_PAUSES_S = (0.5, 1.0, 2.0, 4.0)
_LONGEST_PAUSE_S = 10.0
_OK, _THROTTLED, _SERVER_ERROR = 200, 429, 500

Blocks = list[dict[str, Any]]


async def answer_click(client: AsyncWebClient, body: dict[str, Any], text: str, blocks: Blocks) -> None:
    """Answer whoever clicked, below the message; nobody else sees it.

    Args:
        client: with the bot token.
        body: Slack's payload of the click.
        text: for notifications.
        blocks: Block Kit.
    """
    container = body.get("container") or {}
    user = str(body["user"]["id"])
    channel = (body.get("channel") or {}).get("id") or container.get("channel_id") or user

    async def say() -> None:
        await client.chat_postEphemeral(channel=channel, user=user, text=text, blocks=blocks)

    await _until_said(say, user)


async def answer_message(client: AsyncWebClient, event: dict[str, Any], text: str, blocks: Blocks) -> None:
    """Answer whoever wrote the message of this event, where they wrote it; nobody else sees it."""
    channel, user, thread = str(event["channel"]), str(event["user"]), event.get("thread_ts")

    async def say() -> None:
        await client.chat_postEphemeral(
            channel=channel, user=user, text=text, blocks=blocks, thread_ts=thread
        )

    await _until_said(say, user)


async def answer_command(respond: AsyncRespond, user: str, text: str, blocks: Blocks) -> None:
    """Answer a slash command of this user; nobody else sees it."""

    async def say() -> None:
        said = await respond(text=text, blocks=blocks, response_type="ephemeral")
        if said.status_code == _THROTTLED or said.status_code >= _SERVER_ERROR:
            raise DependencyAway("slack", str(said.status_code))
        if said.status_code != _OK:
            log.warning("could not answer a command", user=user, status=said.status_code, error=said.body)

    await _until_said(say, user)


async def send_direct(
    client: AsyncWebClient,
    conversation: Callable[[str], Awaitable[str]],
    user: str,
    text: str,
    blocks: Blocks,
) -> None:
    """Write to this user; ``conversation`` finds the id of the bot's conversation with them."""

    async def say() -> None:
        await client.chat_postMessage(channel=await conversation(user), text=text, blocks=blocks)

    await _until_said(say, user)


async def _until_said(say: Callable[[], Awaitable[None]], user: str) -> None:
    for pause_s in (*_PAUSES_S, None):
        try:
            with slack_away():
                await say()
        except (SlackApiError, Refused) as error:
            # What they asked for is done and on the card; only this message about it failed.
            log.warning("could not answer privately", user=user, error=str(error))
        except DependencyAway as away:
            if pause_s is not None:
                await asyncio.sleep(min(_LONGEST_PAUSE_S, max(pause_s, away.retry_after_s or 0.0)))
                continue
            log.warning("could not answer privately", user=user, error=str(away))
        return
