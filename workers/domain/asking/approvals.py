"""An approval: one question to one owner about one start, and everything that came of it."""

from datetime import datetime, timedelta
from typing import ClassVar

from workers.domain.asking.decisions import (
    IN_WORDS,
    UNDO_WITHIN,
    Answer,
    Decision,
    Permission,
    TakenBack,
    may_answer,
    may_answer_for,
    may_take_back,
)
from workers.domain.asking.joined import JoinedStart
from workers.domain.asking.passing import PassedOn, started_it_themselves, with_passed
from workers.domain.asking.states import FIRST, OUTCOMES, TRANSITIONS, ApprovalState
from workers.domain.asking.terms import Terms, steps_on_silence, steps_undelivered
from workers.domain.asking.two_persons import ConfirmRequest
from workers.domain.containment.plans import Plan
from workers.domain.errors import AlreadyDecided, Conflict
from workers.domain.model import UtcTime
from workers.domain.policy.model import Verdict
from workers.domain.schema import Numbered
from workers.domain.starts.ahead.expectations import Expectation
from workers.domain.starts.events import Caller, StartEnd, StartEvent
from workers.domain.starts.facts import Facts
from workers.domain.starts.past.history import History
from workers.domain.starts.people import Actor, Owner
from workers.domain.starts.risk import Level, Risk

__all__ = [
    "FILL_IN_AFTER",
    "FIRST",
    "IN_WORDS",
    "TRANSITIONS",
    "UNDO_WITHIN",
    "Approval",
    "ApprovalState",
    "Terms",
    "steps_on_silence",
    "steps_undelivered",
]

FILL_IN_AFTER = (timedelta(seconds=3), timedelta(seconds=10), timedelta(seconds=30), timedelta(minutes=2))
"""How long after the previous attempt facts that did not arrive in time are read again."""


class Approval(Numbered):
    """A question about a start. Times are ``None`` until they have come.

    Attributes:
        asked_at: when the card reached Slack; deadlines count from here.
        asked_whom: Slack user ids that got a copy.
        notice: why nobody could be asked directly, for the card; empty when all is well.
        closed_because: why it is closed without an answer, in words.
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
        expected: who expected the start ahead, where it is asked about all the same, as at high risk.
        passed: who said that the VM is not theirs, and whom they named, the last one last.
        confirm_request: what the first of two persons asked for; ``None`` once it is decided.
        trace: W3C ``traceparent`` of the work that opened it, so that an answer hours later joins its trace;
            empty where nothing was traced.
        told_as: the correlation id of the event that came late, of a start that only a sweep had seen.
        undo_until: until when its confirmation can be taken back; ``None`` if it can't.
        taken_back: the confirmation that was taken back last, by whom and when.
        quiet_until: when owners who are in quiet hours get their message; ``None`` if nobody waits for that.
        remind_not_before: when quiet hours end in which the reminder would come; it counts at low risk only.
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
    expected: Expectation | None = None
    passed: tuple[PassedOn, ...] = ()
    confirm_request: ConfirmRequest | None = None
    trace: str = ""
    told_as: str = ""
    undo_until: UtcTime | None = None
    taken_back: TakenBack | None = None
    quiet_until: UtcTime | None = None
    remind_not_before: UtcTime | None = None

    @property
    def open(self) -> bool:
        """Whether somebody can still reject it."""
        return self.state in (ApprovalState.PENDING, ApprovalState.TOLD)

    @property
    def asks(self) -> bool:
        """Whether it waits for an answer. A start that is only announced does not."""
        return self.state is ApprovalState.PENDING

    @property
    def has_card(self) -> bool:
        """Whether it is shown by itself; a start that has joined a question is shown with that."""
        return self.state not in (ApprovalState.JOINED, ApprovalState.OBSERVED)

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
        """Those whose own start is of higher risk, as far as is known, than they may confirm themselves."""
        may = self.terms.self_confirm
        first = () if may.covers(self.level) else (self.event.caller,)
        return (*first, *(one.caller for one in self.joined if not may.covers(one.level)))

    @property
    def needs_reason(self) -> bool:
        """Whether it is confirmed with a reason only: nobody confirms a high risk with one tap."""
        return self.risk is not None and self.risk.level is Level.HIGH

    @property
    def answerers(self) -> Owner:
        """Who may answer as the owner: whom the tag names, and to whom the question was passed on."""
        return with_passed(self.owner, self.passed)

    def permits(self, answer: Answer, actor: Actor) -> Permission:
        """Whether this person may give this answer to it."""
        permission = may_answer(
            answer,
            actor,
            self.answerers,
            *self.callers,
            risky=self.risky_callers,
            owner_before=self.owner_before,
            up_to=self.terms.self_confirm,
            oncall=self.terms.oncall_self_confirm,
        )
        if answer is Answer.REJECT or not permission.allowed or actor.on_call or actor.owns(self.owner):
            return permission
        refusal = started_it_themselves(actor, self.callers)
        return Permission(allowed=False, reason=refusal) if refusal else permission

    @property
    def may_wait(self) -> bool:
        """Whether quiet hours count: the risk of all its starts is low, as far as is known."""
        return (
            self.open and self.risk is not None and self.risk.level is Level.LOW and self.level is Level.LOW
        )

    def passed_on(self, passing: PassedOn) -> "Approval":
        """Somebody else is asked, too; where nobody is named, on-call is."""
        changes: dict[str, object] = {"passed": (*self.passed, passing)}
        if passing.to is None and self.escalated_at is None:
            changes["escalated_at"] = passing.at
        return self._while_asking(**changes)

    def permits_for(self, answer: Answer, actor: Actor, giver: Actor) -> Permission:
        """The same in the stead of somebody who has delegated it to them."""
        return may_answer_for(
            answer,
            actor,
            giver,
            self.owner,
            *self.callers,
            risky=self.risky_callers,
            owner_before=self.owner_before,
            up_to=self.terms.self_confirm,
        )

    def _to(self, state: ApprovalState, at: datetime, **changes: object) -> "Approval":
        if state not in TRANSITIONS[self.state]:
            raise AlreadyDecided(self.outcome())
        return self.changed(state=state, closed_at=at, **changes)

    def hushed(self, until: datetime, notice: str = "") -> "Approval":
        """Every owner is in quiet hours: they are asked when those end, and until then nobody is silent."""
        return self.changed(quiet_until=until, notice=notice)

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
        undo_until = decision.at + UNDO_WITHIN if decision.confirms and decision.via == IN_WORDS else None
        return self._to(
            state,
            decision.at,
            decision=decision,
            containment_id=containment_id,
            undo_until=undo_until,
            confirm_request=None,
        )

    def permits_undo(self, actor: Actor) -> Permission:
        """Whether this person may take the confirmation back: whoever gave it, or on-call."""
        return may_take_back(actor, self.decision)

    def undone(self, by: Actor, at: datetime) -> "Approval":
        """Open again, with as much time left to answer as when it was confirmed.

        Raises:
            AlreadyDecided: there is no confirmation that can be taken back, or no longer.
        """
        decision, closed_at = self.decision, self.closed_at
        if decision is None or closed_at is None or self.undo_until is None or at >= self.undo_until:
            raise AlreadyDecided(self.outcome())
        was_closed = max(timedelta(0), at - closed_at)
        return self._to(
            ApprovalState.PENDING,
            at,
            decision=None,
            undo_until=None,
            taken_back=TakenBack(decision=decision, by=by, at=at),
            terms=self.terms.later_by(was_closed),
        ).changed(closed_at=None)

    def settled(self, now: datetime) -> "Approval":
        """The same once its confirmation can't be taken back any more."""
        if self.undo_until is None or now < self.undo_until:
            return self
        return self.changed(undo_until=None)

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

    @property
    def waits_for_second(self) -> ConfirmRequest | None:
        """What the first of two persons asked for, as long as somebody else can confirm it."""
        request = self.confirm_request
        return request if self.asks and request is not None and not request.expired else None

    def requested(self, request: ConfirmRequest) -> "Approval":
        """The first of two persons wants it confirmed."""
        return self._while_asking(confirm_request=request)

    def request_over(self) -> "Approval":
        """Nobody confirmed what the first person asked for in time; the question stays open."""
        request = self.confirm_request
        return self if request is None else self.changed(confirm_request=request.changed(expired=True))

    def reminded(self, at: datetime) -> "Approval":
        """The owner was reminded."""
        return self._while_asking(reminded_at=at)

    def escalated(self, at: datetime) -> "Approval":
        """On-call was told."""
        return self._while_asking(escalated_at=at)

    def _while_asking(self, **changes: object) -> "Approval":
        if not self.asks:
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
        if self.state is ApprovalState.EXPIRED and self.terms.verdict is Verdict.TELL:
            return "Announced, and not rejected"
        return OUTCOMES[self.state].format(because=self.closed_because)

    # Deadlines

    def _clock_starts(self) -> datetime:
        """When somebody got the card. Until then, nobody is silent; see ``undelivered``."""
        return self.asked_at or self.opened_at

    def undelivered(self, now: datetime) -> bool:
        """Whether nobody could be asked by the deadline: there is no answer, and no silence either."""
        since = max(self.opened_at, self.quiet_until or self.opened_at)
        return self.open and self.asked_at is None and now >= since + self.terms.gives_up_after

    def waited(self, now: datetime) -> timedelta:
        """How long somebody has been asked."""
        return max(timedelta(0), now - self.asked_at) if self.asked_at is not None else timedelta(0)

    @property
    def remind_at(self) -> datetime:
        """When the owner is reminded: not in their quiet hours, and not at all once on-call was told."""
        at = self._clock_starts() + self.terms.remind_after
        return max(at, self.remind_not_before) if self.remind_not_before and self.may_wait else at

    @property
    def escalate_at(self) -> datetime:
        """When on-call is told that nobody answers."""
        return self._clock_starts() + self.terms.escalate_after

    @property
    def expire_at(self) -> datetime:
        """When nobody has answered in time, and what the policy says of silence is done.

        Of an announced start: until when it can be rejected.
        """
        return self._clock_starts() + self.terms.expire_after

    def due_at(self) -> datetime | None:
        """When it has to be looked at again, or ``None`` once it is closed for good."""
        if not self.open:
            return self.undo_until
        if self.asked_at is None and self.quiet_until is not None:
            return min(self.quiet_until, self.fill_in_at or self.quiet_until)
        if self.asked_at is None:
            return self.opened_at  # its card may have been lost on its way, so the resync looks
        coming = [self.expire_at]
        if self.quiet_until is not None:
            coming.append(self.quiet_until)
        if (request := self.waits_for_second) is not None:
            coming.append(request.expires_at)
        if self.fill_in_at is not None:
            coming.append(self.fill_in_at)
        unreminded = self.reminded_at is None and self.escalated_at is None
        if unreminded and self.remind_at < self.expire_at:
            coming.append(self.remind_at)
        if self.escalated_at is None and self.terms.escalate_after < self.terms.expire_after:
            coming.append(self.escalate_at)
        return min(coming)
