"""The dialogs of ``/vm-restore``: which VM, and exactly what comes back. Letting go always asks once."""

import json
from collections.abc import Sequence
from typing import Any

from bot.cards.blocks import evidence
from bot.cards.blocks.dialogs import CHOICE, REASON_MAX, reason_input, vm_menu
from bot.cards.blocks.kit import MOST_OPTIONS, context, listed, modal, section
from bot.cards.blocks.message import Block
from bot.cards.blocks.status import STEPS, cause_line
from bot.cards.blocks.text import code, counted, escape, plain, when, words
from workers.domain.containment.containment import Containment, Step
from workers.domain.containment.restoration import can_start
from workers.domain.starts.vm import KnownVm

RESTORE = "restore.confirm"
CHOOSE = "restore.choose"
START = "start"
"""Block, action and only value of the checkbox that has the VM started, too."""

_STAYS_OFF = "The VM is not started: it did not run when it was contained."
_MOST_LINES = 8  # an Azure VM has at most so many network interfaces


def restore_dialog(
    containment: Containment, known: KnownVm | None = None, *, start: bool = False, reason: str = ""
) -> dict[str, Any]:
    """Shows what restoring this VM brings back, and asks for a reason.

    Args:
        containment: what is to be undone.
        known: the VM as the inventory describes it.
        start: tick the checkbox already; there is none for a VM that can't be brought back to running.
        reason: what was typed already.
    """
    vm = containment.vm
    where = evidence.place(vm, known.subscription_name if known else "")
    return {
        **modal(
            "Restore a VM",
            [
                section(f"{code(vm.name)}\n{where}\n{cause_line(containment)}"),
                section("Restoring lets the VM go *at once*, and brings back:"),
                *(section(_step(number, step)) for number, step in enumerate(containment.steps, 1)),
                *context([_recorded(containment)]),
                *([_start(ticked=start)] if can_start(containment) else [section(_STAYS_OFF)]),
                reason_input(
                    "Why can it be let go?", hint="Shown on the card and kept in the audit.", given=reason
                ),
            ],
            callback_id=RESTORE,
            submit="Restore",
            close="Back",
        ),
        "private_metadata": containment.id,
    }


def restore_choice_dialog(
    candidates: Sequence[KnownVm], query: str, *, start: bool = False, reason: str = ""
) -> dict[str, Any]:
    """Asks which contained VM is meant; the next dialog shows what comes back. Needs a candidate."""
    menu = vm_menu(candidates)
    one = len(candidates) == 1
    found = f"{counted(len(candidates), 'contained VM')} {'matches' if one else 'match'} {code(query)}."
    more = f" The first {MOST_OPTIONS} are listed: type more of the name to see others."
    return {
        **modal(
            "Restore a VM",
            [
                section(found + (more if len(candidates) > MOST_OPTIONS else "")),
                {"type": "input", "block_id": CHOICE, "label": plain("VM", 2000), "element": menu},
            ],
            callback_id=CHOOSE,
            submit="Next",
            close="Back",
        ),
        "private_metadata": json.dumps(
            {"start": start, "reason": words(reason, REASON_MAX)}, ensure_ascii=False
        ),
    }


def typed_before(view: dict[str, Any]) -> tuple[bool, str]:
    """What was typed with the command, kept by the dialog that asked which VM: start it, too; the reason."""
    kept = json.loads(view["private_metadata"])
    return bool(kept["start"]), str(kept["reason"])


def cannot_restore_dialog(text: str) -> dict[str, Any]:
    """Says why it can't be restored, or not now."""
    said = escape(text, 1000) or "This VM can't be restored now."
    return modal("Nothing was restored", [section(f"{said}\nNothing was changed.")])


def _step(number: int, step: Step) -> str:
    step_words = STEPS[step.name]
    if step.change is None:
        return f"*{number}. {step_words.title}:* nothing was changed, so nothing comes back."
    lines = [f"\u2022 {escape(line, 200)}" for line in step.change.back]
    head = f"*{number}. {step_words.title}:* {step_words.undo}."
    return "\n".join([head, listed(lines, _MOST_LINES, "change", between="\n")] if lines else [head])


def _recorded(containment: Containment) -> str:
    at = f" {when(containment.ended_at)}" if containment.ended_at else ""
    return (
        f"As recorded while the VM was contained{at}. Each step reads Azure again: what somebody changed"
        " since is left as it is, and named."
    )


def _start(*, ticked: bool) -> Block:
    option = {"text": plain("Start the VM too", 75), "value": START}
    element: Block = {"type": "checkboxes", "action_id": START, "options": [option]}
    if ticked:
        element["initial_options"] = [option]
    return {
        "type": "input",
        "block_id": START,
        "optional": True,
        "label": plain("Power", 2000),
        "hint": plain(
            "It ran before. Its network is brought back first; nobody is asked about this start.", 2000
        ),
        "element": element,
    }
