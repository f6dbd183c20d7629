"""An approval: one question to one owner about one start, and everything that came of it."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from workers.domain.asking.decisions import Answer, Decision, Permission, may_answer
from workers.domain.asking.joined import JoinedStart
from workers.domain.asking.passing import PassedOn
from workers.domain.containment.plans import Plan, StepName
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import AlreadyDecided, Conflict
from workers.domain.model import Stored, UtcTime
from workers.domain.policy.model import OnSilence, OnUndelivered
from workers.domain.schema import Numbered
from workers.domain.starts.events import Caller, StartEnd, StartEvent
from workers.domain.starts.facts import Facts
from workers.domain.starts.history import History
from workers.domain.starts.people import Actor, Owner
from workers.domain.starts.risk import Level, Risk


class ApprovalState(StrEnum):
    """Where an approval stands; only ``PENDING`` is open."""

    PENDING = "PENDING"
    CONFIRMED = "CONFIRMED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    WITHDRAWN = "WITHDRAWN"
    JOINED = "JOINED"


TRANSITIONS: dict[ApprovalState, frozenset[ApprovalState]] = {
    ApprovalState.PENDING: frozenset(
        {
            ApprovalState.CONFIRMED,
            ApprovalState.REJECTED,
            ApprovalState.EXPIRED,
            ApprovalState.WITHDRAWN,
            ApprovalState.JOINED,
        }
    ),
    ApprovalState.CONFIRMED: frozenset(),
    ApprovalState.REJECTED: frozenset(),
    ApprovalState.EXPIRED: frozenset(),
    ApprovalState.WITHDRAWN: frozenset(),
    ApprovalState.JOINED: frozenset(),
}
"""From → to. Everything else is refused.

JOINED: the VM's question was open already, and asks about this start, too. It has no card of its own.
"""

FILL_IN_AFTER = (timedelta(seconds=3), timedelta(seconds=10), timedelta(seconds=30), timedelta(minutes=2))
"""How long after the previous attempt facts that did not arrive in time are read again."""


class Terms(Stored):
    """What the policy says about this question, fixed when it opened: later changes move no running deadline.

    Only a start that joins the question can make them stricter.

    ``lockdown`` is what a rejection will do, so that the dialog shows what will be done. Where silence, or an
    ask that reached nobody, contains by a profile of its own, that is kept beside it.
    """

    remind_after: timedelta
    escalate_after: timedelta
    expire_after: timedelta
    on_silence: OnSilence
    on_undelivered: OnUndelivered = OnUndelivered.ESCALATE
    lockdown: LockdownProfile
    silence_lockdown: LockdownProfile | None = None
    undelivered_lockdown: LockdownProfile | None = None
    rule: str = "defaults"

    @property
    def on_silence_by(self) -> LockdownProfile:
        """The profile that contains the VM when nobody answers: its own, or that of a rejection."""
        return self.silence_lockdown or self.lockdown

    @property
    def on_undelivered_by(self) -> LockdownProfile:
        """The same for when nobody could be asked."""
        return self.undelivered_lockdown or self.lockdown


def steps_on_silence(terms: Terms) -> tuple[StepName, ...]:
    """The steps that the policy takes when nobody answers; none when it leaves the VM alone.

    The step table says which ones it may use.
    """
    wanted = terms.on_silence_by.steps if terms.on_silence is OnSilence.CONTAIN else tuple(StepName)
    return tuple(name for name in wanted if terms.on_silence.value in name.spec.on_silence)


def steps_undelivered(terms: Terms) -> tuple[StepName, ...]:
    """The steps that the policy takes when nobody could be asked; none unless it says so."""
    if terms.on_undelivered is not OnUndelivered.CONTAIN:
        return ()
    steps = terms.on_undelivered_by.steps
    return tuple(name for name in steps if OnSilence.CONTAIN.value in name.spec.on_silence)


class Approval(Numbered):
    """A question about a start. Times are ``None`` until they have come.

    Attributes:
        asked_at: when the card reached Slack; deadlines count from here.
        asked_whom: Slack user ids that got a copy.
        notice: why nobody could be asked directly, for the card; empty when all is well.
        closed_because: why it is EXPIRED or WITHDRAWN, in words.
        released: its containment was restored, so it is removed once the retention has passed.
        fill_in_at: when missing facts are read again; ``None`` if none are missing, or after the last try.
        fill_ins: how often missing facts were read again.
        ended: how the start ended, once Azure has told.
        joined: further starts that the question asks about, the newest last; of many, some, but every caller.
        joined_count: all of them.
        joined_to: the question that this start has joined.
        guarded: the guard of the policy by which its VM is never contained, by name; empty for any other VM.
            A rejection is then on-call's to act on.
        later: ids of approvals about later starts that carry its correlation id, the newest last.
        risk: of all starts that it asks about; ``None`` if an earlier version asked.
        level: of the risk of its first start alone.
        level_when_opened: of the risk when it was asked; it may have risen since.
        history: what was known of the VM and its caller just before the start.
        owner_before: the owner by the tags before the start; ``None`` if that is still the owner.
        passed: who said that the VM is not theirs, and whom they named, the last one last.
    """

    document_kind: ClassVar[str] = "approval"

    id: str
    version: int = 0
    state: ApprovalState = ApprovalState.PENDING
    event: StartEvent
    facts: Facts
    owner: Owner
    terms: Terms
    plan: Plan
    opened_at: UtcTime
    asked_at: UtcTime | None = None
    asked_whom: tuple[str, ...] = ()
    notice: str = ""
    reminded_at: UtcTime | None = None
    escalated_at: UtcTime | None = None
    decision: Decision | None = None
    closed_at: UtcTime | None = None
    closed_because: str = ""
    containment_id: str | None = None
    released: bool = False
    fill_in_at: UtcTime | None = None
    fill_ins: int = 0
    ended: StartEnd | None = None
    later: tuple[str, ...] = ()
    joined: tuple[JoinedStart, ...] = ()
    joined_count: int = 0
    joined_to: str | None = None
    guarded: str = ""
    risk: Risk | None = None
    level: Level = Level.LOW
    level_when_opened: Level = Level.LOW
    history: History | None = None
    owner_before: Owner | None = None
    passed: tuple[PassedOn, ...] = ()

    @property
    def open(self) -> bool:
        """Whether it still waits for an answer."""
        return self.state is ApprovalState.PENDING

    @property
    def has_card(self) -> bool:
        """Whether it is shown by itself; a start that has joined a question is shown with that."""
        return self.state is not ApprovalState.JOINED

    @property
    def starts(self) -> int:
        """How many starts it asks about."""
        return 1 + self.joined_count

    @property
    def callers(self) -> tuple[Caller, ...]:
        """Who started the VM: at first, and then as far as it lists them."""
        return (self.event.caller, *(one.caller for one in self.joined))

    @property
    def risky_callers(self) -> tuple[Caller, ...]:
        """Those whose own start is of high risk, as far as is known."""
        first = (self.event.caller,) if self.level is Level.HIGH else ()
        return (*first, *(one.caller for one in self.joined if one.level is Level.HIGH))

    @property
    def needs_reason(self) -> bool:
        """Whether it is confirmed with a reason only: nobody confirms a high risk with one tap."""
        return self.risk is not None and self.risk.level is Level.HIGH

    @property
    def passed_to(self) -> tuple[str, ...]:
        """Slack ids of those whom somebody named as the owner in their place."""
        return tuple(one.to.slack_user for one in self.passed if one.to is not None)

    @property
    def asks(self) -> Owner:
        """Who may answer as the owner: whom the tag names, and to whom the question was passed on."""
        if not self.passed_to:
            return self.owner
        users = dict.fromkeys((*self.owner.slack_users, *self.passed_to))
        return self.owner.changed(slack_users=tuple(users))

    def permits(self, answer: Answer, actor: Actor) -> Permission:
        """Whether this person may give this answer to it."""
        permission = may_answer(
            answer,
            actor,
            self.asks,
            *self.callers,
            risky=self.risky_callers,
            owner_before=self.owner_before,
        )
        if answer is Answer.REJECT or not permission.allowed or actor.on_call or actor.owns(self.owner):
            return permission
        emails = {caller.email.lower() for caller in self.callers if caller.email}
        if actor.email.lower() in emails or (emails and not actor.email):
            return Permission(
                allowed=False,
                reason="The question was passed on to you, and your account started this VM, or nobody can"
                " tell whether it did. Only its owner or on-call can confirm this start.",
            )
        return permission

    def passed_on(self, passing: PassedOn) -> "Approval":
        """Somebody else is asked, too; where nobody is named, on-call is."""
        changes: dict[str, object] = {"passed": (*self.passed, passing)}
        if passing.to is None and self.escalated_at is None:
            changes["escalated_at"] = passing.at
        return self._while_open(**changes)

    def _to(self, state: ApprovalState, at: datetime, **changes: object) -> "Approval":
        if state not in TRANSITIONS[self.state]:
            raise AlreadyDecided(self.outcome())
        return self.changed(state=state, closed_at=at, **changes)

    def asked(self, at: datetime, whom: tuple[str, ...], notice: str = "") -> "Approval":
        """The card is in Slack; the first time starts the clock, later calls only add people."""
        return self.changed(
            asked_at=self.asked_at or at,
            asked_whom=tuple(dict.fromkeys((*self.asked_whom, *whom))),
            notice=notice,
        )

    def decided(self, decision: Decision, *, containment_id: str | None = None) -> "Approval":
        """Confirmed or rejected.

        Raises:
            AlreadyDecided: somebody else answered first, or it is closed.
        """
        state = ApprovalState.CONFIRMED if decision.confirms else ApprovalState.REJECTED
        return self._to(state, decision.at, decision=decision, containment_id=containment_id)

    def expired(self, at: datetime, because: str, *, containment_id: str | None = None) -> "Approval":
        """Nobody answered. This never counts as anybody's rejection."""
        return self._to(ApprovalState.EXPIRED, at, closed_because=because, containment_id=containment_id)

    def withdrawn(self, at: datetime, because: str) -> "Approval":
        """The question is pointless now: the VM stopped or vanished, or is being contained anyway."""
        return self._to(ApprovalState.WITHDRAWN, at, closed_because=because)

    def joins(self, question_id: str, at: datetime) -> "Approval":
        """The start is asked about by the VM's open question, and not by one of its own."""
        return self._to(ApprovalState.JOINED, at, joined_to=question_id, fill_in_at=None)

    def answered(self, answer: Answer, slack_user: str) -> bool:
        """Whether this very answer of this person is on record."""
        decision = self.decision
        return decision is not None and (decision.answer, decision.by.slack_user) == (answer, slack_user)

    def reminded(self, at: datetime) -> "Approval":
        """The owner was reminded."""
        return self._while_open(reminded_at=at)

    def escalated(self, at: datetime) -> "Approval":
        """On-call was told."""
        return self._while_open(escalated_at=at)

    def _while_open(self, **changes: object) -> "Approval":
        if not self.open:
            raise Conflict(f"approval {self.id} is {self.state}")
        return self.changed(**changes)

    def filling_in(self, now: datetime, *, not_before: datetime | None = None) -> "Approval":
        """With the next try at missing facts scheduled, or not: none are missing, or it was the last try.

        ``not_before`` is when Azure, which throttled this try, may be asked again; it then counts as none.
        """
        if not_before is not None and self.facts.missing:
            return self.changed(fill_in_at=not_before)
        if not self.facts.missing or self.fill_ins >= len(FILL_IN_AFTER):
            return self if self.fill_in_at is None else self.changed(fill_in_at=None)
        return self.changed(fill_in_at=now + FILL_IN_AFTER[self.fill_ins], fill_ins=self.fill_ins + 1)

    def outcome(self) -> str:
        """Who decided it, or how else it stands, as a sentence without mark-up."""
        if self.decision is not None:
            by = self.decision.by
            return f"{self.decision.past_tense} by {by.name or by.email or 'somebody'}"
        if self.state is ApprovalState.EXPIRED:
            return "Expired: nobody answered in time"
        if self.state is ApprovalState.WITHDRAWN:
            return f"Withdrawn: {self.closed_because}"
        if self.state is ApprovalState.JOINED:
            return "Asked about together with an earlier start"
        return "Still open"

    # Deadlines

    def _clock_starts(self) -> datetime:
        """When somebody got the card. Until then, nobody is silent; see ``undelivered``."""
        return self.asked_at or self.opened_at

    def undelivered(self, now: datetime) -> bool:
        """Whether nobody could be asked by the deadline: there is no answer, and no silence either."""
        return self.open and self.asked_at is None and now >= self.opened_at + self.terms.expire_after

    def waited(self, now: datetime) -> timedelta:
        """How long somebody has been asked."""
        return max(timedelta(0), now - self.asked_at) if self.asked_at is not None else timedelta(0)

    @property
    def remind_at(self) -> datetime:
        """When the owner is reminded."""
        return self._clock_starts() + self.terms.remind_after

    @property
    def escalate_at(self) -> datetime:
        """When on-call is told that nobody answers."""
        return self._clock_starts() + self.terms.escalate_after

    @property
    def expire_at(self) -> datetime:
        """When nobody has answered in time, and what the policy says of silence is done."""
        return self._clock_starts() + self.terms.expire_after

    def due_at(self) -> datetime | None:
        """When it has to be looked at again, or ``None`` once it is closed."""
        if not self.open:
            return None
        if self.asked_at is None:
            return self.opened_at  # its card may have been lost on its way, so the resync looks
        coming = [self.expire_at]
        if self.fill_in_at is not None:
            coming.append(self.fill_in_at)
        unreminded = self.reminded_at is None and self.escalated_at is None
        if unreminded and self.terms.remind_after < self.terms.expire_after:
            coming.append(self.remind_at)
        if self.escalated_at is None and self.terms.escalate_after < self.terms.expire_after:
            coming.append(self.escalate_at)
        return min(coming)
