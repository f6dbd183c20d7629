"""The dialog that asks before a lockdown: which VM, what it does to it now, and why."""

from typing import Any

from bot.cards.blocks import evidence
from bot.cards.blocks.inputs import reason_input
from bot.cards.blocks.kit import context, modal, section
from bot.cards.blocks.plans.looked_up import found_blocks
from bot.cards.blocks.status import progress
from bot.cards.blocks.text import code, escape
from workers.domain.containment.containment import Containment
from workers.domain.containment.foresight.lookups import Lookup
from workers.domain.containment.plans import Plan
from workers.domain.starts.vm import KnownVm

CONFIRM_LOCKDOWN = "lockdown.confirm"


def lockdown_confirm_dialog(
    lookup: Lookup,
    known: Plan | None = None,
    *,
    line: KnownVm | None = None,
    held: Containment | None = None,
    late: bool = False,
) -> dict[str, Any]:
    """Shows what locking this VM down does, and asks why. Of a VM that is never contained it only says so.

    Args:
        lookup: the question to the workers what it would do now, and its answer once there is one.
        known: an older plan of the same profile, shown until there is an answer.
        line: the VM as the inventory describes it.
        held: what contains it already.
        late: say that the answer should be there by now.
    """
    vm, asked = lookup.vm, lookup.lockdown
    where = evidence.place(vm, line.subscription_name if line else "")
    power = f", {line.power} when last seen" if line and held is None else ""
    shown = [
        section(f"{code(vm.name)}\n{where}{power}"),
        *([section(f"It is contained already. {progress(held)}")] if held else []),
    ]
    named = {"external_id": lookup.id}
    if lookup.foresight is not None and lookup.foresight.guarded:
        return {**modal("Lock down a VM", [*shown, *found_blocks(lookup, known, late=late)]), **named}
    view = modal(
        "Lock down a VM",
        [
            *shown,
            section("The VM is contained *immediately*, without asking its owner:"),
            *found_blocks(lookup, known, late=late),
            *context([escape(asked.note, 300) if asked else ""]),
            reason_input(
                "Why?",
                hint="Shown on the card and kept in the audit log.",
                given=asked.reason if asked else "",
            ),
        ],
        callback_id=CONFIRM_LOCKDOWN,
        submit="Lock down",
        close="Back",
    )
    return {**view, **named, "private_metadata": lookup.id}
