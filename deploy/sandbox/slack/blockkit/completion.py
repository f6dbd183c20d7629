"""What Slack adds to a layout it accepts: ids, and defaults of text objects."""

import base64
import secrets
from typing import Any

from deploy.sandbox.slack.team.messages import Json

INTERACTIVE_HOMES = ("actions", "context_actions")
TEXT_DEFAULTS = {"plain_text": {"emoji": True}, "mrkdwn": {"verbatim": False}}
NO_ACTION_ID = ("image",)
"""Elements that cannot be acted on."""


def completed(blocks: list[Json]) -> list[Json]:
    """A copy with a block_id for every block and an action_id for every element that can be acted on."""
    return [_completed_block(block) for block in blocks]


def completed_view(view: Json) -> Json:
    """A copy of a view with its blocks completed."""
    copied: Json = _with_text_defaults({**view, "blocks": completed(view["blocks"])})
    return copied


def _completed_block(block: Json) -> Json:
    block = _with_text_defaults(block)
    block.setdefault("block_id", base64.b64encode(secrets.token_bytes(4)).decode().rstrip("="))
    for place in ("accessory", "element"):
        if place in block:
            _add_action_id(block[place])
    if block["type"] in INTERACTIVE_HOMES:
        for element in block["elements"]:
            _add_action_id(element)
    return block


def _add_action_id(element: Json) -> None:
    if element["type"] not in NO_ACTION_ID:
        element.setdefault("action_id", base64.b64encode(secrets.token_bytes(4)).decode().rstrip("="))


def _with_text_defaults(node: Any) -> Any:
    if isinstance(node, list):
        return [_with_text_defaults(item) for item in node]
    if not isinstance(node, dict):
        return node
    copied = {key: _with_text_defaults(value) for key, value in node.items()}
    return copied | {
        key: value for key, value in TEXT_DEFAULTS.get(node.get("type", ""), {}).items() if key not in node
    }
