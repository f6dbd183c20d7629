"""What the tests say to the Slack stand-in, and how they look at what it did."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from deploy.sandbox.client import PATIENCE_S
from deploy.sandbox.slack.server import SlackServer
from deploy.sandbox.slack.state import SlashCommand

Json = dict[str, Any]
Acts = Callable[..., Awaitable[Json]]
OLIVIA, COLIN, NADIA, SAM = "U0OLIVIA01", "U0COLIN002", "U0NADIA003", "U0SAM00004"
APPROVALS, ONCALL = "C0APPROVALS", "C0ONCALL001"
COMMANDS = [SlashCommand(command="/vm-lockdown", should_escape=True), SlashCommand(command="/slow")]
SURE = {part: {"type": "plain_text", "text": part} for part in ("title", "text", "confirm", "deny")}


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def button(action_id: str = "reject", **extra: Any) -> Json:
    return {"type": "button", "action_id": action_id, "text": plain("Reject"), "value": "a-1"} | extra


def card(*elements: Json) -> list[Json]:
    text = {"type": "mrkdwn", "text": "*web-01* was started"}
    return [
        {"type": "section", "text": text},
        {"type": "actions", "block_id": "ask", "elements": list(elements) or [button()]},
    ]


def dialog(*blocks: Json, **extra: Any) -> Json:
    why = {"type": "plain_text_input", "action_id": "text"}
    asked = {"type": "input", "block_id": "why", "label": plain("Why?"), "element": why}
    head = {"type": "modal", "callback_id": "why", "title": plain("Reject"), "submit": plain("Send")}
    return {**head, "private_metadata": "a-1", "blocks": list(blocks) or [asked], **extra}


async def until(holds: Callable[[], bool], timeout_s: float = PATIENCE_S) -> None:
    async with asyncio.timeout(timeout_s):
        while not holds():  # noqa: ASYNC110 - what is waited for has no event to wait on
            await asyncio.sleep(0.005)


def seen(slack: SlackServer, kind: str) -> list[Json]:
    return [entry.data for entry in slack.record.since(kind=kind)]


def unlimited(slack: SlackServer, why: str) -> None:
    """Turn rate limits off for a test that says why."""
    assert why
    slack.state.switches = slack.state.switches.model_copy(update={"tiers": False})


async def refused(call: Awaitable[Any]) -> Json:
    with pytest.raises(SlackApiError) as caught:
        await call
    data: Json = caught.value.response.data
    return data
