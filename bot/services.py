"""What every listener needs, made once, and how it answers one person in private."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog
from slack_bolt.context.respond.async_respond import AsyncRespond
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.cards.blocks.answers import went_wrong
from bot.cards.blocks.message import Message
from bot.slack.directory import Directory
from bot.slack.errors import slack_away
from workers.domain.errors import DependencyAway
from workers.domain.policy.model import Policy
from workers.domain.ports.inventory import Inventory
from workers.domain.ports.store import Store
from workers.use_cases.asking.decide import Decide
from workers.use_cases.orders.lockdown import LockDown
from workers.use_cases.orders.restore import Restore

log = structlog.get_logger(__name__)

_PAUSES_S = (0.5, 1.0, 2.0, 4.0)
_LONGEST_PAUSE_S = 10.0
_OK, _THROTTLED, _SERVER_ERROR = 200, 429, 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk:
    """The ports and use cases that listeners work with."""

    store: Store
    inventory: Inventory
    directory: Directory
    decide: Decide
    lock_down: LockDown
    restore: Restore
    policy: Callable[[], Policy]


async def tell(client: AsyncWebClient, body: dict[str, Any], message: Message) -> None:
    """Answer the one who clicked, below the message and visible to nobody else."""
    channel = (body.get("channel") or body.get("container") or {}).get("id") or (
        body.get("container") or {}
    ).get("channel_id")
    user = str(body["user"]["id"])

    async def say() -> None:
        await client.chat_postEphemeral(
            channel=channel or user, user=user, text=message.text, blocks=message.blocks
        )

    await _insist(say, user)


async def answer(respond: AsyncRespond, message: Message) -> None:
    """Answer a slash command, visible only to the one who typed it."""

    async def say() -> None:
        said = await respond(text=message.text, blocks=message.blocks, response_type="ephemeral")
        if said.status_code == _THROTTLED or said.status_code >= _SERVER_ERROR:
            raise DependencyAway("slack", str(said.status_code))
        if said.status_code != _OK:
            log.warning("could not answer a command", status=said.status_code, error=said.body)

    await _insist(say, "")


async def _insist(say: Callable[[], Awaitable[None]], user: str) -> None:
    """Say it, again while Slack is away: the click is acknowledged, so nobody else tells what came of it."""
    for pause_s in (*_PAUSES_S, None):
        try:
            with slack_away():
                await say()
        except SlackApiError as error:
            # The deed is done and on the card; only the private word about it failed.
            log.warning("could not answer privately", user=user, error=str(error.response.get("error")))
        except DependencyAway as away:
            if pause_s is not None:
                await asyncio.sleep(min(_LONGEST_PAUSE_S, max(pause_s, away.retry_after_s or 0.0)))
                continue
            log.warning("could not answer privately", user=user, error=str(away))
        return


def unexpected(what: str, error: Exception) -> Message:
    """Note an error that nobody foresaw, and give the person a reference to it."""
    reference = secrets.token_hex(4)
    log.error("a listener failed", what=what, reference=reference, exc_info=error)
    return went_wrong(reference)
