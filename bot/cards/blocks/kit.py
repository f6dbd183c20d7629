"""The parts of Block Kit that we use, each within Slack's limits.

Source: https://docs.slack.dev/reference/block-kit/blocks
"""

from collections.abc import Sequence
from typing import Any

from bot.cards.blocks.message import Block
from bot.cards.blocks.text import counted, plain

HEADER = 150
SECTION = 3000
CONTEXT_ELEMENTS = 10
BUTTON = 75
ACCESSIBILITY = 75
OPTION = 75
MOST_OPTIONS = 100
TITLE = 24


def mrkdwn(text: str) -> Block:
    """A text with mark-up. ``verbatim`` keeps Slack from making links of anything that looks like one."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def header(text: str) -> Block:
    """A headline, without mark-up."""
    return {"type": "header", "text": plain(text, HEADER)}


def section(text: str, fields: Sequence[str] = ()) -> Block:
    """A paragraph, and below it up to ten short fields in two columns (one on a phone)."""
    block: Block = {"type": "section", "text": mrkdwn(text)}
    if fields:
        block["fields"] = [mrkdwn(field) for field in fields]
    return block


def context(lines: Sequence[str]) -> list[Block]:
    """Small print, one block; no block at all when there is nothing to say."""
    elements = [mrkdwn(line) for line in lines if line][:CONTEXT_ELEMENTS]
    return [{"type": "context", "elements": elements}] if elements else []


def modal(
    title: str, blocks: list[Block], *, callback_id: str = "", submit: str = "", close: str = "Close"
) -> dict[str, Any]:
    """A dialog; without ``submit`` it can only be read."""
    view: dict[str, Any] = {
        "type": "modal",
        "title": plain(title, TITLE),
        "close": plain(close, TITLE),
        "blocks": blocks,
    }
    if callback_id:
        view["callback_id"] = callback_id
    if submit:
        view["submit"] = plain(submit, TITLE)
    return view


def listed(items: Sequence[str], most: int, noun: str, *, between: str = ", ") -> str:
    """The first ``most`` items, and how many more there are."""
    left = len(items) - most
    shown = list(items[:most])
    return between.join([*shown, f"and {counted(left, f'more {noun}')}"] if left > 0 else shown)
