"""Whether somebody expects a start, and what that makes of it.

An expectation lets a start pass that would have been asked about. It overrules nothing else: a start that a
rule contains is contained, and so is one while its VM is contained. At high risk it is asked about all the
same, unless the policy says otherwise; and where a missing fact could raise the risk, it counts as high. A
start that only a sweep found is asked about in any case: nobody knows who it was.
"""

from collections.abc import Sequence
from functools import lru_cache

from workers.domain.policy.ahead.settings import AtHighRisk, ExpectPolicy
from workers.domain.policy.cel.conditions import Condition, Unevaluated, activation
from workers.domain.policy.cel.variables import RuleInput, known_values
from workers.domain.policy.model import Verdict
from workers.domain.policy.rules import Ruling
from workers.domain.starts.ahead.expectations import Expectation
from workers.domain.starts.risk import Level


def by_expectation(
    ruling: Ruling, covering: Sequence[Expectation], given: RuleInput, settings: ExpectPolicy
) -> Ruling:
    """The ruling, or that the start passes since it is expected.

    Args:
        ruling: what the rules say.
        covering: expectations that may be about the start.
        given: the start, its facts as far as they are known, and what the policy makes of them.
        settings: of the policy.

    Returns:
        The same ruling where none is about the start. Where one is, and the risk is high, the same verdict
        with ``expected``, so that the card says who expected it.
    """
    if ruling.verdict is not Verdict.ASK or given.insight is None:
        return ruling
    found = next((one for one in covering if one.covers(given.event) and _holds(one, given)), None)
    if found is None:
        return ruling
    risky = given.insight.risk.highest is Level.HIGH and settings.at_high_risk is AtHighRisk.ASK
    return ruling.expected_by(found, passes=not risky and not given.event.swept)


def _holds(one: Expectation, given: RuleInput) -> bool:
    if not one.when:
        return True
    condition = _condition(one.when)
    known = known_values(given, condition.variables)
    try:
        if given.known_in_part & known.keys():
            return False  # a fact is missing, and it may be the one that matters
        return condition.holds(activation(known))
    except Unevaluated:
        return False


@lru_cache(maxsize=200)
def _condition(expression: str) -> Condition:
    """It was checked when it was announced."""
    return Condition(expression)
