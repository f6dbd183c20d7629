"""What ``/vm-restore`` says: which VM, exactly what comes back, and the answers only one person sees."""

import json
from collections.abc import Sequence
from typing import Any

from bot.cards.blocks import evidence
from bot.cards.blocks.answers import private
from bot.cards.blocks.coming_back import comes_back
from bot.cards.blocks.inputs import REASON_MAX, instead_menus, reason_input, vm_menu
from bot.cards.blocks.kit import MOST_OPTIONS, context, modal, section
from bot.cards.blocks.message import Block, Message
from bot.cards.blocks.status import cause_line, progress
from bot.cards.blocks.text import code, counted, name, plain, when, words
from bot.commands.nearest import nearest_buttons
from workers.domain.containment.containment import Containment
from workers.domain.containment.restoration import can_start, to_choose
from workers.domain.starts.vm import KnownVm

RESTORE = "restore.confirm"
CHOOSE = "restore.choose"
NEAR = "restore.near"
START = "start"
"""Block, action and only value of the checkbox that also starts the VM."""

_CONTAINED_ANEW = (
    "\u26a0\ufe0f *Nothing was restored.* The VM was contained anew after this dialog opened. This is why it"
    " is contained now, and what restoring it brings back:"
)


def restore_dialog(
    containment: Containment,
    known: KnownVm | None = None,
    *,
    start: bool = False,
    reason: str = "",
    again: bool = False,
) -> dict[str, Any]:
    """Shows what restoring this VM brings back, and asks for a reason. It carries what it shows.

    Args:
        containment: what is to be undone.
        known: the VM as the inventory describes it.
        start: tick the checkbox; a VM that was not running has none.
        reason: what was typed already.
        again: what was shown before is out of date.
    """
    vm = containment.vm
    where = evidence.place(vm, known.subscription_name if known else "")
    return {
        **modal(
            "Restore a VM",
            [
                *([section(_CONTAINED_ANEW)] if again else []),
                section(f"{code(vm.name)}\n{where}\n{cause_line(containment)}"),
                section("Restoring reconnects the VM *immediately*:"),
                *(section(comes_back(step, known)) for step in containment.steps),
                *context([_recorded(containment)]),
                *instead_menus(to_choose(containment)),
                *([_start(ticked=start)] if can_start(containment) else []),
                reason_input(
                    "Why is it safe to restore?",
                    hint="Shown on the card and kept in the audit log.",
                    given=reason,
                ),
            ],
            callback_id=RESTORE,
            submit="Restore",
            close="Back",
        ),
        "private_metadata": json.dumps({"id": containment.id, "demand": containment.demand}),
    }


def shown_before(view: dict[str, Any]) -> tuple[str, str]:
    """The id of the containment that a submitted dialog shows, and its ``demand`` at that moment."""
    text = str(view["private_metadata"])
    if not text.startswith("{"):  # a dialog of an earlier version, which carried only the id
        return text, ""
    kept = json.loads(text)
    return str(kept["id"]), str(kept["demand"])


def restore_choice_dialog(
    candidates: Sequence[KnownVm], query: str, *, start: bool = False, reason: str = ""
) -> dict[str, Any]:
    """Asks which contained VM is meant; the next dialog shows what comes back. Needs a candidate."""
    one = len(candidates) == 1
    found = f"{counted(len(candidates), 'contained VM')} {'matches' if one else 'match'} {code(query)}."
    more = f" The first {MOST_OPTIONS} are listed. Type more of the name to see others."
    return {
        **modal(
            "Restore a VM",
            [
                section(found + (more if len(candidates) > MOST_OPTIONS else "")),
                vm_menu(candidates),
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
    """What was typed with the command, before a dialog asked which VM: whether to start it, and why."""
    kept = json.loads(view["private_metadata"])
    return bool(kept["start"]), str(kept["reason"])


def wants_start(view: dict[str, Any]) -> bool:
    """Whether the checkbox of a submitted dialog is ticked."""
    return bool(view["state"]["values"].get(START, {}).get(START, {}).get("selected_options"))


def restore_started(containment: Containment) -> Message:
    """The restore is under way."""
    vm = containment.vm.name
    start = (
        "The VM is started once its network is restored."
        if containment.restoration is not None and containment.restoration.starts
        else "The VM is not started."
    )
    return private(
        f"Restoring {name(vm)}",
        f"Restoring {code(vm)}. {start} The thread below its card shows each step. It counts as restored once"
        " every interface is verified; later changes by others are kept and listed.",
    )


def already_restoring(containment: Containment) -> Message:
    """Somebody had ordered it before, so no new action was started."""
    vm = containment.vm.name
    lines = [f"{code(vm)} is already being restored. No new action was started.", progress(containment)]
    return private(f"{name(vm)} is already being restored", "\n".join(lines))


def none_contained(
    query: str, contained_count: int, *, nearest: Sequence[str] = (), rest: str = ""
) -> Message:
    """No contained VM is of that name; the nearest names are buttons, which bring the rest back."""
    if nearest:
        said = f"No contained VM matches {code(query)}. Nothing was changed. Did you mean:"
        answer = private("Contained VM not found", said)
        return Message(answer.text, [*answer.blocks, *nearest_buttons(NEAR, "Restore", nearest, rest)])
    hint = (
        f"{counted(contained_count, 'VM')} {'is' if contained_count == 1 else 'are'} contained."
        " Check the spelling, or use the VM's resource id."
        if contained_count
        else "No VM is contained now."
    )
    return private(
        "Contained VM not found", f"No contained VM matches {code(query)}. {hint} Nothing was changed."
    )


def _recorded(containment: Containment) -> str:
    at = f" {when(containment.ended_at)}" if containment.ended_at else ""
    return (
        f"Based on what was recorded when the VM was contained{at}. Each step checks Azure again;"
        " later changes by others are kept and listed."
    )


def _start(*, ticked: bool) -> Block:
    option = {"text": plain("Also start the VM", 75), "value": START}
    element: Block = {"type": "checkboxes", "action_id": START, "options": [option]}
    if ticked:
        element["initial_options"] = [option]
    return {
        "type": "input",
        "block_id": START,
        "optional": True,
        "label": plain("Power", 2000),
        "hint": plain(
            "It was running before. Its network is restored first. Nobody is asked about this start.", 2000
        ),
        "element": element,
    }
