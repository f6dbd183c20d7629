"""May this containment be carried out? The worker trusts no message, and checks what is on record."""

from collections.abc import Callable

from workers.domain.asking.approvals import Approval, ApprovalState, steps_on_silence, steps_undelivered
from workers.domain.asking.decisions import Answer, may_lock_down, may_regret, may_restore
from workers.domain.asking.terms import steps_by_rule
from workers.domain.containment.containment import Cause, CauseKind, Containment, Restoration
from workers.domain.containment.ending.expiry import ANNOUNCED_BEFORE
from workers.domain.containment.spec import StepName
from workers.domain.containment.steps import StepState
from workers.domain.errors import NotFound
from workers.domain.ports.store import Store


async def unjustified(
    store: Store, containment: Containment, rejected: Callable[[Approval], None] = lambda _approval: None
) -> str:
    """Why it must not be carried out, as a sentence; empty when it may be.

    A VM is touched only if the record has a rejection or a lockdown order by somebody who was allowed at that
    moment, or a silence on which the policy contains, or a rule that contains it without asking.

    Args:
        store: what is on record.
        containment: what is to be carried out.
        rejected: told of the rejection on record that allows it.
    """
    cause = containment.cause
    if cause.kind is CauseKind.LOCKDOWN:
        return _order_missing(cause)
    try:
        approval = await store.approval(cause.approval_id or "")
    except NotFound:
        return "the approval that this containment rests on does not exist"
    if approval.event.vm.key != containment.vm.key:
        return "the approval that this containment rests on is about another VM"
    if cause.kind is CauseKind.REJECTION:
        if not (why := _rejection_missing(approval, cause)):
            rejected(approval)
        return why
    if cause.kind is CauseKind.RULE:
        return _rule_missing(approval, containment)
    return _silence_missing(approval, containment)


def unordered(containment: Containment, *, two_persons: bool) -> str:
    """Why it must not be undone, as a sentence; empty when it may be.

    With ``two_persons``, what is on record must be a request and somebody else's confirmation of it in time.
    An isolation that has expired needs nobody, but the policy's word, and that on-call was told in time.
    """
    restoration = containment.restoration
    if restoration is None:
        return "nobody ordered this restore"
    if restoration.expired:
        return _expiry_missing(containment, restoration)
    if restoration.regretted:
        return _regret_missing(containment, restoration)
    permission = may_restore(restoration.by)
    if not permission.allowed:
        return permission.reason
    return _second_missing(restoration) if two_persons or restoration.requested is not None else ""


def _expiry_missing(containment: Containment, restoration: Restoration) -> str:
    expiry = containment.expiry
    if containment.profile.isolate.expire_after is None or expiry is None:
        return "nothing on record says that this isolation ends by itself"
    if expiry.held_at is not None or expiry.ends_at - expiry.announced_at < ANNOUNCED_BEFORE:
        return "on-call was not told an hour before this isolation was to end"
    if restoration.at < expiry.ends_at:
        return "the time of this isolation is not over"
    touched = [s for s in restoration.steps if not s.name.spec.expires and s.state is not StepState.SKIPPED]
    return "an isolation that expires restores the network only" if touched or restoration.starts else ""


def _regret_missing(containment: Containment, restoration: Restoration) -> str:
    grace = containment.grace
    if grace is None or grace.regretted_by is None or grace.regretted_at is None:
        return "nothing on record says that the rejection was a mistake"
    if grace.regretted_at >= grace.until:
        return "the rejection was taken back when the time for that was over"
    touched = [
        s for s in restoration.steps if s.name is not StepName.ISOLATE and s.state is not StepState.SKIPPED
    ]
    if touched or restoration.starts:
        return "a rejection that is taken back restores the network only"
    permission = may_regret(grace.regretted_by, containment.cause.by)
    return "" if permission.allowed else permission.reason


def _second_missing(restoration: Restoration) -> str:
    request = restoration.requested
    if request is None:
        return "a restore needs two persons, and one of them is on record"
    if not request.by.is_surely_another(restoration.by):
        return "a restore needs two persons, and the same one asked for it and confirmed it"
    if not request.at <= restoration.at < request.expires_at:
        return "the request for this restore had expired when it was confirmed"
    permission = may_restore(request.by)
    return "" if permission.allowed else permission.reason


def _rejection_missing(approval: Approval, cause: Cause) -> str:
    decision = approval.decision
    if approval.state is not ApprovalState.REJECTED or decision is None:
        return "there is no rejection on record"
    if cause.by != decision.by:
        return "the rejection on record is somebody else's"
    permission = approval.permits(Answer.REJECT, decision.by)
    if not permission.allowed and decision.in_stead_of is not None:
        permission = approval.permits_for(Answer.REJECT, decision.by, decision.in_stead_of)
    return "" if permission.allowed else permission.reason


def _silence_missing(approval: Approval, containment: Containment) -> str:
    steps = steps_undelivered if approval.asked_at is None else steps_on_silence
    allowed = steps(approval.terms)
    if approval.state is ApprovalState.EXPIRED and all(step.name in allowed for step in containment.steps):
        return ""
    return "the policy does not contain this VM on silence"


def _rule_missing(approval: Approval, containment: Containment) -> str:
    allowed = steps_by_rule(approval.terms)
    ruled = approval.state is ApprovalState.RULED and approval.containment_id == containment.id
    if ruled and all(step.name in allowed for step in containment.steps):
        return ""
    return "no rule of the policy contains this VM without asking"


def _order_missing(cause: Cause) -> str:
    if cause.by is None:
        return "nobody ordered this lockdown"
    permission = may_lock_down(cause.by)
    return "" if permission.allowed else permission.reason
