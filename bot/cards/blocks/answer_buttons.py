"""The buttons of a question, and what Slack asks once more before a confirmation counts."""

from bot.cards.blocks import risk
from bot.cards.blocks.joined import button_value
from bot.cards.blocks.kit import ACCESSIBILITY, BUTTON
from bot.cards.blocks.message import Block
from bot.cards.blocks.text import (
    plain,
    plain_label,
    plain_name,
)
from workers.domain.asking.approvals import Approval
from workers.domain.starts.events import Caller, Phase

CONFIRM = "approval.confirm"
REJECT = "approval.reject"
NOT_MINE = "approval.not_mine"


def buttons(approval: Approval, *, own: bool = False, only_reject: bool = False) -> Block:
    """The buttons carry the id, and how many starts are shown beside them.

    Who may answer, if it is still open, and what has happened since, is checked at the click. Who started
    the VM can't confirm that at high risk, so their own copy has no button for it. Of a start that is only
    announced, there is nothing to confirm.
    """
    vm = approval.event.vm
    confirm = {
        "type": "button",
        "action_id": CONFIRM,
        "text": plain("Confirm", BUTTON),
        "accessibility_label": _label("Confirm the start of", vm.name),
        "style": "primary",
        "value": button_value(approval),
        # At high risk a dialog asks for a reason instead.
        **({} if approval.needs_reason else {"confirm": _sure(approval, own=own)}),
    }
    reject = {
        "type": "button",
        "action_id": REJECT,
        "text": plain("Reject", BUTTON),
        "accessibility_label": _label("Reject the start of", vm.name),
        "style": "danger",
        "value": button_value(approval),
    }
    not_mine = {
        "type": "button",
        "action_id": NOT_MINE,
        "text": plain("Not mine", BUTTON),
        "accessibility_label": _label("Say that it is not yours:", vm.name),
        "value": button_value(approval),
    }
    shown = [confirm, reject, not_mine] if approval.asks and not only_reject else [reject]
    return {"type": "actions", "elements": shown}


def _sure(approval: Approval, *, own: bool) -> Block:
    """What Slack asks once more: who started which VM. What became of the VM since is not known here."""
    event = approval.event
    vm = f"{plain_name(event.vm.name, 90)} in {plain_name(event.vm.resource_group, 60)}"
    verb = "tried to start" if event.phase is Phase.FAILED else "started"
    who, asks, yes = _who(event.caller), "Was that expected?", "Yes, expected"
    if own:
        who, asks, yes = "Your account", "Was it you?", "Yes, it was me"
    risky = f"{said}. " if (said := risk.worth_saying(approval)) else ""
    all_of_them = f" You confirm all {approval.starts} starts." if approval.starts > 1 else ""
    return {
        "title": plain("Was this start expected?", 100),
        "text": plain(f"{risky}{who} {verb} {vm}.{all_of_them} {asks}", 300),
        "confirm": plain(yes, 30),
        "deny": plain("Back", 30),
    }


def _who(caller: Caller) -> str:
    """A name that its bearer may have chosen, with the address that they can't choose."""
    label = plain_label(caller.label, 40)
    known = caller.email and caller.email != caller.label
    return f"{label} ({plain_label(caller.email, 50)})" if known else label


def _label(verb: str, vm: str) -> str:
    """What a screen reader says of a button: it stands without the card around it."""
    return f"{verb} {plain_name(vm, ACCESSIBILITY - len(verb) - 1)}"
