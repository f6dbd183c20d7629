"""The dialog in which a start of high risk is confirmed: the strongest signs, and a reason."""

from typing import Any

from bot.cards.blocks import evidence, risk
from bot.cards.blocks.inputs import reason_input
from bot.cards.blocks.joined import button_value, started_since
from bot.cards.blocks.kit import modal, section
from bot.cards.blocks.text import code, when
from bot.cards.blocks.waiting import second_line
from workers.domain.asking.approvals import Approval

CONFIRM_HIGH = "approval.confirm.high"


def confirm_dialog(approval: Approval, *, again: bool = False) -> dict[str, Any]:
    """Asks why a start of high risk was expected. It carries the question, and how many starts it shows.

    Args:
        approval: the question.
        again: what was shown before is out of date.
    """
    event = approval.event
    since = f"{code(event.vm.name)} was started again meanwhile. Your answer was not recorded."
    view = modal(
        "Was this start expected?",
        [
            *([section(since)] if again else []),
            section(f"{evidence.who_did_what(event)} {when(event.at)}."),
            section("\n".join(risk.lead(approval)) or "*High risk.*"),
            *([section(also)] if (also := started_since(approval)) else []),
            *([section(first)] if (first := second_line(approval, reader="")) else []),
            reason_input(
                "Why was it expected?",
                hint="At high risk it takes a reason. Shown on the card and kept in the audit log.",
            ),
        ],
        callback_id=CONFIRM_HIGH,
        submit="Confirm",
        close="Back",
    )
    return {**view, "private_metadata": button_value(approval)}
