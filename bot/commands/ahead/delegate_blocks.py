"""What ``/vm-delegate`` shows: its form, and its answers; and what cards say of delegations."""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.cards.blocks.answers import private
from bot.cards.blocks.inputs import reason_input
from bot.cards.blocks.kit import listed, modal
from bot.cards.blocks.message import Message
from bot.cards.blocks.text import mention, plain, when
from bot.commands.ahead.expect_blocks import text_given, text_input
from bot.requests import View
from workers.domain.asking.delegations import Delegation

DELEGATE = "delegate.form"
PERSON, UNTIL = "delegate.person", "delegate.until"
_MOST_LISTED = 20


def delegate_dialog(*, second: bool = False) -> View:
    """The form, for the command without arguments; with ``second``, somebody else decides by the reason."""
    person = {
        "type": "input",
        "block_id": PERSON,
        "label": plain("Who answers in your stead?", 2000),
        "hint": plain("For the VMs that you own. They can't pass it on.", 2000),
        "element": {
            "type": "users_select",
            "action_id": PERSON,
            "placeholder": plain("Choose a person", 150),
        },
    }
    until = text_input(UNTIL, "Until", "2d from now on, 18:00, 2026-12-01 or 2026-12-01T18:00.")
    asked = "Somebody of on-call has to approve it, and decides by this." if second else "For the record."
    reason = reason_input("Why?", hint=asked, optional=not second)
    return modal("Delegate answers", [person, until, reason], callback_id=DELEGATE, submit="Delegate")


def typed_in(view: Mapping[str, Any]) -> tuple[str, str]:
    """The person's Slack id and the end, of the submitted form."""
    values = view.get("state", {}).get("values", {})
    return str(values.get(PERSON, {}).get(PERSON, {}).get("selected_user") or ""), text_given(view, UNTIL)


def delegated(one: Delegation) -> Message:
    """It has begun, and how it ends."""
    return private(
        "Delegated",
        f"{mention(one.to)} can answer in your stead until {when(one.until)}, for the VMs that you own. Their"
        " answers say so. You are asked, too. End it sooner with `/vm-delegate end`.",
    )


def ended(found: Sequence[Delegation]) -> Message:
    """What was ended."""
    if not found:
        return private("Nothing to end", "Nobody answers in your stead. Nothing was changed.")
    people = ", ".join(mention(one.to) for one in found)
    return private("Ended", f"No longer answers in your stead: {people}.")


def listed_delegations(found: Sequence[Delegation], reader: str) -> Message:
    """What the reader has given and was given."""
    if not found:
        return private("No delegations", "Nobody answers in your stead, and you answer in nobody's.")
    lines = [
        f"\u2022 {mention(one.to)} answers in your stead until {when(one.until)}"
        if one.giver == reader
        else f"\u2022 You answer in the stead of {mention(one.giver)} until {when(one.until)}"
        for one in found
    ]
    return private("Delegations", listed(lines, _MOST_LISTED, "delegation", between="\n"))
