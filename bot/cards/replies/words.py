"""The reply about a confirmation in words: what was understood, and the button that takes it back."""

from bot.cards.blocks.kit import ACCESSIBILITY, BUTTON, section
from bot.cards.blocks.message import Block, Message, Reply
from bot.cards.blocks.status import person
from bot.cards.blocks.text import clock, code, escape, name, plain, plain_name
from workers.domain.asking.approvals import IN_WORDS, Approval, ApprovalState

UNDO = "approval.undo"

_LABEL = "Undo the confirmation of "


def words_replies(approval: Approval) -> list[Reply]:
    """Nothing where nobody confirmed in words."""
    vm, decision, back = approval.event.vm.name, approval.decision, approval.taken_back
    if approval.open and back is not None:
        text = (
            f"{person(back.by)} took back the confirmation of {code(vm)} by {person(back.decision.by)}. The"
            " question above is open again."
        )
        return [Reply("decision", Message(f"Open again: {name(vm)}", [section(text)]))]
    if approval.state is not ApprovalState.CONFIRMED or decision is None or decision.via != IN_WORDS:
        return []
    said = f"\u201c{escape(decision.words, 100)}\u201d by {person(decision.by)} is recorded as *Confirm*"
    if approval.undo_until is None:
        return [Reply("decision", Message(f"Confirmed: {name(vm)}", [section(f"{said}.")]))]
    text = f"{said}. Not what you meant? Undo it until {clock(approval.undo_until)}."
    return [Reply("decision", Message(f"Confirmed: {name(vm)}", [section(text), _undo(approval)]))]


def _undo(approval: Approval) -> Block:
    """The button carries only the id. Who may press it, and whether it is in time, is checked then."""
    vm = approval.event.vm.name
    return {
        "type": "actions",
        "elements": [
            {
                "type": "button",
                "action_id": UNDO,
                "text": plain("Undo", BUTTON),
                "accessibility_label": _LABEL + plain_name(vm, ACCESSIBILITY - len(_LABEL)),
                "value": approval.id,
            }
        ],
    }
