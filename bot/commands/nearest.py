"""Buttons with the names that are nearest to one that no VM has."""

import re
from collections.abc import Sequence

from bot.cards.blocks.kit import ACCESSIBILITY, BUTTON
from bot.cards.blocks.message import Block
from bot.cards.blocks.text import plain, plain_name

MOST = 5
_VALUE = 2000
"""Characters that Slack takes for the value of a button."""


def nearest_buttons(action: str, verb: str, names: Sequence[str], rest: str) -> list[Block]:
    """A button for each name; no block without names.

    Args:
        action: the buttons' action ids begin so; ``pressed_any`` listens to all of them.
        verb: what pressing one leads to, for a screen reader: ``Lock down``.
        names: of VMs, the nearest first.
        rest: what was typed after the name, which the button brings back.
    """
    buttons = [
        {
            "type": "button",
            "action_id": f"{action}.{number}",
            "text": plain(plain_name(name, BUTTON), BUTTON),
            "accessibility_label": f"{verb} {plain_name(name, ACCESSIBILITY - len(verb) - 1)}",
            "value": f"{name} {rest}".strip()[:_VALUE],
        }
        for number, name in enumerate(names[:MOST])
    ]
    return [{"type": "actions", "elements": buttons}] if buttons else []


def pressed_any(action: str) -> re.Pattern[str]:
    """The action ids of ``nearest_buttons``."""
    return re.compile(rf"{re.escape(action)}\.\d")
