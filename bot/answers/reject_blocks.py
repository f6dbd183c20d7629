"""The dialogs of the button Reject: what it will do, and who answered first."""

from typing import Any

from bot.cards.blocks import evidence
from bot.cards.blocks.card import outcome
from bot.cards.blocks.inputs import reason_input
from bot.cards.blocks.joined import started_since
from bot.cards.blocks.kit import context, modal, section
from bot.cards.blocks.message import Block
from bot.cards.blocks.plans.obstacles import obstacles
from bot.cards.blocks.plans.planned import as_of, goes_with_it, how_to_undo, planned_steps
from bot.cards.blocks.plans.rights_left import rights_left
from bot.cards.blocks.status import LOCKDOWN_COMMAND, RESTORE_COMMAND, command, guarded_line, sentence
from bot.cards.blocks.text import code, escape
from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.containment.foresight.lookups import Lookup

REJECT = "approval.reject"


def reject_dialog(approval: Approval, lookup: Lookup | None = None, *, late: bool = False) -> dict[str, Any]:
    """Asks for the reason of a rejection, and lists exactly what it will do to this VM.

    Args:
        approval: the question.
        lookup: what the workers are asked, because the plan is old; its answer takes the plan's place.
        late: say that the answer should be there by now.
    """
    if approval.guarded:
        return _guarded_dialog(approval)
    vm = approval.event.vm
    plan = lookup.foresight.plan if lookup and lookup.foresight else approval.plan
    profile = approval.terms.lockdown
    changes = {planned.step: planned.change for planned in plan.steps}
    undo = command(RESTORE_COMMAND, vm)
    return {
        **({"external_id": lookup.id} if lookup else {}),
        **_dialog(
            approval,
            "Rejecting contains the VM *immediately*:",
            [
                *obstacles(plan),
                *planned_steps(profile, changes),
                *goes_with_it(plan),
                *rights_left(plan),
                *context([_fresher(lookup, late=late), as_of(plan), how_to_undo(profile, undo)]),
            ],
            submit="Reject and contain",
        ),
    }


def _dialog(approval: Approval, does: str, blocks: list[Block], *, submit: str) -> dict[str, Any]:
    """Who started it and what a rejection does, then ``blocks``, then the reason."""
    view = modal(
        "Reject this start",
        [
            section(f"{evidence.who_did_what(approval.event)}. {does}"),
            *([section(since)] if (since := started_since(approval)) else []),
            *blocks,
            reason_input(
                "Why didn't you expect this start?",
                hint="On-call reads this first. Visible to everyone who can see this card.",
            ),
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
    return _dialog(approval, does, [], submit="Reject, call on-call")


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
        ApprovalState.RULED: containing if approval.containment_id else "On-call was called.",
    }[approval.state]
    lines = [*outcome(approval, None), now, "Your answer was not recorded."]
    title = "Still open" if approval.open else "Already answered"
    if approval.state in (ApprovalState.EXPIRED, ApprovalState.WITHDRAWN):
        title = "Already closed"
    return modal(title, [section("\n".join([code(approval.event.vm.name), *lines]))])
