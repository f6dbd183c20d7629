"""What on-call is told at once in their own thread: a rejection, a question that no owner gets, a rule."""

import shlex

from bot.cards.blocks import evidence
from bot.cards.blocks.kit import BUTTON, listed, section
from bot.cards.blocks.message import Block, Message, Reply
from bot.cards.blocks.status import RESTORE_COMMAND, command, guarded_line, person, quoted
from bot.cards.blocks.text import calling, clock, code, counted, escape, name, plain
from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.starts.events import StartEvent
from workers.use_cases.orders.reading.also_started import AllStarted

CONTAIN_THEM = "follow.contain"
_MOST_NAMED = 10


def oncall_replies(approval: Approval, oncall_mention: str, also: AllStarted) -> list[Reply]:
    """For the copy in on-call's channel; all of them page. ``also`` is what else the caller has started."""
    if approval.state is ApprovalState.REJECTED:
        return [_rejection(approval, oncall_mention, also)]
    if approval.state is ApprovalState.RULED:
        return [_rule(approval, oncall_mention)]
    if approval.asks and approval.asked_at is not None and asks_oncall_only(approval):
        return [_question(approval, oncall_mention)]
    return []


def asks_oncall_only(approval: Approval) -> bool:
    """Whether no owner was asked, so that on-call is, before any escalation."""
    return not approval.asked_whom and approval.escalated_at is None


def _rejection(approval: Approval, oncall_mention: str, also: AllStarted) -> Reply:
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
    taken = role_command(event)
    take = f"\nWhoever manages access can take the role away: {code(taken, 1000)}" if taken else ""
    blocks = [section(text + take), *_also(approval, also)]
    return Reply("rejection", Message(f"Rejected: {name(event.vm.name)}", blocks), pages=True)


def role_command(event: StartEvent) -> str:
    """Takes away the role by which Azure allowed this start; empty if the event does not tell it.

    Source: https://learn.microsoft.com/cli/azure/role/assignment#az-role-assignment-delete
    """
    access, who = event.access, event.caller.object_id or event.caller.email or event.caller.app_id
    if access is None or not access.scope:
        return ""
    words = ["az", "role", "assignment", "delete"]
    if access.assignment_id:
        assignment = f"providers/Microsoft.Authorization/roleAssignments/{access.assignment_id}"
        return shlex.join([*words, "--ids", f"{access.scope.rstrip('/')}/{assignment}"])
    if not who or not access.role:
        return ""
    return shlex.join([*words, "--assignee", who, "--role", access.role, "--scope", access.scope])


def _also(approval: Approval, also: AllStarted) -> list[Block]:
    """What else the account started in the hour before, with the button that asks about containing it."""
    if not also.vms and not also.unlisted:
        return [section("In the hour before, this account started no other VM.")]
    names = [f"{code(one.vm.ref.name, 80)} {clock(one.at)}" for one in also.vms]
    unlisted = (
        f" and {counted(also.unlisted, 'VM')} that the inventory does not list" if also.unlisted else ""
    )
    said = f"*In the hour before, this account also started* {listed(names, _MOST_NAMED, 'VM')}{unlisted}."
    button = {
        "type": "button",
        "action_id": CONTAIN_THEM,
        "text": plain("Contain them\u2026", BUTTON),
        "accessibility_label": "Show what else this account started, and ask whether to contain it",
        "value": approval.id,
    }
    return [section(said), *([{"type": "actions", "elements": [button]}] if also.vms else [])]


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
