"""While changes in Azure are paused, everything that people look at says so: cards, dialogs and answers."""

from typing import Any

from bot.cards.blocks.kit import section
from bot.cards.blocks.message import Message
from bot.cards.blocks.text import escape, when
from workers.domain.containment.brakes.pause import Pause


def pause_line(pause: Pause) -> str:
    """By whom, until when and why, and what that means, as mrkdwn; empty if there is no pause."""
    if pause.until is None:
        return ""
    second = f", approved by {escape(pause.approved_by, 80)}," if pause.approved_by else ""
    return (
        f"\u23f8\ufe0f *Changes in Azure are paused* by {escape(pause.by, 80)}{second} until"
        f" {when(pause.until)}."
        f" Reason: \u201c{escape(pause.reason, 300)}\u201d."
        " Answers count, and what they lead to waits until then."
    )


def on_card(card: Message, pause: Pause | None) -> Message:
    """The card with that below its headline."""
    if pause is None:
        return card
    head, *rest = card.blocks
    return Message(card.text, [head, section(pause_line(pause)), *rest])


def on_answer(answer: Message, pause: Pause | None) -> Message:
    """An answer that only one person sees, with that before it."""
    return answer if pause is None else Message(answer.text, [section(pause_line(pause)), *answer.blocks])


def on_dialog(view: dict[str, Any], pause: Pause | None) -> dict[str, Any]:
    """A dialog with that at its top."""
    return view if pause is None else {**view, "blocks": [section(pause_line(pause)), *view["blocks"]]}
