"""The dialog of *Not mine*, and what its submitter is told."""

from collections.abc import Mapping
from typing import Any

from bot.cards.blocks import evidence
from bot.cards.blocks.answers import private
from bot.cards.blocks.kit import context, modal, section
from bot.cards.blocks.message import Message
from bot.cards.blocks.text import code, counted, escape, mention, name, plain
from workers.domain.asking.approvals import Approval
from workers.domain.asking.passing import MOST_HOPS
from workers.domain.starts.people import Actor

NOT_MINE_DIALOG = "approval.not_mine"
NOT_MINE_ALL_DIALOG = "burst.not_mine"
WHO = "who"
"""Block and action of the menu of people."""


def not_mine_dialog(approval: Approval) -> dict[str, Any]:
    """Asks whose VM it is."""
    said = f"{evidence.who_did_what(approval.event)}. Whose VM is it?"
    return _dialog(said, approval, NOT_MINE_DIALOG) | {"private_metadata": approval.id}


def not_mine_all_dialog(first: Approval, count: int, value: str) -> dict[str, Any]:
    """Asks whose VMs they are.

    Args:
        first: the first of the questions.
        count: how many they are.
        value: of the button: the card, and how many starts it shows.
    """
    who = escape(first.event.caller.label, 80) or "Somebody"
    said = f"{who} started {counted(count, 'VM')}. Whose are they?"
    return _dialog(said, first, NOT_MINE_ALL_DIALOG) | {"private_metadata": value}


def _dialog(said: str, approval: Approval, callback_id: str) -> dict[str, Any]:
    left = MOST_HOPS - len(approval.passed)
    can = f"It can be passed on {counted(left, 'more time')}." if left > 0 else "Only on-call can be asked."
    return modal(
        "Not mine",
        [
            section(said),
            {
                "type": "input",
                "block_id": WHO,
                "optional": True,
                "label": plain("Its owner", 2000),
                "hint": plain("They are asked in your place. Leave it empty if you don't know.", 2000),
                "element": {
                    "type": "users_select",
                    "action_id": WHO,
                    "placeholder": plain("I don't know", 150),
                },
            },
            *context([f"Without a name, on-call is asked. {can} The time to answer stays as it is."]),
        ],
        callback_id=callback_id,
        submit="Pass it on",
        close="Back",
    )


def named(view: Mapping[str, Any]) -> str:
    """The Slack id of the person who was chosen in a submitted dialog; empty without one."""
    menu = view.get("state", {}).get("values", {}).get(WHO, {}).get(WHO, {})
    return str(menu.get("selected_user") or "")


def all_passed_on(count: int, to: Actor | None) -> Message:
    """Somebody else is asked about all of them now."""
    starts = counted(count, "start")
    whom = f"{mention(to.slack_user)} is" if to else "On-call is"
    return private(f"Passed on: {starts}", f"{whom} asked about {starts} now. You can still reject them.")


def passed_on(approval: Approval) -> Message:
    """Somebody else is asked now."""
    vm, to = approval.event.vm.name, approval.passed[-1].to
    whom = f"{mention(to.slack_user)} is" if to else "On-call is"
    return private(
        f"Passed on: {name(vm)}",
        f"{whom} asked about the start of {code(vm)} now. You can still reject it.",
    )
