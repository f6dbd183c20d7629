"""The dialog that asks whether to contain what else an account started, and what its submitter is told."""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.cards.blocks import evidence
from bot.cards.blocks.answers import private
from bot.cards.blocks.inputs import reason_input, value_of, vm_option
from bot.cards.blocks.kit import MOST_OPTIONS, context, listed, modal, section
from bot.cards.blocks.message import Message
from bot.cards.blocks.plans.planned import how_to_undo, planned_steps
from bot.cards.blocks.status import RESTORE_COMMAND
from bot.cards.blocks.text import code, counted, escape, plain
from workers.domain.asking.approvals import Approval
from workers.domain.containment.containment import Containment
from workers.domain.containment.profile import LockdownProfile
from workers.domain.starts.vm import KnownVm, VmRef

FOLLOW = "follow.confirm"
WHICH = "which"
"""Block and action of the menu of VMs."""
MOST_AT_ONCE = 25
_MOST_NAMED = 10


def follow_dialog(
    approval: Approval, vms: Sequence[tuple[KnownVm, Containment | None]], profile: LockdownProfile
) -> dict[str, Any]:
    """Lists what the caller started, all of it chosen, what is done to each, and asks why.

    Args:
        approval: the rejected question.
        vms: what they also started, each with what contains it already.
        profile: what is done.
    """
    free = [vm for vm, held in vms if held is None][:MOST_AT_ONCE]
    held = [code(vm.ref.name) for vm, containment in vms if containment is not None]
    who = evidence.caller(approval.event.caller)
    already = f"Contained already: {listed(held, _MOST_NAMED, 'VM')}." if held else ""
    if not free:
        return modal(
            "Contain them", [section(f"Nothing is left to contain of what {who} started. {already}")]
        )
    options = [vm_option(vm) for vm in free][:MOST_OPTIONS]
    view = modal(
        "Contain them",
        [
            section(f"In the hour before, {who} also started {counted(len(vms), 'VM')}. {already}"),
            {
                "type": "input",
                "block_id": WHICH,
                "label": plain("Contain", 2000),
                "hint": plain("Take out whatever is not to be contained.", 2000),
                "element": {
                    "type": "multi_static_select",
                    "action_id": WHICH,
                    "options": options,
                    "initial_options": options,
                },
            },
            reason_input(
                "Why?",
                hint="Shown on each card and kept in the audit log.",
                given=f"The same account's start of {approval.event.vm.name} was rejected",
            ),
            section("Each is contained *immediately*, without asking its owner:"),
            *planned_steps(profile, {}),
            *context([how_to_undo(profile, code(RESTORE_COMMAND))]),
        ],
        callback_id=FOLLOW,
        submit="Contain",
        close="Back",
    )
    return {**view, "private_metadata": approval.id}


def chosen_of(view: Mapping[str, Any], vms: Sequence[KnownVm]) -> list[VmRef]:
    """Those of these VMs that are chosen in a submitted dialog."""
    menu = view.get("state", {}).get("values", {}).get(WHICH, {}).get(WHICH, {})
    values = {option.get("value") for option in menu.get("selected_options") or ()}
    return [vm.ref for vm in vms if value_of(vm.ref) in values]


def followed(contained: Sequence[VmRef], refused: Mapping[str, str]) -> Message:
    """What is contained now, and what is not, and why."""
    names = listed([code(vm.name) for vm in contained], _MOST_NAMED, "VM")
    lines = [f"Locking down {names}. Each has a card of its own." if contained else "Nothing was contained."]
    lines += [f"{code(name)}: {escape(why, 200)}" for name, why in list(refused.items())[:_MOST_NAMED]]
    return private(f"Locking down {counted(len(contained), 'VM')}", "\n".join(lines))
