"""The buttons below how a containment ended: undo it, see how the VM stands, and what is on record.

Everybody in a channel sees them. Who may press which is checked at the click.
"""

from bot.cards.blocks.kit import ACCESSIBILITY, BUTTON
from bot.cards.blocks.message import Block
from bot.cards.blocks.text import plain, plain_name
from bot.cards.replies.containment.retry import retry_element
from workers.domain.containment.containment import Containment, ContainmentState

RESTORE_IT = "afterwards.restore"
STATUS = "afterwards.status"
EVIDENCE = "afterwards.evidence"

_LONGEST_VALUE = 2000
"""Characters of a button's value. Source: https://docs.slack.dev/reference/block-kit/block-elements/button-element"""


def afterwards_buttons(containment: Containment) -> Block:
    """Retry where something failed; Restore until that was done; Status and Evidence."""
    vm = containment.vm
    # What a person would type. Azure's ids are far shorter than Slack's limit; a made-up one may not be.
    typed = vm.resource_id if len(vm.resource_id) <= _LONGEST_VALUE else vm.name[:_LONGEST_VALUE]
    elements: list[Block] = []
    if containment.failed and containment.restoration is None:
        elements.append(retry_element(containment))
    if containment.state is not ContainmentState.RESTORED:
        elements.append(_button(RESTORE_IT, "Restore", "Restore", vm.name, typed))
    elements += [
        _button(STATUS, "Status", "Status of", vm.name, typed),
        _button(EVIDENCE, "Evidence", "Evidence about", vm.name, containment.id),
    ]
    return {"type": "actions", "elements": elements}


def _button(action_id: str, words: str, label: str, vm: str, value: str) -> Block:
    return {
        "type": "button",
        "action_id": action_id,
        "text": plain(words, BUTTON),
        "accessibility_label": f"{label} {plain_name(vm, ACCESSIBILITY - len(label) - 1)}",
        "value": value,
    }
