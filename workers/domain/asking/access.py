"""What needs two persons because it gives a right away, or turns the guard down.

With ``two_person: access``, three things do: an expected start passes without a question, a delegation gives
what an owner may, and a pause keeps VMs from being contained. Ending any of them is the safe direction, and
takes one person. So does answering the question about the cap: going on has VMs contained, and holding back
touches only what waits beyond the cap already, for an hour at most.

Who can be the second person: whoever could have asked, too, as with a restore. For a pause that is on-call,
for an expected start the VM's owner or on-call, or on-call alone, as the policy's ``expect.who`` says.
Anybody who counts may delegate what they own, so there this would say nothing: for a delegation it is
on-call, and never the person to whom it is given.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, NamedTuple

from workers.domain.asking.decisions import (
    Permission,
    may_approve_delegation,
    may_delegate,
    may_expect,
    may_pause,
)
from workers.domain.errors import AlreadyDecided
from workers.domain.model import Stored, UtcTime
from workers.domain.schema import Numbered
from workers.domain.starts.ahead.expectations import Expectation
from workers.domain.starts.people import Actor, Owner
from workers.domain.starts.two_persons import Request, not_the_second


class AccessState(StrEnum):
    """How far a request is."""

    WAITING = "WAITING"
    APPROVED = "APPROVED"
    DECLINED = "DECLINED"
    EXPIRED = "EXPIRED"


class WantedDelegation(Stored):
    """Whoever asks wants this person to answer in their stead."""

    to: Actor
    until: UtcTime
    reason: str = ""


class WantedPause(Stored):
    """All writes to Azure are to pause for so long, from when the second person approves it."""

    span: timedelta


class Owners(NamedTuple):
    """Who owns the VM of an expected start, when it is asked whether somebody may approve it.

    Attributes:
        now: by the VM's tags.
        former: by its tags before they were changed in the last day; else the same.
        may: whether the policy lets owners announce this start at all.
    """

    now: Owner
    former: Owner
    may: bool


NO_OWNERS = Owners(now=Owner(), former=Owner(), may=False)


class AccessRequest(Numbered):
    """What the first person asked for, and what became of it. Until it is approved, nothing has changed.

    Exactly one of ``expects``, ``delegates`` and ``pauses`` is set.

    Attributes:
        request: who asked, when, why, and until when it can be approved.
        expects: the start that is to be expected, as it will be then.
        delegates: the delegation.
        pauses: the pause.
        ended_by: who approved or declined it; ``None`` if its time was over before.
    """

    document_kind: ClassVar[str] = "access request"

    id: str
    version: int = 0
    request: Request
    expects: Expectation | None = None
    delegates: WantedDelegation | None = None
    pauses: WantedPause | None = None
    state: AccessState = AccessState.WAITING
    ended_by: Actor | None = None
    ended_at: UtcTime | None = None

    @property
    def active(self) -> bool:
        """Whether nothing has become of it yet, as far as anybody has noted."""
        return self.state is AccessState.WAITING

    def waits(self, now: datetime) -> bool:
        """Whether it can still be approved."""
        return self.active and self.request.in_time(now)

    def due_at(self) -> datetime | None:
        """When its time is over; ``None`` once it has ended."""
        return self.request.expires_at if self.active else None

    def answered(self, by: Actor, now: datetime, *, approved: bool) -> "AccessRequest":
        """Approved or declined. Whether they may is for ``refusal`` to say.

        Raises:
            AlreadyDecided: somebody was faster, or its time is over.
        """
        if not self.waits(now):
            raise AlreadyDecided(self.outcome())
        state = AccessState.APPROVED if approved else AccessState.DECLINED
        return self.changed(state=state, ended_by=by, ended_at=now)

    def expired(self, now: datetime) -> "AccessRequest":
        """Its time is over, and nobody has answered. One that has ended, or still waits, stays as it is."""
        if not self.active or self.request.in_time(now):
            return self
        return self.changed(state=AccessState.EXPIRED, ended_at=now)

    def outcome(self) -> str:
        """What became of it, as a sentence without mark-up."""
        by = (self.ended_by.name or self.ended_by.label) if self.ended_by else "Somebody"
        match self.state:
            case AccessState.APPROVED:
                return f"{by} approved it."
            case AccessState.DECLINED:
                return f"{by} declined it. Nothing was changed."
            case _:
                return "Nobody approved it in time. Nothing was changed."

    def refusal(self, actor: Actor, owners: Owners = NO_OWNERS) -> str:
        """Why this person can't approve it, as a sentence; empty if they can."""
        permission = self._permits(actor, owners, first=False)
        if not permission.allowed:
            return permission.reason
        return not_the_second(self.request.by, actor, "this", do="approve")

    def may_decline(self, actor: Actor, owners: Owners = NO_OWNERS) -> Permission:
        """Whether this person may decline it, the safe direction: whoever may approve it, and who asked."""
        if not actor.barred and self.request.by.is_same_person(actor):
            return Permission(allowed=True, reason="asked for it")
        return self._permits(actor, owners, first=False)

    def still_permits_first(self, owners: Owners = NO_OWNERS) -> Permission:
        """Whether the first person, as they were known when they asked, may ask for it now."""
        return self._permits(self.request.by, owners, first=True)

    def _permits(self, actor: Actor, owners: Owners, *, first: bool) -> Permission:
        if self.pauses is not None:
            return may_pause(actor)
        if self.delegates is not None:
            return may_delegate(actor) if first else may_approve_delegation(actor, self.delegates.to)
        return may_expect(actor, owners.now, owners.former, owners=owners.may)

    @property
    def vm_key(self) -> str:
        """The VM that it is about; empty if it is about none, or about several."""
        return self.expects.vm.key if self.expects is not None and self.expects.vm is not None else ""

    @property
    def summary(self) -> dict[str, object]:
        """What it is for, for the audit."""
        if self.expects is not None:
            return {"expects": self.expects.summary}
        if self.delegates is not None:
            return {"delegates_to": self.delegates.to.label, "until": self.delegates.until.isoformat()}
        return {"pauses_for_s": round(self.pauses.span.total_seconds()) if self.pauses else 0}
