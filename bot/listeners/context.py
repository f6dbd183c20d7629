"""What every listener needs, made once, and how it answers one person in private."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from slack_bolt.context.respond.async_respond import AsyncRespond
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.blocks.answers import went_wrong
from bot.blocks.message import Message
from bot.directory import Directory
from workers.domain.policy import Policy
from workers.domain.ports import Inventory, Store
from workers.use_cases.decide import Decide
from workers.use_cases.lockdown import LockDown

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk:
    """The ports and use cases that listeners work with."""

    store: Store
    inventory: Inventory
    directory: Directory
    decide: Decide
    lock_down: LockDown
    policy: Callable[[], Policy]


async def tell(client: AsyncWebClient, body: dict[str, Any], message: Message) -> None:
    """Answer the one who clicked, below the message and visible to nobody else."""
    channel = (body.get("channel") or body.get("container") or {}).get("id") or (
        body.get("container") or {}
    ).get("channel_id")
    user = str(body["user"]["id"])
    try:
        await client.chat_postEphemeral(
            channel=channel or user, user=user, text=message.text, blocks=message.blocks
        )
    except SlackApiError as error:
        # The deed is done and on the card; only the private word about it failed.
        log.warning("could not answer privately", user=user, error=str(error.response.get("error")))


async def answer(respond: AsyncRespond, message: Message) -> None:
    """Answer a slash command, visible only to the one who typed it."""
    await respond(text=message.text, blocks=message.blocks, response_type="ephemeral")


def unexpected(what: str, error: Exception) -> Message:
    """Note an error that nobody foresaw, and give the person a reference to it."""
    reference = secrets.token_hex(4)
    log.error("a listener failed", what=what, reference=reference, exc_info=error)
    return went_wrong(reference)
