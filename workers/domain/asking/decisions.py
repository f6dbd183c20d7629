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


def may_answer(answer: Answer, actor: Actor, owner: Owner, *callers: "Caller") -> Permission:
    """Whether this person may give this answer.

    The owner and on-call may confirm and reject. Whoever started the VM may always reject their own start.
    """
    if actor.barred:
        return Permission(allowed=False, reason=actor.barred)
    if actor.owns(owner):
        return Permission(allowed=True, reason=f"owner by {owner.source}")
    if actor.on_call:
        return Permission(allowed=True, reason="on call")
    started = actor.email and actor.email.lower() in {caller.email.lower() for caller in callers}
    if answer is Answer.REJECT and started:
        return Permission(allowed=True, reason="started the VM")
    who = "the VM's owner or on-call" if owner.known else "on-call (no owner is known)"
    doubt = f" {actor.doubt}" if actor.doubt else ""
    return Permission(allowed=False, reason=f"Only {who} can {answer} this start.{doubt}")


def may_lock_down(actor: Actor) -> Permission:
    """Whether this person may contain a VM without an approval: on-call only."""
    return _on_call_only(actor, "lock down a VM")


def may_restore(actor: Actor) -> Permission:
    """Whether this person may undo a containment: on-call only, as it is the dangerous direction."""
    return _on_call_only(actor, "restore a VM")


def may_pause(actor: Actor) -> Permission:
    """Whether this person may pause all writes to Azure, or end that: on-call only. It stops containments."""
    return _on_call_only(actor, "pause changes in Azure")


def _on_call_only(actor: Actor, what: str) -> Permission:
    if actor.barred:
        return Permission(allowed=False, reason=actor.barred)
    if actor.on_call:
        return Permission(allowed=True, reason="on call")
    doubt = f" {actor.doubt}" if actor.doubt else ""
    return Permission(allowed=False, reason=f"Only on-call can {what}.{doubt}")
