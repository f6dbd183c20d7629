"""The dialogs: what a rejection or a lockdown is going to do, said before it is done."""

import hashlib
from collections.abc import Sequence
from typing import Any

from bot.cards.blocks import evidence
from bot.cards.blocks.card import outcome
from bot.cards.blocks.kit import MOST_OPTIONS, OPTION, context, listed, modal, section
from bot.cards.blocks.message import Block
from bot.cards.blocks.status import LOCKDOWN_COMMAND, RESTORE_COMMAND, STEPS, command, still_let_in
from bot.cards.blocks.text import code, counted, escape, plain, when, words
from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.containment.plans import Change, StepName
from workers.domain.containment.profile import LockdownProfile
from workers.domain.starts.vm import KnownVm, VmRef

REJECT = "approval.reject"
LOCKDOWN = "lockdown.choose"
CHOICE = "vm"
"""Block and action of the menu of VMs; the chosen value is ``candidate_value`` of one of them."""
REASON = "reason"
"""Block and action of the reason."""
REASON_MIN, REASON_MAX = 3, 500

_MOST_DETAILS = 6
_MOST_EXCEPTIONS = 5
_LONGEST_QUERY = 1000


def reject_dialog(approval: Approval) -> dict[str, Any]:
    """Asks for the reason of a rejection, and lists exactly what it will do to this VM."""
    vm, plan = approval.event.vm, approval.plan
    profile = approval.terms.lockdown
    changes = {planned.step: planned.change for planned in plan.steps}
    as_of = (
        f"As the VM was {when(plan.as_of)}. Each step reads it again before it changes anything."
        if plan.as_of
        else "The VM could not be read in full yet. Each step reads it before it changes anything."
    )
    return {
        **modal(
            "Reject this start",
            [
                section(f"{evidence.who_did_what(approval.event)}. Rejecting contains the VM *at once*:"),
                *_steps(profile, changes),
                *context([as_of, _undo(profile, command(RESTORE_COMMAND, vm))]),
                reason_input(
                    "Why is this start not expected?",
                    hint="On-call reads this first. Everybody who sees the card can read it.",
                ),
            ],
            callback_id=REJECT,
            submit="Reject and contain",
            close="Back",
        ),
        "private_metadata": approval.id,
    }


def decided_dialog(approval: Approval) -> dict[str, Any]:
    """For whoever answered too late: who was first, when, and what happens now."""
    now = {
        ApprovalState.PENDING: "The question is still open.",
        ApprovalState.CONFIRMED: "The VM keeps running. To contain it after all, on-call types "
        f"{command(LOCKDOWN_COMMAND, approval.event.vm)}.",
        ApprovalState.REJECTED: "The VM is being contained; the card shows how far it is.",
        ApprovalState.EXPIRED: "The VM is being contained, as the policy wants; the card shows how far it is."
        if approval.containment_id
        else "Nothing was done to the VM. On-call can still lock it down.",
        ApprovalState.WITHDRAWN: "The VM is being contained; the card shows how far it is."
        if approval.containment_id
        else "There is nothing left to answer.",
    }[approval.state]
    lines = [*outcome(approval, None), now, "Your answer was not recorded."]
    title = "Still open" if approval.open else "Already answered"
    if approval.state in (ApprovalState.EXPIRED, ApprovalState.WITHDRAWN):
        title = "Already closed"
    return modal(title, [section("\n".join([code(approval.event.vm.name), *lines]))])


def lockdown_dialog(
    candidates: Sequence[KnownVm], query: str, reason: str, profile: LockdownProfile
) -> dict[str, Any]:
    """Asks which VM is meant, and why; chosen already where only one can be. Needs at least one candidate.

    What was typed is kept as ``private_metadata``: the submit finds the candidates by it again.
    """
    menu = vm_menu(candidates)
    one = len(candidates) == 1
    fits = (
        f"{'matches' if one else 'match'} {code(query)}"
        if query.strip()
        else f"{'is' if one else 'are'} known"
    )
    found = f"{counted(len(candidates), 'VM')} {fits}."
    more = f" The first {MOST_OPTIONS} are listed: type more of the name to see others."
    return {
        **modal(
            "Lock down a VM",
            [
                section(found + (more if len(candidates) > MOST_OPTIONS else "")),
                {"type": "input", "block_id": CHOICE, "label": plain("VM", 2000), "element": menu},
                reason_input("Why?", hint="Shown on the card and kept in the audit.", given=reason),
                section("The VM is contained *at once*, without asking its owner:"),
                *_steps(profile, {}),
                *context([_undo(profile, code(RESTORE_COMMAND))]),
            ],
            callback_id=LOCKDOWN,
            submit="Lock down",
            close="Back",
        ),
        "private_metadata": query[:_LONGEST_QUERY],
    }


def not_allowed_dialog(text: str) -> dict[str, Any]:
    """Says why not, to the one who asked."""
    said = escape(text, 1000) or "You may not do this."
    return modal("Not allowed", [section(f"{said}\nNothing was changed.")])


def not_now_dialog(text: str) -> dict[str, Any]:
    """Says what to wait for, to the one who asked."""
    return modal("Not now", [section(f"{escape(text, 1000)}\nNothing was changed.")])


def vm_menu(candidates: Sequence[KnownVm]) -> Block:
    """The menu of VMs, chosen already where only one can be meant."""
    options = {candidate_value(vm): vm_option(vm) for vm in candidates[:MOST_OPTIONS]}
    menu: Block = {
        "type": "static_select",
        "action_id": CHOICE,
        "placeholder": plain("Choose a VM", 150),
        "options": list(options.values()),
    }
    if len(options) == 1:
        menu["initial_option"] = next(iter(options.values()))
    return menu


def candidate_value(vm: KnownVm) -> str:
    """A VM's value in the menu: a digest, as resource ids can be longer than a value may be."""
    return value_of(vm.ref)


def value_of(vm: VmRef) -> str:
    """As ``candidate_value``, of a VM's identity."""
    return hashlib.sha256(vm.key.encode()).hexdigest()[:32]


def vm_option(vm: KnownVm) -> Block:
    """A VM in a menu: its name, and what tells it from others of that name."""
    about = f"{vm.power}, {vm.ref.resource_group}, {vm.subscription_name or vm.ref.subscription_id[:8]}"
    return {
        "text": plain(vm.ref.name, OPTION),
        "description": plain(about, OPTION),
        "value": candidate_value(vm),
    }


def reason_input(label: str, *, hint: str, given: str = "") -> Block:
    """The field for a reason: required, and long enough to mean something."""
    element: Block = {
        "type": "plain_text_input",
        "action_id": REASON,
        "multiline": True,
        "min_length": REASON_MIN,
        "max_length": REASON_MAX,
    }
    if initial := words(given, REASON_MAX):
        element["initial_value"] = initial
    return {
        "type": "input",
        "block_id": REASON,
        "label": plain(label, 2000),
        "hint": plain(hint, 2000),
        "element": element,
    }


def _steps(profile: LockdownProfile, changes: dict[StepName, Change]) -> list[Block]:
    """Every step of the profile: what the plan says of it, else what it does in general."""
    return [
        section(_step(number, name, changes.get(name), profile))
        for number, name in enumerate(profile.steps, 1)
    ]


def _step(number: int, name: StepName, change: Change | None, profile: LockdownProfile) -> str:
    summary = escape(change.summary, 300) if change else ""
    already = " Already so: nothing to do." if change and change.nothing_to_do else ""
    lines = [f"*{number}. {STEPS[name].title}:* {summary or STEPS[name].does}.{already}"]
    if change and change.details:
        details = [f"\u2022 {escape(detail, 200)}" for detail in change.details]
        lines.append(listed(details, _MOST_DETAILS, "change", between="\n"))
    exceptions = still_let_in(profile) if name is StepName.ISOLATE else []
    if exceptions:
        lines.append(f"Still let in: {listed(exceptions, _MOST_EXCEPTIONS, 'exception', between='; ')}.")
    return "\n".join(lines)


def _undo(profile: LockdownProfile, typed: str) -> str:
    what = "; ".join(STEPS[name].undo for name in profile.steps)
    return f"On-call can undo it with {typed}: {what}."
