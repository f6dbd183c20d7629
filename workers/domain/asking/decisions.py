"""May this person answer, and what did they answer?

Rejecting is the safe direction and confirming the dangerous one, so more people may reject.
"""

from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from workers.domain.asking.two_persons import ConfirmRequest
from workers.domain.model import Stored, UtcTime
from workers.domain.policy.people import UpTo
from workers.domain.starts.people import Actor, Owner

if TYPE_CHECKING:
    from collections.abc import Collection

    from workers.domain.starts.events import Caller


IN_WORDS = "words"
"""How a decision that was given in words was given, in ``Decision.via``."""

UNDO_WITHIN = timedelta(minutes=2)
"""How long a confirmation in words can be taken back."""


class Answer(StrEnum):
    """What a decision says."""

    CONFIRM = "confirm"
    REJECT = "reject"


class Decision(Stored):
    """One person's answer.

    ``reason`` is their own text, and ``words`` the reply that was understood as the answer: hostile input,
    like every text from outside. ``requested`` is what the first of two persons asked for. ``in_stead_of`` is
    the owner who has delegated the answer to them, if they could not give it by themselves.
    """

    answer: Answer
    by: Actor
    at: UtcTime
    via: str = "card"
    reason: str = ""
    words: str = ""
    requested: ConfirmRequest | None = None
    in_stead_of: Actor | None = None

    @property
    def confirms(self) -> bool:
        """Whether the start was expected."""
        return self.answer is Answer.CONFIRM

    @property
    def past_tense(self) -> str:
        """``Confirmed`` or ``Rejected``."""
        return "Confirmed" if self.confirms else "Rejected"


class TakenBack(Stored):
    """A confirmation that was taken back, by whom, and when. The question is open again since then."""

    decision: Decision
    by: Actor
    at: UtcTime


class Permission(NamedTuple):
    """Whether somebody may do something, and why or why not, as a sentence for them."""

    allowed: bool
    reason: str


def may_answer(
    answer: Answer,
    actor: Actor,
    owner: Owner,
    *callers: "Caller",
    risky: "Collection[Caller]" = (),
    owner_before: Owner | None = None,
    up_to: UpTo = UpTo.MEDIUM,
    oncall: bool = False,
) -> Permission:
    """Whether this person may give this answer.

    The owner and on-call may confirm and reject. Whoever started the VM may always reject their own start.
    They can't confirm it at a higher risk than the policy says, whoever they are; nor where they did not own
    the VM before the start: as on-call, or as an owner whom the tag has named only since it was changed, or
    else who may write tags could confirm what they do.

    Args:
        answer: what they want to say.
        actor: who they are.
        owner: who is asked.
        callers: who started the VM.
        risky: those of them whose start is of a higher risk than ``up_to``.
        owner_before: the owner by the tags before the start; ``None`` if that is ``owner``.
        up_to: the highest level of risk at which a caller may confirm their own start.
        oncall: whether on-call may confirm their own starts of VMs that they don't own.
    """
    permission = _by_role(answer, actor, owner, callers)
    if answer is Answer.REJECT or not permission.allowed:
        return permission
    refusal = _too_risky(actor, risky, up_to)
    if not refusal and _is_among(actor, callers) and not (actor.on_call and oncall):
        refusal = _not_the_owner_before(actor, owner, owner_before)
    return Permission(allowed=False, reason=refusal) if refusal else permission


def may_answer_for(
    answer: Answer,
    actor: Actor,
    giver: Actor,
    owner: Owner,
    *callers: "Caller",
    risky: "Collection[Caller]" = (),
    owner_before: Owner | None = None,
    up_to: UpTo = UpTo.MEDIUM,
) -> Permission:
    """Whether this person may give this answer in the stead of ``giver``, who has delegated it to them.

    What the giver has as an owner counts, and nothing else of theirs: not that they are on call, and not what
    was delegated to them. What they may not confirm, nobody confirms for them; and who started the VM does
    not confirm it in anybody's stead.

    Args:
        answer: as for ``may_answer``, like what follows.
        actor: who answers.
        giver: in whose stead.
        owner: who is asked.
        callers: who started the VM.
        risky: those of them whose start is of a higher risk than ``up_to``.
        owner_before: the owner by the tags before the start.
        up_to: the highest level of risk at which a caller may confirm their own start.
    """
    if actor.barred or giver.barred:
        reason = actor.barred or "Whoever delegated it to you does not count any more."
        return Permission(allowed=False, reason=reason)
    if not giver.owns(owner):
        return Permission(allowed=False, reason="Whoever delegated it is not the owner of this VM.")
    if answer is Answer.CONFIRM:
        as_owner = giver.changed(on_call=False)
        refusal = _too_risky(as_owner, risky, up_to)
        if not refusal and _is_among(as_owner, callers):
            refusal = _not_the_owner_before(as_owner, owner, owner_before)
        if refusal:
            reason = "Whoever delegated it to you started this VM and can't confirm it, so neither can you."
            return Permission(allowed=False, reason=reason)
        if _is_among(actor, callers) or (
            not actor.email and not actor.entra and any(caller.email for caller in risky)
        ):
            reason = "Your account may have started this VM, so you can't confirm it in anybody's stead."
            return Permission(allowed=False, reason=reason)
    return Permission(allowed=True, reason=f"in the stead of {giver.name or giver.slack_user}")


def may_delegate(actor: Actor) -> Permission:
    """Whether this person may have somebody answer in their stead: whoever counts; it gives what they own."""
    return Permission(allowed=not actor.barred, reason=actor.barred or "gives what they have")


def may_approve_delegation(actor: Actor, to: Actor) -> Permission:
    """Whether this person may be the second one for a delegation: on-call, unless it is given to them."""
    if actor.is_same_person(to):
        reason = "It would be given to you, so somebody else of on-call has to approve it."
        return Permission(allowed=False, reason=reason)
    return _on_call_only(actor, "approve a delegation")


def _by_role(answer: Answer, actor: Actor, owner: Owner, callers: "Collection[Caller]") -> Permission:
    if actor.barred:
        return Permission(allowed=False, reason=actor.barred)
    if actor.owns(owner):
        return Permission(allowed=True, reason=f"owner by {owner.source}")
    if actor.on_call:
        return Permission(allowed=True, reason="on call")
    if answer is Answer.REJECT and _is_among(actor, callers):
        return Permission(allowed=True, reason="started the VM")
    who = "the VM's owner or on-call" if owner.known else "on-call (no owner is known)"
    doubt = f" {actor.doubt}" if actor.doubt else ""
    return Permission(allowed=False, reason=f"Only {who} can {answer} this start.{doubt}")


def why_somebody_else(up_to: UpTo) -> str:
    """Why a caller can't confirm their own start of a higher risk, as a sentence for them."""
    return f"Your account started this VM, {_AT[up_to]}, so somebody else has to confirm it."


_AT = {
    UpTo.NEVER: "and the policy lets nobody confirm their own start",
    UpTo.LOW: "and the policy lets callers confirm their own starts at low risk only",
    UpTo.MEDIUM: "at high risk",
}


def _too_risky(actor: Actor, risky: "Collection[Caller]", up_to: UpTo) -> str:
    """Why this person can't confirm it, if they started the VM or may have done so; else empty."""
    if _is_among(actor, risky):
        return why_somebody_else(up_to)
    if not actor.email and not actor.entra and any(caller.email for caller in risky):
        first = "This start is of high risk" if up_to is UpTo.MEDIUM else "Callers can't confirm such a start"
        return (
            f"{first}, and Slack shows no e-mail address for you, so nobody can tell "
            "whether you started the VM. Somebody else has to confirm it."
        )
    return ""


def _not_the_owner_before(actor: Actor, owner: Owner, owner_before: Owner | None) -> str:
    """Why this person, who started the VM, can't confirm it, if they did not own it before; else empty."""
    if actor.owns(owner if owner_before is None else owner_before):
        return ""
    if actor.owns(owner):
        return (
            "Your account started this VM, and its owner tag names you only since it was changed. "
            "Only its former owner or on-call can confirm this start."
        )
    return "Your account started this VM, which you don't own, so somebody else has to confirm it."


def _is_among(actor: Actor, callers: "Collection[Caller]") -> bool:
    return any(
        caller.email.lower() in actor.addresses
        or (bool(actor.entra) and caller.object_id.lower() == actor.entra.lower())
        for caller in callers
    )


def may_take_back(actor: Actor, decision: Decision | None) -> Permission:
    """Whether this person may take this confirmation back: whoever gave it, or on-call."""
    if actor.barred:
        return Permission(allowed=False, reason=actor.barred)
    if decision is not None and decision.by.slack_user == actor.slack_user:
        return Permission(allowed=True, reason="gave the answer")
    if actor.on_call:
        return Permission(allowed=True, reason="on call")
    doubt = f" {actor.doubt}" if actor.doubt else ""
    return Permission(allowed=False, reason=f"Only whoever answered or on-call can undo this.{doubt}")


def may_lock_down(actor: Actor) -> Permission:
    """Whether this person may contain a VM without an approval: on-call only."""
    return _on_call_only(actor, "lock down a VM")


def may_regret(actor: Actor, rejected_by: Actor | None) -> Permission:
    """Whether this person may take a rejection back in its time of grace: whoever gave it, or on-call."""
    if actor.barred:
        return Permission(allowed=False, reason=actor.barred)
    if rejected_by is not None and rejected_by.is_same_person(actor):
        return Permission(allowed=True, reason="gave the answer")
    if actor.on_call:
        return Permission(allowed=True, reason="on call")
    doubt = f" {actor.doubt}" if actor.doubt else ""
    return Permission(allowed=False, reason=f"Only whoever rejected or on-call can take this back.{doubt}")


def may_restore(actor: Actor) -> Permission:
    """Whether this person may undo a containment: on-call only, as it is the dangerous direction."""
    return _on_call_only(actor, "restore a VM")


def may_pause(actor: Actor) -> Permission:
    """Whether this person may pause all writes to Azure, or end that: on-call only. It stops containments."""
    return _on_call_only(actor, "pause changes in Azure")


def may_release(actor: Actor) -> Permission:
    """Whether this person may say if containments beyond the cap go on: on-call only."""
    return _on_call_only(actor, "decide about containments that wait")


def may_expect(actor: Actor, owner: Owner, former: Owner, *, owners: bool) -> Permission:
    """Whether this person may announce a start, so that it passes without a question.

    Args:
        actor: who they are.
        owner: by the VM's tags.
        former: by its tags before they were changed in the last day; else the same. Both have to name them.
        owners: whether an owner may. Else on-call alone.
    """
    if not owners or actor.on_call or actor.barred:
        return _on_call_only(actor, "expect these starts")
    if actor.owns(owner) and actor.owns(former):
        return Permission(allowed=True, reason=f"owner by {owner.source}")
    if actor.owns(owner):
        reason = "Its owner tag names you only since it was changed. Its former owner or on-call can do this."
        return Permission(allowed=False, reason=reason)
    doubt = f" {actor.doubt}" if actor.doubt else ""
    return Permission(allowed=False, reason=f"Only the VM's owner or on-call can expect its starts.{doubt}")


def may_withdraw_expectation(actor: Actor, announced_by: str) -> Permission:
    """Whether this person may end an expectation: the safe direction, for its author and on-call."""
    if not actor.barred and announced_by and actor.slack_user == announced_by:
        return Permission(allowed=True, reason="announced it")
    return _on_call_only(actor, "withdraw what somebody else announced")


def may_see(actor: Actor, owner: Owner) -> Permission:
    """Whether this person may see how a VM stands: its owner and on-call."""
    if actor.barred:
        return Permission(allowed=False, reason=actor.barred)
    if actor.owns(owner) or actor.on_call:
        return Permission(allowed=True, reason="owner or on call")
    doubt = f" {actor.doubt}" if actor.doubt else ""
    return Permission(allowed=False, reason=f"Only its owner or on-call can see how a VM stands.{doubt}")


def may_see_all(actor: Actor) -> Permission:
    """Whether this person may see everything that waits and all that is contained: on-call only."""
    return _on_call_only(actor, "see what waits and what is contained")


def _on_call_only(actor: Actor, what: str) -> Permission:
    if actor.barred:
        return Permission(allowed=False, reason=actor.barred)
    if actor.on_call:
        return Permission(allowed=True, reason="on call")
    doubt = f" {actor.doubt}" if actor.doubt else ""
    return Permission(allowed=False, reason=f"Only on-call can {what}.{doubt}")
