"""What the policy says about a start: whether to ask, whom, on which terms, and what a rejection will do."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple, TypeVar

from workers.domain.asking.approvals import Terms
from workers.domain.containment.grants import grants_of
from workers.domain.containment.locks import obstacles_of
from workers.domain.containment.plans import Plan, PlannedStep
from workers.domain.containment.profile import LockdownProfile
from workers.domain.policy.model import Contain, OnSilence, OnUndelivered, Policy
from workers.domain.policy.rules import Rules, Ruling, Undecided
from workers.domain.ports.steps import StepRunner
from workers.domain.starts.events import StartEvent
from workers.domain.starts.facts import Facts
from workers.domain.starts.owner_tags import owner_from_tags
from workers.domain.starts.people import Owner
from workers.domain.starts.vm import VmRef

_Word = TypeVar("_Word", OnSilence, OnUndelivered)


class Assessment(NamedTuple):
    """What the policy says about one start."""

    owner: Owner
    terms: Terms
    plan: Plan


class _Compiled(NamedTuple):
    """A policy, its compiled rules, and the terms of each rule that asked about a start so far."""

    policy: Policy
    rules: Rules
    terms: dict[str, Terms]


class Assess:
    """Has no effects. Only the policy is read anew at each call.

    Args:
        runners: say what each step will change.
        policy: gives the policy in force.
    """

    def __init__(self, *, runners: Sequence[StepRunner], policy: Callable[[], Policy]) -> None:
        self._runners = {runner.name: runner for runner in runners}
        self._policy = policy
        self._in_force: _Compiled | None = None

    def early(self, event: StartEvent, now: datetime) -> Ruling | Undecided:
        """What the rules say before Azure is asked for any fact."""
        return self._compiled().rules.early(event, now)

    def late(self, undecided: Undecided, facts: Facts) -> Ruling:
        """What the rules say with the facts that are known."""
        return undecided.decide(facts, self.owner(facts))

    def __call__(self, ruling: Ruling, vm: VmRef, facts: Facts, now: datetime) -> Assessment:
        """The owner by tag, the terms by the rule or else the defaults, and the plan of their lockdown."""
        terms = self._terms(ruling)
        return Assessment(
            owner=self.owner(facts), terms=terms, plan=self.plan(vm, facts, terms.lockdown, now)
        )

    def owner(self, facts: Facts) -> Owner:
        """Who owns the VM, by its tags."""
        return owner_from_tags(facts.tags, self._policy().owner.tags, tags_known=facts.machine is not None)

    def plan(self, vm: VmRef, facts: Facts, profile: LockdownProfile, now: datetime) -> Plan:
        """What the profile will do to this VM, as far as the facts say."""
        return Plan(
            profile=profile.name,
            steps=tuple(
                PlannedStep(step=name, change=self._runners[name].plan(vm, facts, profile))
                for name in profile.steps
            ),
            as_of=facts.gathered_at or now,
            obstacles=obstacles_of(facts, vm),
            grants=grants_of(facts),
        )

    def _terms(self, ruling: Ruling) -> Terms:
        """The terms of a rule are the same for every start."""
        policy, _, terms = self._compiled()
        known = terms.get(ruling.name)
        if known is None:
            asking = policy.defaults.but(ruling.rule) if ruling.rule else policy.defaults
            known = terms[ruling.name] = Terms(
                remind_after=asking.remind_after,
                escalate_after=asking.escalate_after,
                expire_after=asking.expire_after,
                on_silence=_word(asking.on_silence, OnSilence.CONTAIN),
                on_undelivered=_word(asking.on_undelivered, OnUndelivered.CONTAIN),
                lockdown=policy.profile(asking.lockdown),
                silence_lockdown=_own(policy, asking.on_silence),
                undelivered_lockdown=_own(policy, asking.on_undelivered),
                rule=ruling.name,
            )
        return known

    def _compiled(self) -> _Compiled:
        """The policy in force, compiled once."""
        policy = self._policy()
        if self._in_force is None or self._in_force.policy is not policy:
            self._in_force = _Compiled(policy, Rules(policy.rules), {})
        return self._in_force


def _word(given: _Word | Contain, contain: _Word) -> _Word:
    return contain if isinstance(given, Contain) else given


def _own(policy: Policy, given: OnSilence | OnUndelivered | Contain) -> LockdownProfile | None:
    """The profile that it names; ``None`` where that of a rejection holds."""
    return policy.profile(given.contain) if isinstance(given, Contain) else None
