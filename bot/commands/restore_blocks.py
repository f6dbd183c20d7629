"""What ``/vm-restore`` says: which VM, exactly what comes back, and the answers only one person sees."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from bot.cards.blocks import evidence
from bot.cards.blocks.answers import private
from bot.cards.blocks.inputs import CONTAINED_VM, REASON_MAX, instead_menus, reason_input, vm_menu
from bot.cards.blocks.kit import context, modal, section
from bot.cards.blocks.message import Block, Message
from bot.cards.blocks.plans.coming_back import comes_back
from bot.cards.blocks.status import cause_line, progress, request_line, sentence
from bot.cards.blocks.text import clock, code, counted, escape, name, plain, when, words
from bot.commands.nearest import nearest_buttons
from workers.domain.containment.containment import Containment
from workers.domain.containment.foresight.lookups import ANSWERED_WITHIN, Lookup
from workers.domain.containment.restoration import can_start, to_choose
from workers.domain.starts.vm import KnownVm

RESTORE = "restore.confirm"
CHOOSE = "restore.choose"
NEAR = "restore.near"
START = "start"
"""Block, action and only value of the checkbox that also starts the VM."""

_LONGEST_QUERY = 1000
_IMMEDIATELY = "Restoring reconnects the VM *immediately*:"
_SECOND = "Two persons are needed: after you, somebody else of on-call has to confirm it."
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
    lookup: Lookup | None = None,
    late: bool = False,
    second: bool = False,
) -> dict[str, Any]:
    """Shows what restoring this VM brings back, and asks for a reason. It carries what it shows.

    A dry run asks for nothing, and can't be submitted.

    Args:
        containment: what is to be undone.
        known: the VM as the inventory describes it.
        start: tick the checkbox; a VM that was not running has none.
        reason: what was typed already.
        again: what was shown before is out of date.
        lookup: the question to the workers how it is now, and its answer once there is one.
        late: say that the answer should be there by now.
        second: two persons are needed for a restore.
    """
    vm = containment.vm
    where = evidence.place(vm, known.subscription_name if known else "")
    found = {one.step: one for one in lookup.returns} if lookup else {}
    dry_run = bool(lookup and lookup.restore and lookup.restore.dry_run)
    lead = "*Dry run: nothing is changed.* This is what restoring it does:" if dry_run else _IMMEDIATELY
    request = containment.restore_request
    confirms = request is not None and not dry_run
    shown = [
        *([section(_CONTAINED_ANEW)] if again else []),
        *([section(f"*A second person is needed.* {request_line(request)}")] if request else []),
        section(f"{code(vm.name)}\n{where}\n{cause_line(containment)}"),
        section(lead),
        *(section(comes_back(step, known, found.get(step.name))) for step in containment.steps),
        *context([_as_of(containment, lookup, late=late)]),
    ]
    named = {"external_id": lookup.id} if lookup else {}
    if dry_run:
        return {**modal("Dry run", shown), **named}
    chooses = [] if confirms else instead_menus(to_choose(containment))
    starts = can_start(containment) and not confirms
    asked = [
        *context([_SECOND if second and not confirms else ""]),
        *chooses,
        *([_start(ticked=start)] if starts else []),
        reason_input(
            "Why is it safe to restore?",
            hint="Shown on the card and kept in the audit log.",
            given=reason,
        ),
    ]
    kept = {"id": containment.id, "demand": containment.demand}
    return {
        **modal(
            "Restore a VM",
            [*shown, *asked],
            callback_id=RESTORE,
            submit="Confirm restore" if confirms else "Ask to restore" if second else "Restore",
            close="Back",
        ),
        **named,
        "private_metadata": json.dumps(kept),
    }


def shown_before(view: dict[str, Any]) -> tuple[str, str]:
    """The id of the containment that a submitted dialog shows, and its ``demand`` at that moment."""
    text = str(view["private_metadata"])
    if not text.startswith("{"):  # a dialog of an earlier version, which carried only the id
        return text, ""
    kept = json.loads(text)
    return str(kept["id"]), str(kept["demand"])


def restore_choice_dialog(
    count: int,
    query: str,
    *,
    start: bool = False,
    reason: str = "",
    dry_run: bool = False,
) -> dict[str, Any]:
    """Asks which contained VM is meant; the next dialog shows what comes back.

    Args:
        count: how many contained VMs fit what was typed.
        query: what was typed as the VM; empty where only the command was.
        start: it was typed that the VM is to be started, too.
        reason: what was typed already.
        dry_run: nothing is restored, it is only shown.
    """
    many = "matches" if count == 1 else "match"
    found = f"{counted(count, 'contained VM')} {many} {code(query)}. Which one is meant?"
    kept = {
        "vm": words(query, _LONGEST_QUERY),
        "start": start,
        "reason": words(reason, REASON_MAX),
        "dry_run": dry_run,
    }
    return {
        **modal(
            "Restore a VM",
            [*([section(found)] if query.strip() else []), vm_menu(CONTAINED_VM)],
            callback_id=CHOOSE,
            submit="Next",
            close="Back",
        ),
        "private_metadata": json.dumps(kept, ensure_ascii=False),
    }


class Options(NamedTuple):
    """What is typed with the command beside the VM."""

    start: bool = False
    reason: str = ""
    dry_run: bool = False


def typed_before(view: dict[str, Any]) -> Options:
    """What was typed with the command, before a dialog asked which VM."""
    kept = json.loads(view["private_metadata"])
    return Options(bool(kept["start"]), str(kept["reason"]), bool(kept.get("dry_run")))


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


def restore_requested(containment: Containment) -> Message:
    """The first of two persons has asked for it. Nothing is restored yet."""
    vm, request = containment.vm.name, containment.restore_request
    until = f" by {clock(request.expires_at)}" if request else ""
    return private(
        f"Restore of {name(vm)} asked for",
        f"You asked to restore {code(vm)}. Nothing is restored yet: somebody else of on-call has to confirm"
        f" it{until}. They were told in the thread below its card.",
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


def _as_of(containment: Containment, lookup: Lookup | None, *, late: bool) -> str:
    """How old what is shown is, and whether something fresher comes."""
    recorded = _recorded(containment)
    if lookup is None:
        return recorded
    if lookup.failed:
        return (
            f"\u26a0\ufe0f How it is now could not be read: {sentence(escape(lookup.failed, 500))} {recorded}"
        )
    if lookup.answered_at is not None:
        return (
            f"Read in Azure {when(lookup.answered_at)}. Each step checks again; what others changed since is"
            " kept and listed."
        )
    seconds = ANSWERED_WITHIN.total_seconds()
    asking = (
        f"\u26a0\ufe0f The workers have not answered within {seconds:g} seconds: how it is now is unknown."
        if late
        else "\u23f3 Asking Azure how it is now."
    )
    return f"{asking} {recorded}"


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
