"""What on-call is told at once in their own thread: a rejection, a question that no owner gets, a rule."""

from bot.cards.blocks import evidence
from bot.cards.blocks.kit import section
from bot.cards.blocks.message import Message, Reply
from bot.cards.blocks.status import RESTORE_COMMAND, command, guarded_line, person, quoted
from bot.cards.blocks.text import calling, clock, code, escape, name
from workers.domain.asking.approvals import Approval, ApprovalState


def oncall_replies(approval: Approval, oncall_mention: str) -> list[Reply]:
    """For the copy in on-call's channel; all of them page."""
    if approval.state is ApprovalState.REJECTED:
        return [_rejection(approval, oncall_mention)]
    if approval.state is ApprovalState.RULED:
        return [_rule(approval, oncall_mention)]
    if approval.asks and approval.asked_at is not None and asks_oncall_only(approval):
        return [_question(approval, oncall_mention)]
    return []


def asks_oncall_only(approval: Approval) -> bool:
    """Whether no owner was asked, so that on-call is, before any escalation."""
    return not approval.asked_whom and approval.escalated_at is None


def _rejection(approval: Approval, oncall_mention: str) -> Reply:
    """Who rejected whose start, what allowed it, that it is being contained, and what is still open."""
    event, decision = approval.event, approval.decision
    calls = calling(oncall_mention)
    by = f"{person(decision.by)} rejected a start.{quoted(decision.reason)}" if decision else ""
    allowed = f" Azure allowed it by {evidence.role(event.access, event.vm)}." if event.access else ""
    follows = "The VM is being contained; this thread shows each step."
    if approval.guarded:
        follows = (
            f"*{guarded_line(approval.guarded)}, so nothing was changed in Azure, and you have to act:* find"
            " out what runs on it, and isolate it by hand if it has to be."
        )
    text = (
        f"{calls}{by} {evidence.who_did_what(event)}.{allowed} {follows} *The caller's access is"
        " still active:* if the account may be compromised, take it away."
    )
    return Reply("rejection", Message(f"Rejected: {name(event.vm.name)}", [section(text)]), pages=True)


def _rule(approval: Approval, oncall_mention: str) -> Reply:
    """Which rule contains the VM, of whose start, and what is still open."""
    vm = approval.event.vm
    rule = f"the rule *{escape(approval.terms.rule, 80)}* contains {code(vm.name)} without asking."
    follows = f"This thread shows each step; {command(RESTORE_COMMAND, vm)} undoes it."
    if approval.guarded:
        rule = f"the rule *{escape(approval.terms.rule, 80)}* would have {code(vm.name)} contained."
        follows = (
            f"*{guarded_line(approval.guarded)}, so nothing was changed in Azure, and you have to act:* find"
            " out what runs on it, and isolate it by hand if it has to be."
        )
    text = (
        f"{calling(oncall_mention)}{rule} {evidence.who_did_what(approval.event)}. {follows}"
        " *The caller's access is still active.*"
    )
    return Reply("rule", Message(f"Contained by a rule: {name(vm.name)}", [section(text)]), pages=True)


def _question(approval: Approval, oncall_mention: str) -> Reply:
    """On-call is asked in the owner's place."""
    vm = approval.event.vm
    calls = calling(oncall_mention)
    why = "no owner is known" if not approval.owner.known else "no owner could be asked"
    who = escape(approval.event.caller.label, 80) or "somebody"
    text = (
        f"{calls}{why} for {code(vm.name)}, so you are asked. Was its start by *{who}* expected? Please"
        f" confirm or reject in the message above by {clock(approval.expire_at)}."
    )
    return Reply("asked", Message(f"Was the start of {name(vm.name)} expected?", [section(text)]), pages=True)
