"""What ``/vm-lockdown`` says: the dialog that asks which VM, and the answers only one person sees."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bot.cards.blocks.answers import private
from bot.cards.blocks.inputs import reason_input, vm_menu
from bot.cards.blocks.kit import MOST_OPTIONS, context, modal, section
from bot.cards.blocks.message import Message
from bot.cards.blocks.plans.planned import how_to_undo, planned_steps
from bot.cards.blocks.status import RESTORE_COMMAND, progress, undo_command
from bot.cards.blocks.text import channel_link, code, counted, name, words
from bot.commands.lockdown_words import Wanted
from bot.commands.nearest import nearest_buttons
from workers.domain.containment.containment import Containment, ContainmentState
from workers.domain.containment.foresight.lookups import LookupKind
from workers.domain.containment.profile import LockdownProfile
from workers.domain.starts.vm import KnownVm

LOCKDOWN = "lockdown.choose"
NEAR = "lockdown.near"
_LONGEST_QUERY = 1000
_LONGEST_PROFILE = 100


def lockdown_dialog(
    candidates: Sequence[KnownVm],
    query: str,
    reason: str,
    profile: LockdownProfile,
    kind: LookupKind | None = None,
) -> dict[str, Any]:
    """Asks which VM is meant, and why; chosen already where only one can be. Needs at least one candidate.

    With ``kind``, that is looked up for the chosen VM, and nothing is done.
    """
    one = len(candidates) == 1
    fits = (
        f"{'matches' if one else 'match'} {code(query)}"
        if query.strip()
        else f"{'is' if one else 'are'} known"
    )
    found = f"{counted(len(candidates), 'VM')} {fits}."
    more = f" The first {MOST_OPTIONS} are listed. Type more of the name to see others."
    asked = [section(found + (more if len(candidates) > MOST_OPTIONS else "")), vm_menu(candidates)]
    if kind is None:
        asked += [
            reason_input("Why?", hint="Shown on the card and kept in the audit log.", given=reason),
            section("The VM is contained *immediately*, without asking its owner:"),
            *planned_steps(profile, {}),
            *context([how_to_undo(profile, code(RESTORE_COMMAND))]),
        ]
    view = modal(
        _TITLES[kind],
        asked,
        callback_id=LOCKDOWN,
        submit="Lock down" if kind is None else "Show",
        close="Back",
    )
    kept = {"vm": words(query, _LONGEST_QUERY), "profile": profile.name[:_LONGEST_PROFILE], "kind": kind}
    return {**view, "private_metadata": json.dumps(kept, ensure_ascii=False)}


_TITLES = {None: "Lock down a VM", LookupKind.PLAN: "Dry run", LookupKind.DRILL: "Drill"}


def typed_before(view: Mapping[str, Any]) -> Wanted:
    """What was typed with the command: the submitted dialog finds the candidates by it again."""
    text = str(view.get("private_metadata", ""))
    if not text.startswith("{"):  # a dialog of an earlier version, which carried only the name
        return Wanted(text)
    kept = json.loads(text)
    kind = kept["kind"]
    return Wanted(str(kept["vm"]), str(kept["profile"]), LookupKind(kind) if kind else None)


def lockdown_started(containment: Containment, *, channel: str = "") -> Message:
    """The lockdown is under way; ``channel`` is where its card is, an id or ``#name``."""
    vm = containment.vm.name
    where = f" Follow it in {channel_link(channel)}." if channel else ""
    return private(f"Locking down {name(vm)}", f"Locking down {code(vm)}. {progress(containment)}{where}")


def already_contained(containment: Containment) -> Message:
    """It is contained, or on its way, so no new action was started."""
    vm = containment.vm.name
    done = containment.state is ContainmentState.CONTAINED
    state = "is already contained" if done else "is already being contained"
    lines = [f"{code(vm)} {state}. No new action was started.", progress(containment)]
    if done:
        lines.append(f"On-call can undo this with {undo_command(containment)}.")
    return private(f"{name(vm)} {state}", "\n".join(lines))


def vm_not_found(query: str, known_count: int, *, nearest: Sequence[str] = (), reason: str = "") -> Message:
    """No VM of that name is known; the nearest names are buttons, which bring the reason back."""
    if nearest:
        answer = private("VM not found", f"No VM matches {code(query)}. Nothing was changed. Did you mean:")
        return Message(answer.text, [*answer.blocks, *nearest_buttons(NEAR, "Lock down", nearest, reason)])
    hint = (
        f"{counted(known_count, 'VM')} {'is' if known_count == 1 else 'are'} known."
        " Check the spelling, or use the VM's resource id."
        if known_count
        else "No VM is known yet. The workers make the list: check that they are running."
    )
    return private("VM not found", f"No VM matches {code(query)}. {hint} Nothing was changed.")
