"""The button that has failed steps tried again."""

from bot.cards.blocks.kit import ACCESSIBILITY, BUTTON
from bot.cards.blocks.message import Block
from bot.cards.blocks.text import plain, plain_name
from workers.domain.containment.containment import Containment

RETRY = "containment.retry"

_LABEL = "Retry what failed on "


def retry_element(containment: Containment) -> Block:
    """The button carries only the id. Who may press it, and whether something has failed, is checked then."""
    vm = containment.vm.name
    return {
        "type": "button",
        "action_id": RETRY,
        "text": plain("Retry", BUTTON),
        "accessibility_label": _LABEL + plain_name(vm, ACCESSIBILITY - len(_LABEL)),
        "value": containment.id,
    }
