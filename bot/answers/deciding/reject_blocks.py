"""The dialogs of the button Reject: what it will do, and who answered first."""

from collections.abc import Mapping
from typing import Any

from bot.cards.blocks import evidence
from bot.cards.blocks.card import outcome
from bot.cards.blocks.inputs import given_reason, given_why, reason_input, why_input
from bot.cards.blocks.joined import started_since
from bot.cards.blocks.kit import BUTTON, context, modal, section
from bot.cards.blocks.message import Block
from bot.cards.blocks.plans.obstacles import obstacles
from bot.cards.blocks.plans.planned import (
    as_of,
    goes_with_it,
    how_to_undo,
    in_short,
    planned_steps,
    worst_of_it,
)
from bot.cards.blocks.plans.rights_left import rights_left
from bot.cards.blocks.status import LOCKDOWN_COMMAND, RESTORE_COMMAND, command, guarded_line, sentence
from bot.cards.blocks.text import code, escape, plain
from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.containment.foresight.lookups import Lookup
from workers.domain.containment.plans import Plan

REJECT = "approval.reject"
PLAN = "approval.reject.plan"
STRANGER, WRONG_TIME, OTHER = "stranger", "wrong_time", "other"
WHYS = {
    STRANGER: "I didn't start it and don't know who did",
    WRONG_TIME: "I know who it was, but this is the wrong time",
    OTHER: "Something else (say what)",
}
"""What can be chosen as the reason."""


def reject_dialog(approval: Approval, lookup: Lookup | None = None, *, late: bool = False) -> dict[str, Any]:
    """Asks for the reason of a rejection, and says in short what it will do to this VM.

    Args:
        approval: the question.
        lookup: what the workers are asked, because the plan is old; its answer takes the plan's place.
        late: say that the answer should be there by now.
    """
    if approval.guarded:
        return _guarded_dialog(approval)
    plan = _plan(approval, lookup)
    profile = approval.terms.lockdown
    undo = f"On-call can undo this with {command(RESTORE_COMMAND, approval.event.vm)}."
    does = [f"Rejecting contains the VM *immediately*: {in_short(profile, plan)}.", worst_of_it(plan) or undo]
    every = {
        "type": "button",
        "action_id": PLAN,
        "text": plain("Show every step", BUTTON),
        "value": f"{approval.id}:{lookup.id if lookup else ''}",
    }
    return {
        **({"external_id": lookup.id} if lookup else {}),
        **_dialog(
            approval,
            [
                section("\n".join(does)),
                *obstacles(plan),
                {"type": "actions", "elements": [every]},
                *context([_fresher(lookup, late=late), as_of(plan)]),
            ],
            submit="Reject and contain",
        ),
    }


def plan_dialog(approval: Approval, lookup: Lookup | None = None) -> dict[str, Any]:
    """Exactly what a rejection will do, on top of the dialog that asks for its reason."""
    plan = _plan(approval, lookup)
    profile = approval.terms.lockdown
    undo = command(RESTORE_COMMAND, approval.event.vm)
    return modal(
        "What a rejection does",
        [
            *obstacles(plan),
            *planned_steps(profile, {planned.step: planned.change for planned in plan.steps}),
            *goes_with_it(plan),
            *rights_left(plan),
            *context([as_of(plan), how_to_undo(profile, undo)]),
        ],
        close="Back",
    )


def said_why(view: Mapping[str, Any]) -> str:
    """The reason in a submitted dialog: what was chosen, and their own words; empty if both are missing."""
    chosen, words = WHYS.get(given_why(view), ""), given_reason(view).strip()
    if given_why(view) == OTHER:
        return words
    return ": ".join(filter(None, [chosen, words]))


def _plan(approval: Approval, lookup: Lookup | None) -> Plan:
    return lookup.foresight.plan if lookup and lookup.foresight else approval.plan


def _dialog(approval: Approval, blocks: list[Block], *, submit: str) -> dict[str, Any]:
    """Who started it, then the reason, then what a rejection does."""
    view = modal(
        "Reject this start",
        [
            section(f"{evidence.who_did_what(approval.event)}."),
            *([section(since)] if (since := started_since(approval)) else []),
            why_input("Why didn't you expect this start?", WHYS),
            reason_input(
                "In your own words",
                hint="On-call reads this first. Visible to everyone who can see this card.",
                optional=True,
            ),
            *blocks,
        ],
        callback_id=REJECT,
        submit=submit,
        close="Back",
    )
    return {**view, "private_metadata": approval.id}


def _fresher(lookup: Lookup | None, *, late: bool) -> str:
    """Whether something fresher is on its way; nothing to say once it is there, or if it isn't needed."""
    if lookup is None or lookup.foresight is not None:
        return ""
    if lookup.failed:
        return f"\u26a0\ufe0f How it is now could not be read: {sentence(escape(lookup.failed, 300))}"
    return (
        "\u26a0\ufe0f The workers have not answered. You can reject all the same."
        if late
        else "\u23f3 Asking Azure how it is now. You need not wait."
    )


def _guarded_dialog(approval: Approval) -> dict[str, Any]:
    """Of a VM that is never contained: a rejection calls on-call."""
    does = (
        f"{guarded_line(approval.guarded)}. Rejecting calls on-call *immediately*. Nothing is changed in"
        " Azure: on-call decides what to do, by hand."
    )
    return _dialog(approval, [section(does)], submit="Reject, call on-call")


def decided_dialog(approval: Approval) -> dict[str, Any]:
    """For whoever answered too late: who was first, when, and what happens now."""
    containing = "The VM is being contained. The card shows the progress."
    now = {
        ApprovalState.PENDING: "The question is still open.",
        ApprovalState.TOLD: "It can still be rejected.",
        ApprovalState.CONFIRMED: "No action is taken. On-call can still contain the VM with "
        f"{command(LOCKDOWN_COMMAND, approval.event.vm)}.",
        ApprovalState.REJECTED: f"On-call was called. {guarded_line(approval.guarded)}."
        if approval.guarded
        else containing,
        ApprovalState.EXPIRED: containing
        if approval.containment_id
        else "No action was taken. On-call can still contain the VM with "
        f"{command(LOCKDOWN_COMMAND, approval.event.vm)}.",
        ApprovalState.WITHDRAWN: containing if approval.containment_id else "No answer is needed any more.",
        ApprovalState.JOINED: "The card of the earlier start asks about this one, too.",
        ApprovalState.OBSERVED: "The policy only observes, so no action is taken.",
        ApprovalState.RULED: containing if approval.containment_id else "On-call was called.",
    }[approval.state]
    lines = [*outcome(approval, None), now, "Your answer was not recorded."]
    title = "Still open" if approval.open else "Already answered"
    if approval.state in (ApprovalState.EXPIRED, ApprovalState.WITHDRAWN):
        title = "Already closed"
    return modal(title, [section("\n".join([code(approval.event.vm.name), *lines]))])
