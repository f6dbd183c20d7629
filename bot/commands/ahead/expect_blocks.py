"""What ``/vm-expect`` shows: its form, and its answers."""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.cards.blocks.answers import private
from bot.cards.blocks.inputs import given_reason, reason_input
from bot.cards.blocks.kit import listed, modal
from bot.cards.blocks.message import Block, Message
from bot.cards.blocks.text import code, escape, plain, when
from bot.requests import View
from workers.domain.starts.ahead.expectations import Expectation
from workers.domain.starts.ahead.windows import HOW_TO

EXPECT = "expect.form"
_VM, _WINDOW = "expect.vm", "expect.window"
_MOST_LISTED = 20
_LONGEST_TYPED = 300


def expect_dialog() -> View:
    """The form, for the command without arguments."""
    return modal(
        "Expect a start",
        [
            text_input(_VM, "VM", "Its name, group/name or its resource id."),
            text_input(_WINDOW, "When", f"{HOW_TO[:1].upper()}{HOW_TO[1:]}."),
            reason_input("Why will it be started?", hint="Visible to everyone who looks into the start."),
        ],
        callback_id=EXPECT,
        submit="Expect it",
    )


def text_input(block_id: str, label: str, hint: str) -> Block:
    """A field of one line."""
    return {
        "type": "input",
        "block_id": block_id,
        "label": plain(label, 2000),
        "hint": plain(hint, 2000),
        "element": {"type": "plain_text_input", "action_id": block_id, "max_length": _LONGEST_TYPED},
    }


def text_given(view: Mapping[str, Any], block_id: str) -> str:
    """What was typed in such a field."""
    values = view.get("state", {}).get("values", {})
    return str(values.get(block_id, {}).get(block_id, {}).get("value") or "").strip()


def typed_in(view: Mapping[str, Any]) -> tuple[str, str, str]:
    """VM, window and reason of the submitted form."""
    return text_given(view, _VM), text_given(view, _WINDOW), given_reason(view)


def announced(found: Expectation) -> Message:
    """It is expected, and how that ends."""
    name = found.vm.name if found.vm else found.when
    return private(
        f"A start of {name[:60]} is expected",
        f"Starts of {code(name)} pass without a question {_span(found)}.\n"
        "At high risk you are asked all the same.\n"
        f"End it sooner with {code(f'/vm-expect end {found.id}')}.",
    )


def withdrawn(found: Expectation) -> Message:
    """It was ended before its time."""
    name = found.vm.name if found.vm else found.when
    return private("No longer expected", f"Starts of {code(name)} are asked about again.")


def listed_starts(found: Sequence[Expectation]) -> Message:
    """What is expected, each with how to end it."""
    if not found:
        return private("No start is expected", "No start is expected.")
    lines = [
        f"\u2022 {code(one.vm.name if one.vm else one.when)} {_span(one)}: {escape(one.reason, 100)}"
        f" ({escape(one.by, 60)}; {code(f'/vm-expect end {one.id}', 60)})"
        for one in found
    ]
    return private("Expected starts", listed(lines, _MOST_LISTED, "expected start", between="\n")[:2900])


def _span(found: Expectation) -> str:
    return f"from {when(found.begin)} to {when(found.end)}"
