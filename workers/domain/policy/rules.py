"""Which rule decides about a start: the first whose condition holds, else the defaults.

A rule whose condition can't be evaluated does not match, and the ruling names it. But a missing fact never
makes a start pass, and never has a VM contained: if an earlier rule could not be evaluated for that, no later
rule does what is milder than it, and none contains the VM. If no other rule matches, the owner is asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from workers.domain.policy.cel.conditions import Condition, Unevaluated, activation
from workers.domain.policy.cel.variables import RuleInput, known_values
from workers.domain.policy.cel.why import why_not
from workers.domain.policy.insight import Insight
from workers.domain.policy.model import NO_RULE, Policy, Rule, Verdict
from workers.domain.starts.ahead.expectations import Expectation
from workers.domain.starts.events import StartEvent
from workers.domain.starts.facts import Facts

EXPECTED = "expected"
"""How the audit names the rule of a start that passed since somebody expected it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ruling:
    """What the rules say of a start.

    Attributes:
        rule: the one that matched; ``None`` where the defaults hold.
        unevaluated: rules before it that could not be applied: name → reason.
        expected: who expected the start ahead, if anybody did.
        policy: the whole one that the rules are of, where that is known: a start that one policy began to
            judge is judged by it to the end, though another comes into force meanwhile.
    """

    verdict: Verdict
    rule: Rule | None = None
    unevaluated: dict[str, str] = field(default_factory=dict)
    expected: Expectation | None = None
    policy: Policy | None = None

    @property
    def name(self) -> str:
        """The rule's name, for the audit."""
        if self.expected is not None and self.verdict is Verdict.PASS:
            return EXPECTED
        return self.rule.name if self.rule else NO_RULE

    def expected_by(self, expectation: Expectation, *, passes: bool) -> "Ruling":
        """Somebody expected the start; then it passes, or this ruling stands and tells so."""
        if passes:
            return replace(self, verdict=Verdict.PASS, rule=None, expected=expectation)
        return replace(self, expected=expectation)

    def overruled(self, why: str) -> "Ruling":
        """Ask on the terms of the defaults, though a rule lets it pass; ``why`` is noted with its name."""
        unevaluated = {**self.unevaluated, self.name: why}
        return Ruling(verdict=Verdict.ASK, unevaluated=unevaluated, policy=self.policy)


class RuleOutcome(StrEnum):
    """What came of one rule's condition."""

    MATCHES = "matches"
    DIFFERS = "does not match"
    NEEDS_FACTS = "needs facts"
    UNEVALUATED = "can't be evaluated"


class RuleCheck(NamedTuple):
    """One rule, and what came of its condition; ``reason`` says why it does not match, if it can."""

    rule: Rule
    outcome: RuleOutcome
    reason: str = ""


class Rules:
    """A policy's rules, compiled.

    Args:
        rules: in their order.
        policy: the whole one that they are of; rulings carry it.

    Attributes:
        needing_facts: those that read something which only Azure knows.

    Raises:
        InvalidCondition: a condition is invalid. Policy files were checked for that before.
    """

    def __init__(self, rules: Sequence[Rule], policy: Policy | None = None) -> None:
        self.policy = policy
        self._rules = [(rule, Condition(rule.when)) for rule in rules]
        self.needing_facts = tuple(rule for rule, condition in self._rules if condition.needs_facts)
        first = next((n for n, (_, c) in enumerate(self._rules) if c.needs_facts), len(self._rules))
        self._early, self._late = self._rules[:first], self._rules[first:]
        self._early_names = frozenset(name for _, c in self._early for name in c.variables)
        self._late_names = frozenset(name for _, c in self._late for name in c.variables)

    def early(self, event: StartEvent, now: datetime) -> "Ruling | Undecided":
        """Decide without facts, up to the first rule that needs some."""
        unevaluated: dict[str, str] = {}
        if self._early:
            rule = _first(self._early, known_values(RuleInput(event, now), self._early_names), unevaluated)
            if rule is not None:
                return self._ruling(rule, unevaluated)
        if not self._late:
            return self._ruling(None, unevaluated)
        return Undecided(self, event, now, unevaluated)

    def late(self, undecided: "Undecided", facts: Facts, insight: Insight) -> Ruling:
        """Decide with facts, from the rule at which ``early`` stopped."""
        unevaluated = dict(undecided.unevaluated)
        given = RuleInput(undecided.event, undecided.now, facts, insight)
        known = known_values(given, self._late_names)
        rule = _first(self._late, known, unevaluated, in_part=given.known_in_part)
        return self._ruling(rule, unevaluated)

    def _ruling(self, rule: Rule | None, unevaluated: dict[str, str]) -> Ruling:
        verdict = rule.verdict if rule else Verdict.ASK
        return Ruling(verdict=verdict, rule=rule, unevaluated=unevaluated, policy=self.policy)

    def check_each(self, given: RuleInput) -> list[RuleCheck]:
        """The outcome of each rule, whether or not an earlier one matches."""
        return [_check(rule, condition, given) for rule, condition in self._rules]


@dataclass(frozen=True, slots=True)
class Undecided:
    """No rule before the first that needs facts matched."""

    rules: Rules
    event: StartEvent
    now: datetime
    unevaluated: dict[str, str]

    @property
    def policy(self) -> Policy | None:
        """The whole one that the rules are of."""
        return self.rules.policy

    def decide(self, facts: Facts, insight: Insight) -> Ruling:
        """Decide with the facts that are known, and with what the policy makes of them."""
        return self.rules.late(self, facts, insight)


def _first(
    rules: list[tuple[Rule, Condition]],
    known: dict[str, object],
    unevaluated: dict[str, str],
    *,
    in_part: frozenset[str] = frozenset(),
) -> Rule | None:
    values, doubtful = activation(known), list[Rule]()
    for rule, condition in rules:
        try:
            if not condition.holds(values):
                continue
        except Unevaluated as why:
            unevaluated[rule.name] = str(why)
            if not condition.facts <= known.keys() - in_part:
                doubtful.append(rule)
            continue
        doubt = next((one for one in doubtful if yields(rule, one)), None)
        if doubt is not None:
            # With the missing fact, that rule might have decided.
            unevaluated[rule.name] = f"holds, but it is not known whether {doubt.name!r} does"
            continue
        return rule
    return None


def yields(rule: Rule, doubtful: Rule) -> bool:
    """Whether a rule must not decide, because an earlier one, which can't be evaluated, might have."""
    milder = rule.verdict.strictness < doubtful.verdict.strictness
    contains = rule.verdict is Verdict.CONTAIN and doubtful.verdict is not Verdict.CONTAIN
    return contains or (milder and rule.verdict is not Verdict.ASK)


def _check(rule: Rule, condition: Condition, given: RuleInput) -> RuleCheck:
    if condition.needs_facts and given.facts is None:
        return RuleCheck(rule, RuleOutcome.NEEDS_FACTS)
    known = known_values(given, condition.variables)
    try:
        if condition.holds(activation(known)):
            return RuleCheck(rule, RuleOutcome.MATCHES)
    except Unevaluated as why:
        return RuleCheck(rule, RuleOutcome.UNEVALUATED, str(why))
    return RuleCheck(rule, RuleOutcome.DIFFERS, why_not(rule.when, known))
