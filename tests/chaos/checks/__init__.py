"""The properties, one file each for those that need room. Each check gets evidence and names violations."""

from collections.abc import Callable, Iterable

from tests.chaos.checks.cards import one_approval_per_start
from tests.chaos.checks.containment import contained_or_paged, only_the_nsg_changed
from tests.chaos.checks.decisions import one_decision
from tests.chaos.checks.events import nothing_lost
from tests.chaos.checks.records import audit_holds
from tests.chaos.checks.rights import writes_are_justified
from tests.chaos.checks.strangers import strangers_change_nothing
from tests.chaos.evidence import Evidence, Violation

CHECKS: tuple[Callable[[Evidence], Iterable[Violation]], ...] = (
    writes_are_justified,
    one_approval_per_start,
    one_decision,
    contained_or_paged,
    only_the_nsg_changed,
    nothing_lost,
    strangers_change_nothing,
    audit_holds,
)

PROPERTIES = ("S1", "S2", "S3", "S4", "S5", "S6", "S7", "audit", "secrets")


def judge(evidence: Evidence) -> list[Violation]:
    """All violations of a round, in the order of the properties."""
    return [violation for check in CHECKS for violation in check(evidence)]
