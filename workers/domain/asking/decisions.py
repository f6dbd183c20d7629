"""May this person answer, and what did they answer?

Rejecting is the safe direction and confirming the dangerous one, so more people may reject.
"""

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from workers.domain.model import Stored, UtcTime
from workers.domain.starts.people import Actor, Owner

if TYPE_CHECKING:
    from workers.domain.starts.events import Caller


class Answer(StrEnum):
    """What a decision says."""

    CONFIRM = "confirm"
    REJECT = "reject"


class Decision(Stored):
    """One person's answer. ``reason`` is their own text: hostile input, like every text from outside."""

    answer: Answer
    by: Actor
    at: UtcTime
    via: str = "card"
    reason: str = ""

    @property
    def confirms(self) -> bool:
        """Whether the start was expected."""
        return self.answer is Answer.CONFIRM

    @property
    def past_tense(self) -> str:
        """``Confirmed`` or ``Rejected``."""
        return "Confirmed" if self.confirms else "Rejected"


class Permission(NamedTuple):
    """Whether somebody may do something, and why or why not, as a sentence for them."""

    allowed: bool
    reason: str


def may_answer(
    answer: Answer,
    actor: Actor,
    owner: Owner,
    *callers: "Caller",
    high_risk: bool = False,
    owner_before: Owner | None = None,
) -> Permission:
    """Whether this person may give this answer.

    The owner and on-call may confirm and reject. Whoever started the VM may always reject their own start.
    They can't confirm it at high risk, whoever they are; nor as an owner whom the tag has named only since
    it was changed, or else who may write tags could confirm what they do.

    Args:
        answer: what they want to say.
        actor: who they are.
        owner: who is asked.
        callers: who started the VM.
        high_risk: whether the start is of high risk.
        owner_before: the owner by the tags before the start; ``None`` if that is ``owner``.
    """
    if actor.barred:
        return Permission(allowed=False, reason=actor.barred)
    started = bool(actor.email) and actor.email.lower() in {caller.email.lower() for caller in callers}
    refusal = _not_at_high_risk(actor, callers, started=started) if high_risk else ""
    if started and not actor.on_call and owner_before is not None and not actor.owns(owner_before):
        refusal = refusal or _OWNER_SINCE
    if answer is Answer.CONFIRM and refusal:
        return Permission(allowed=False, reason=refusal)
    if actor.owns(owner):
        return Permission(allowed=True, reason=f"owner by {owner.source}")
    if actor.on_call:
        return Permission(allowed=True, reason="on call")
    if answer is Answer.REJECT and started:
        return Permission(allowed=True, reason="started the VM")
    who = "the VM's owner or on-call" if owner.known else "on-call (no owner is known)"
    doubt = f" {actor.doubt}" if actor.doubt else ""
    return Permission(allowed=False, reason=f"Only {who} can {answer} this start.{doubt}")


_OWNER_SINCE = (
    "You started this VM, and its owner tag names you only since it was changed. "
    "Only its former owner or on-call can confirm this start."
)


def _not_at_high_risk(actor: Actor, callers: "tuple[Caller, ...]", *, started: bool) -> str:
    """Why this person can't confirm a start of high risk, if they started it or may have done so."""
    if started:
        return "This start is of high risk, so somebody else than you has to confirm it: you started the VM."
    if not actor.email and any(caller.email for caller in callers):
        return (
            "This start is of high risk, and Slack shows no e-mail address for you, so nobody can tell "
            "whether you started the VM. Somebody else has to confirm it."
        )
    return ""


def may_lock_down(actor: Actor) -> Permission:
    """Whether this person may contain a VM without an approval: on-call only."""
    return _on_call_only(actor, "lock down a VM")


def may_restore(actor: Actor) -> Permission:
    """Whether this person may undo a containment: on-call only, as it is the dangerous direction."""
    return _on_call_only(actor, "restore a VM")


def _on_call_only(actor: Actor, what: str) -> Permission:
    if actor.barred:
        return Permission(allowed=False, reason=actor.barred)
    if actor.on_call:
        return Permission(allowed=True, reason="on call")
    doubt = f" {actor.doubt}" if actor.doubt else ""
    return Permission(allowed=False, reason=f"Only on-call can {what}.{doubt}")
