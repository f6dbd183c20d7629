"""What ``/vm-lockdown`` says: the dialog that asks which VM, and the answers only one person sees."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bot.cards.blocks.answers import private
from bot.cards.blocks.inputs import REASON_MAX, vm_menu
from bot.cards.blocks.kit import MOST_OPTIONS, OPTION, context, modal, section
from bot.cards.blocks.message import Block, Message
from bot.cards.blocks.status import progress, undo_command
from bot.cards.blocks.text import channel_link, code, counted, name, plain, words
from bot.commands.lockdown_words import Wanted
from bot.commands.nearest import nearest_buttons
from workers.domain.containment.containment import Containment, ContainmentState
from workers.domain.containment.foresight.lookups import LookupKind

LOCKDOWN = "lockdown.choose"
PROFILE = "profile"
NEAR = "lockdown.near"
_LONGEST_QUERY = 1000
_LONGEST_PROFILE = 100


_TITLES = {None: "Lock down a VM", LookupKind.PLAN: "Dry run", LookupKind.DRILL: "Drill"}


def lockdown_dialog(
    count: int,
    query: str,
    reason: str,
    profiles: Sequence[str],
    *,
    chosen: str = "",
    kind: LookupKind | None = None,
) -> dict[str, Any]:
    """Asks which VM is meant; the next dialog shows what would be done to it. Nothing happens yet.

    Args:
        count: how many VMs fit what was typed.
        query: what was typed as the VM; empty where only the command was.
        reason: what was typed already.
        profiles: names of lockdown profiles to choose from; where there is one, nothing is asked.
        chosen: the profile that was typed, or else the policy's default.
        kind: what is looked up for the chosen VM; ``None`` for a lockdown.
    """
    found = (
        f"{counted(count, 'VM')} {'matches' if count == 1 else 'match'} {code(query)}. Which one is meant?"
    )
    view = modal(
        _TITLES[kind],
        [
            *([section(found)] if query.strip() else []),
            vm_menu(),
            *([_profile_menu(profiles, chosen)] if len(profiles) > 1 else []),
            *context(["Nothing is done yet: the next step shows what would be, and asks."]),
        ],
        callback_id=LOCKDOWN,
        submit="Next",
        close="Back",
    )
    kept = {
        "vm": words(query, _LONGEST_QUERY),
        "profile": chosen[:_LONGEST_PROFILE],
        "kind": kind,
        "reason": words(reason, REASON_MAX),
    }
    return {**view, "private_metadata": json.dumps(kept, ensure_ascii=False)}


def _profile_menu(profiles: Sequence[str], chosen: str) -> Block:
    options = [{"text": plain(name, OPTION), "value": name[:_LONGEST_PROFILE]} for name in profiles if name]
    first = next((one for one in options if one["value"] == chosen), options[0])
    return {
        "type": "input",
        "block_id": PROFILE,
        "label": plain("Lockdown profile", 2000),
        "element": {
            "type": "static_select",
            "action_id": PROFILE,
            "options": options[:MOST_OPTIONS],
            "initial_option": first,
        },
    }


def typed_with_it(view: Mapping[str, Any]) -> Wanted:
    """What was typed with the command, and the profile that was chosen in the submitted dialog."""
    try:
        kept = json.loads(str(view.get("private_metadata") or "{}"))
    except ValueError:
        kept = {}
    if not isinstance(kept, dict):
        kept = {}
    menu = view.get("state", {}).get("values", {}).get(PROFILE, {}).get(PROFILE, {})
    profile = (menu.get("selected_option") or {}).get("value") or kept.get("profile", "")
    kind = kept.get("kind")
    return Wanted(
        str(kept.get("vm", "")), str(profile), LookupKind(kind) if kind else None, str(kept.get("reason", ""))
    )


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
