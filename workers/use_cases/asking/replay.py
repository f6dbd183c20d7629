"""What another policy would have made of starts that are on record. It writes nothing.

Not all of a start is kept: ``LOST`` says what isn't.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.asking.terms import Terms, steps_on_silence, steps_undelivered
from workers.domain.policy.guards import Guards, VmInput
from workers.domain.policy.insight import Insight, look_into
from workers.domain.policy.model import NO_RULE, OnSilence, Policy, Verdict
from workers.domain.policy.rules import Rules, Ruling, Undecided
from workers.domain.starts.events import StartEvent
from workers.domain.starts.people import Owner
from workers.use_cases.asking.assess import terms_of

ONCALL = "on-call"
NO_OWNER = "the fallback channel"
SOME_OWNER = "the VM's owner (not on record)"

LOST = (
    "Of a start that passed, and of a question that retention removed, only caller, VM and time are left.",
    "What needs facts can't be judged then. Other facts are as they were read last, perhaps after the ask.",
    "The tags before a start are not kept: rules can't read them, no signal tells that they were changed.",
    "History is as the policy in force then summed it up: settings such as many_minutes don't change it.",
    "An answer is taken to come as late as it did. Who did not answer then is taken never to answer.",
    "A further start of a VM is taken to join its open question, as it did: nobody is told anew.",
)
"""What of a recorded start is no longer known, and what is assumed instead."""


class Fate(StrEnum):
    """What came, or would come, of a start."""

    ASKED = "asked"
    CONTAINED = "contained on silence"
    EXPOSED = "asked, contained if nobody answers"
    OBSERVED = "only observed"
    TOLD = "told"
    RULED = "contained by a rule"
    PASSED = "passed"
    UNKNOWN = "can't be judged"


class Outcome(NamedTuple):
    """The fate of a start.

    Attributes:
        rule: which one decided.
        told: who gets a message, once for each: the ask, the reminder, the escalation.
        risk: the level; empty if not assessed.
        why: why it can't be judged.
    """

    fate: Fate
    rule: str = NO_RULE
    told: tuple[str, ...] = ()
    risk: str = ""
    why: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedStart:
    """A start as it is on record.

    Attributes:
        at: when the rules judged it.
        rule: which one decided.
        passed: whether it passed.
        approval: the question about it; ``None`` if it passed, or retention has removed it.
    """

    event: StartEvent
    at: datetime
    rule: str
    passed: bool = False
    approval: Approval | None = None


def happened(start: RecordedStart) -> Outcome:
    """What came of it."""
    if start.passed:
        return Outcome(Fate.PASSED, start.rule)
    approval = start.approval
    if approval is None:
        return Outcome(Fate.ASKED, start.rule, (SOME_OWNER,))
    if approval.state is ApprovalState.OBSERVED:
        return Outcome(Fate.OBSERVED, start.rule, risk=_level(approval))
    if approval.terms.verdict is Verdict.CONTAIN:
        return Outcome(Fate.RULED, start.rule, _told_of_rule(approval.owner), _level(approval))
    silent = approval.state is ApprovalState.EXPIRED and approval.containment_id is not None
    owner = _named(approval.owner)
    when = ((approval.asked_at, owner), (approval.reminded_at, owner), (approval.escalated_at, ONCALL))
    asked = Fate.TOLD if approval.terms.verdict is Verdict.TELL else Fate.ASKED
    return Outcome(
        Fate.CONTAINED if silent else asked,
        start.rule,
        tuple(whom for at, whom in when if at is not None),
        _level(approval),
    )


class Replay:
    """Judges recorded starts by a policy.

    Args:
        policy: the changed one.
        now: the present time: open questions have waited until then.
    """

    def __init__(self, policy: Policy, now: datetime) -> None:
        self._policy = policy
        self._now = now
        self._rules = Rules(policy.rules)
        self._guards = Guards(policy.never)

    def would(self, start: RecordedStart) -> Outcome:
        """What this policy would have made of it."""
        ruling = self._rules.early(start.event, start.at)
        insight = self._insight(start)
        if isinstance(ruling, Undecided):
            if insight is None or start.approval is None:
                name = self._rules.needing_facts[0].name
                return Outcome(Fate.UNKNOWN, why=f"the rule {name!r} needs facts, which are not kept")
            ruling = ruling.decide(start.approval.facts, insight)
        risk = insight.risk.level.value if insight else ""
        if ruling.verdict is Verdict.PASS:
            return Outcome(Fate.PASSED, ruling.name, risk=risk)
        if ruling.verdict in (Verdict.TELL, Verdict.CONTAIN):
            return self._not_asked(start, ruling, insight)
        terms = terms_of(self._policy, ruling)
        if start.approval is None or insight is None:
            exposed = bool(steps_on_silence(terms))
            fate = Fate.EXPOSED if exposed else Fate.ASKED
            return Outcome(fate, ruling.name, (SOME_OWNER,))
        fate, told = self._asked(start.approval, insight, terms)
        return Outcome(fate, ruling.name, told, risk)

    def _not_asked(self, start: RecordedStart, ruling: Ruling, insight: Insight | None) -> Outcome:
        """What comes of a start that is announced, or whose VM a rule contains."""
        owner = insight.asked if insight else None
        if ruling.verdict is Verdict.CONTAIN:
            told = _told_of_rule(owner) if owner else (SOME_OWNER, ONCALL)
            return Outcome(Fate.RULED, ruling.name, told, insight.risk.level.value if insight else "")
        told = (_named(owner) if owner else SOME_OWNER,)
        if start.approval is not None and start.approval.state is ApprovalState.JOINED:
            told = ()
        return Outcome(Fate.TOLD, ruling.name, told, insight.risk.level.value if insight else "")

    def _insight(self, start: RecordedStart) -> Insight | None:
        if start.approval is None:
            return None
        return look_into(self._policy, start.event, start.approval.facts, past=start.approval.history)

    def _asked(self, approval: Approval, insight: Insight, terms: Terms) -> tuple[Fate, tuple[str, ...]]:
        """What comes of a question on these terms, if it is answered as late as it was, or not at all."""
        if approval.state is ApprovalState.JOINED:
            return Fate.ASKED, ()
        waited, owner = self._waited(approval), _named(insight.asked)
        guard = self._guards.judge(VmInput(approval.event.vm, approval.facts, insight.by_tags)).guard
        if approval.state is ApprovalState.OBSERVED:  # nobody knows whether they would have answered
            return Fate.EXPOSED if steps_on_silence(terms) and not guard else Fate.ASKED, (owner,)
        expires = waited >= terms.expire_after
        if approval.asked_at is None:  # its card never reached anybody
            expires = waited >= terms.gives_up_after
            if expires and steps_undelivered(terms) and not guard:
                return Fate.CONTAINED, ()
            return Fate.ASKED, (ONCALL,) if expires else ()
        contains = expires and bool(steps_on_silence(terms)) and not guard
        reminded = waited >= terms.remind_after < terms.escalate_after
        escalated = waited >= terms.escalate_after < terms.expire_after
        at_the_end = expires and not contains and (bool(guard) or terms.on_silence is OnSilence.ESCALATE)
        told = (owner, *((owner,) if reminded else ()), *((ONCALL,) if escalated or at_the_end else ()))
        return Fate.CONTAINED if contains else Fate.ASKED, told

    def _waited(self, approval: Approval) -> timedelta:
        """How long the question was open; without end if nobody ever answered."""
        if approval.state is ApprovalState.EXPIRED:
            return timedelta.max
        return (approval.closed_at or self._now) - (approval.asked_at or approval.opened_at)


def exposed(approval: Approval) -> bool:
    """Whether its VM is contained if nobody answers."""
    return bool(steps_on_silence(approval.terms)) and not approval.guarded and _asks(approval)


def would_reach(approval: Approval) -> tuple[str, ...]:
    """Whom an observed start would have reached, once for each message, as far as nobody had to wait."""
    owner = _named(approval.owner)
    if approval.terms.verdict is Verdict.CONTAIN:
        return _told_of_rule(approval.owner)
    return (owner, ONCALL) if _asks(approval) and not approval.owner.known else (owner,)


def _asks(approval: Approval) -> bool:
    return approval.terms.verdict is Verdict.ASK


def _level(approval: Approval) -> str:
    return approval.level_when_opened.value if approval.risk else ""


def _told_of_rule(owner: Owner) -> tuple[str, ...]:
    """The owner gets the card, and on-call is called."""
    return (_named(owner), ONCALL)


def _named(owner: Owner) -> str:
    return ", ".join(owner.named) or NO_OWNER
