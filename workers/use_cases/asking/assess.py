"""What the policy says about a start: whether to ask, whom, on which terms, and what a rejection will do."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple, TypeVar

from workers.domain.asking.terms import Terms, announcement
from workers.domain.containment.foresight.impact import impact_of
from workers.domain.containment.grants import grants_of
from workers.domain.containment.locks.others import obstacles_of
from workers.domain.containment.plans import Plan, PlannedStep
from workers.domain.containment.profile import LockdownProfile
from workers.domain.policy.ahead.expected import by_expectation
from workers.domain.policy.cel.variables import RuleInput
from workers.domain.policy.guards import Guards, VmInput
from workers.domain.policy.insight import Insight, look_into
from workers.domain.policy.model import Contain, OnSilence, OnUndelivered, Policy, Verdict
from workers.domain.policy.rules import Rules, Ruling, Undecided
from workers.domain.ports.azure.steps import StepRunner
from workers.domain.ports.store import Background
from workers.domain.starts.ahead.expectations import Expectation
from workers.domain.starts.events import StartEvent
from workers.domain.starts.facts import Facts
from workers.domain.starts.past.history import History
from workers.domain.starts.people import Owner
from workers.domain.starts.vm import VmRecord, VmRef

_Word = TypeVar("_Word", OnSilence, OnUndelivered)


class Assessment(NamedTuple):
    """What the policy says about one start."""

    terms: Terms
    plan: Plan
    guarded: str = ""


class _Compiled(NamedTuple):
    """A policy, its compiled rules and guards, and the terms of each rule that asked about a start so far."""

    policy: Policy
    rules: Rules
    guards: Guards
    terms: dict[str, Terms]


class Assess:
    """Has no effects. Only the policy in force is read anew, where no ruling says by which one to judge.

    Args:
        runners: say what each step will change.
        policy: gives the policy in force.
    """

    def __init__(self, *, runners: Sequence[StepRunner], policy: Callable[[], Policy]) -> None:
        self._runners = {runner.name: runner for runner in runners}
        self._policy = policy
        self._kept: tuple[_Compiled, ...] = ()

    @property
    def policy(self) -> Policy:
        """The one in force."""
        return self._policy()

    def named(self, event: StartEvent) -> StartEvent:
        """The start with its caller's application by the name that the policy gives it."""
        caller = event.caller.called(self._policy().apps)
        return event if caller is event.caller else event.model_copy(update={"caller": caller})

    @property
    def observes(self) -> bool:
        """Whether the policy only observes."""
        return self._policy().observes

    def early(self, event: StartEvent, now: datetime) -> Ruling | Undecided:
        """What the rules say before Azure is asked for any fact."""
        return self._compiled().rules.early(event, now)

    def insight(
        self,
        event: StartEvent,
        facts: Facts,
        background: Background | None,
        record: VmRecord,
        *,
        known: History | None = None,
        policy: Policy | None = None,
    ) -> Insight:
        """Whose VM it is, what was before, and the risk.

        Args:
            event: the start.
            facts: as far as they are known.
            background: what was read with the start.
            record: the VM's.
            known: the history as it was when the start was asked about.
            policy: by which the start is judged; by default the one in force.
        """
        return look_into(
            policy or self._policy(),
            event,
            facts,
            past=known or (background.past if background else None),
            line=background.line if background else None,
            contained=record.containment_id is not None,
        )

    def late(self, undecided: Undecided, facts: Facts, insight: Insight) -> Ruling:
        """What the rules say with the facts that are known."""
        return undecided.decide(facts, insight)

    def expected(self, ruling: Ruling, covering: Sequence[Expectation], given: RuleInput) -> Ruling:
        """What the ruling becomes if somebody expected the start; ``covering`` may be about it."""
        return by_expectation(ruling, covering, given, (ruling.policy or self._policy()).expect)

    def __call__(self, ruling: Ruling, vm: VmRef, facts: Facts, owner: Owner, now: datetime) -> Assessment:
        """The terms by the rule or else the defaults, the plan of their lockdown, and the guard."""
        terms = self._terms(ruling)
        plan = self.plan(vm, facts, terms.lockdown, now)
        guarded = self.guarded(vm, facts, owner, policy=ruling.policy)
        return Assessment(terms=terms, plan=plan, guarded=guarded)

    def asking(self) -> Terms:
        """The terms on which the policy in force asks where no rule says otherwise."""
        return terms_of(self._policy(), Ruling(verdict=Verdict.ASK))

    def guarded(self, vm: VmRef, facts: Facts, owner: Owner, *, policy: Policy | None = None) -> str:
        """The guard by which the policy never contains this VM; empty as far as the facts say.

        Whoever contains it asks again, with the VM as it is then.
        """
        return self._compiled(policy).guards.judge(VmInput(vm, facts, owner)).guard

    def plan(self, vm: VmRef, facts: Facts, profile: LockdownProfile, now: datetime) -> Plan:
        """What the profile will do to this VM, as far as the facts say."""
        return Plan(
            profile=profile.name,
            steps=tuple(
                PlannedStep(step=name, change=self._runners[name].plan(vm, facts, profile))
                for name in profile.steps
            ),
            as_of=facts.gathered_at or now,
            impact=impact_of(facts, profile),
            obstacles=obstacles_of(facts, vm),
            grants=grants_of(facts),
        )

    def _terms(self, ruling: Ruling) -> Terms:
        """The terms of a rule are the same for every start."""
        policy, _, _, terms = self._compiled(ruling.policy)
        known = terms.get(ruling.name)
        if known is None:
            known = terms[ruling.name] = terms_of(policy, ruling)
        return known

    def _compiled(self, policy: Policy | None = None) -> _Compiled:
        """A policy, or else the one in force, compiled once. The one before is kept: it may still judge."""
        policy = policy or self._policy()
        for known in self._kept:
            if known.policy is policy:
                return known
        made = _Compiled(policy, Rules(policy.rules, policy), Guards(policy.never), {})
        self._kept = (made, *self._kept[:1])
        return made


def terms_of(policy: Policy, ruling: Ruling) -> Terms:
    """On which terms the policy asks about a start, announces it, or contains its VM."""
    asking = policy.defaults.but(ruling.rule) if ruling.rule else policy.defaults
    if ruling.verdict is Verdict.TELL:
        return announcement(asking.reject_within, policy.profile(asking.lockdown), ruling.name)
    return Terms(
        verdict=ruling.verdict,
        remind_after=asking.remind_after,
        escalate_after=asking.escalate_after,
        expire_after=asking.expire_after,
        undelivered_after=asking.undelivered_after,
        on_silence=_word(asking.on_silence, OnSilence.CONTAIN),
        on_undelivered=_word(asking.on_undelivered, OnUndelivered.CONTAIN),
        lockdown=policy.profile(asking.lockdown),
        silence_lockdown=_own(policy, asking.on_silence),
        undelivered_lockdown=_own(policy, asking.on_undelivered),
        rule=ruling.name,
        grace=policy.grace,
        self_confirm=policy.people.self_confirm.up_to,
        oncall_self_confirm=policy.people.self_confirm.oncall,
        second_within=policy.two_person.expire_after if _by_two(policy, ruling) else None,
    )


def _by_two(policy: Policy, ruling: Ruling) -> bool:
    """Whether it takes two persons to confirm."""
    by_rule = ruling.rule.two_person_confirm if ruling.rule else None
    return policy.two_person.confirm if by_rule is None else by_rule


def _word(given: _Word | Contain, contain: _Word) -> _Word:
    return contain if isinstance(given, Contain) else given


def _own(policy: Policy, given: OnSilence | OnUndelivered | Contain) -> LockdownProfile | None:
    """The profile that it names; ``None`` where that of a rejection holds."""
    return policy.profile(given.contain) if isinstance(given, Contain) else None
