"""What the policy makes of a start's facts: who is asked, on which terms, and what a rejection will do."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from workers.domain.approvals import Terms
from workers.domain.facts import Facts
from workers.domain.people import Owner, owner_from_tags
from workers.domain.plans import Plan, PlannedStep
from workers.domain.policy import LockdownProfile, Policy
from workers.domain.ports import StepRunner
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

    def __call__(self, vm: VmRef, facts: Facts, now: datetime) -> Assessment:
        """Owner by tag, deadlines, and the plan of the default lockdown."""
        policy = self._policy()
        defaults = policy.defaults
        return Assessment(
            owner=owner_from_tags(facts.tags, policy.owner.tags, tags_known=facts.machine is not None),
            terms=Terms(
                remind_after=defaults.remind_after,
                escalate_after=defaults.escalate_after,
                expire_after=defaults.expire_after,
                on_silence=defaults.on_silence,
                lockdown=policy.lockdown,
            ),
            plan=self.plan(vm, facts, policy.lockdown, now),
        )

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
