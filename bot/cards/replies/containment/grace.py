"""The reply in a time of grace: what is done already, what follows when, and the button to take it back."""

from bot.cards.blocks.kit import ACCESSIBILITY, BUTTON, section
from bot.cards.blocks.message import Block, Message, Reply
from bot.cards.blocks.status import STEPS, and_list, person
from bot.cards.blocks.text import clock, code, name, plain, plain_name
from workers.domain.containment.containment import Containment
from workers.domain.containment.ending.grace import in_grace
from workers.domain.containment.plans import StepName

REGRET = "containment.regret"

_LABEL = "Take back the rejection of "


def grace_replies(containment: Containment) -> list[Reply]:
    """Nothing where the policy gives no time of grace."""
    grace, vm = containment.grace, containment.vm.name
    if grace is None or containment.round > 1:
        return []
    if grace.regretted_by is not None:
        text = f"{person(grace.regretted_by)} took the rejection of {code(vm)} back. Its isolation is undone."
        return [Reply("grace", Message(f"Rejection taken back: {name(vm)}", [section(text)]))]
    others = [STEPS[one.name].verb for one in containment.steps if one.name is not StepName.ISOLATE]
    if not in_grace(containment) or not others:
        return [
            Reply("grace", Message(f"Rejected: {name(vm)}", [section("The time to take it back is over.")]))
        ]
    text = (
        f"{code(vm)} is isolated at once. At {clock(grace.until)} this follows: {and_list(others)}. Until"
        " then whoever rejected can take it back."
    )
    return [Reply("grace", Message(f"Isolating {name(vm)} first", [section(text), _button(containment)]))]


def _button(containment: Containment) -> Block:
    """It carries only the id. Who may press it, and whether it is in time, is checked then."""
    vm = containment.vm.name
    return {
        "type": "actions",
        "elements": [
            {
                "type": "button",
                "action_id": REGRET,
                "text": plain("I pressed wrongly", BUTTON),
                "accessibility_label": _LABEL + plain_name(vm, ACCESSIBILITY - len(_LABEL)),
                "value": containment.id,
            }
        ],
    }
