"""What the policy in force makes of a start: each rule its own terms, and always those of today's policy."""

from datetime import timedelta

from tests import builders as a
from tests.doubles import FakeRunner
from workers.domain.asking.approvals import Terms
from workers.domain.containment.plans import StepName
from workers.domain.containment.profile import LockdownProfile
from workers.domain.policy.model import Defaults, Policy, Rule, Verdict
from workers.domain.policy.rules import Ruling
from workers.use_cases.asking.assess import Assess

QUICK = Rule(name="quick", when="true", expire_after=timedelta(minutes=1))
HARD = Rule(name="hard", when="true", lockdown="isolated")
LOCKDOWNS = {"standard": LockdownProfile(), "isolated": LockdownProfile(steps=(StepName.ISOLATE,))}


class Desk:
    """Assesses by a policy that may be another one the next time."""

    def __init__(self) -> None:
        self.policy = self.of(Defaults())
        self._assess = Assess(runners=[FakeRunner(name) for name in StepName], policy=lambda: self.policy)

    @staticmethod
    def of(defaults: Defaults) -> Policy:
        return a.policy(defaults=defaults, rules=(QUICK, HARD), lockdowns=LOCKDOWNS)

    def terms(self, rule: Rule | None = None) -> Terms:
        return self._assess(
            Ruling(verdict=Verdict.ASK, rule=rule), a.vm_ref(), a.facts(), a.owner(), a.NOW
        ).terms


def test_each_rule_has_terms_of_its_own_however_often_it_is_asked_for() -> None:
    desk = Desk()
    for _ in range(2):
        assert desk.terms(QUICK).expire_after == timedelta(minutes=1)
        assert desk.terms(HARD).lockdown.steps == (StepName.ISOLATE,)
        assert desk.terms().expire_after == Defaults().expire_after
        assert {desk.terms(rule).rule for rule in (QUICK, HARD, None)} == {"quick", "hard", "defaults"}


def test_terms_of_a_policy_end_with_it() -> None:
    desk = Desk()
    before = desk.terms()
    desk.policy = desk.of(Defaults(remind_after=before.remind_after / 2))
    assert desk.terms().remind_after == before.remind_after / 2
    assert desk.terms(HARD).remind_after == before.remind_after / 2
