"""What the policy makes of a start: whether to ask, whom, on which terms, and what a rejection will do."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from workers.domain.approvals import Terms
from workers.domain.events import StartEvent
from workers.domain.facts import Facts
from workers.domain.people import Owner, owner_from_tags
from workers.domain.plans import Plan, PlannedStep
from workers.domain.policy import LockdownProfile, Policy
from workers.domain.ports import StepRunner
from workers.domain.rules import Rules, Ruling, Undecided
from workers.domain.vm import VmRef


class Assessment(NamedTuple):
    """The policy's word on one start."""

    owner: Owner
    terms: Terms
    plan: Plan


class Assess:
    """Pure but for the policy, which is read at the call.

    Args:
        runners: the steps that plans are made of.
        policy: gives the policy in force.
    """

    def __init__(self, *, runners: Sequence[StepRunner], policy: Callable[[], Policy]) -> None:
        self._runners = {runner.name: runner for runner in runners}
        self._policy = policy
        self._compiled: tuple[Policy, Rules] | None = None

    def early(self, event: StartEvent, now: datetime) -> Ruling | Undecided:
        """What the rules say before anything is asked of Azure."""
        return self._rules().early(event, now)

    def late(self, undecided: Undecided, facts: Facts) -> Ruling:
        """What they say with the facts, as far as those are known."""
        return undecided.decide(facts, self.owner(facts))

    def __call__(self, ruling: Ruling, vm: VmRef, facts: Facts, now: datetime) -> Assessment:
        """Owner by tag; deadlines and lockdown by the rule, else the defaults; that lockdown's plan."""
        policy = self._policy()
        asking = policy.defaults.but(ruling.rule) if ruling.rule else policy.defaults
        lockdown = policy.profile(asking.lockdown)
        return Assessment(
            owner=self.owner(facts),
            terms=Terms(
                remind_after=asking.remind_after,
                escalate_after=asking.escalate_after,
                expire_after=asking.expire_after,
                on_silence=asking.on_silence,
                lockdown=lockdown,
                rule=ruling.name,
            ),
            plan=self.plan(vm, facts, lockdown, now),
        )

    def owner(self, facts: Facts) -> Owner:
        """Who owns the VM, by its tags."""
        return owner_from_tags(facts.tags, self._policy().owner.tags, tags_known=facts.machine is not None)

    def plan(self, vm: VmRef, facts: Facts, profile: LockdownProfile, now: datetime) -> Plan:
        """What the profile will do to this VM, as far as the facts tell."""
        return Plan(
            profile=profile.name,
            steps=tuple(
                PlannedStep(step=name, change=self._runners[name].plan(vm, facts, profile))
                for name in profile.steps
            ),
            as_of=facts.gathered_at or now,
        )

    def _rules(self) -> Rules:
        policy = self._policy()
        if self._compiled is None or self._compiled[0] is not policy:
            self._compiled = policy, Rules(policy.rules)
        return self._compiled[1]
