"""Which open question comes first."""

from collections.abc import Iterable

from workers.domain.asking.approvals import Approval
from workers.domain.starts.risk import Level


def by_urgency(questions: Iterable[Approval]) -> list[Approval]:
    """The riskiest first; of equal ones, those that nobody could be asked about, then what ends first."""
    return sorted(
        questions,
        key=lambda one: (
            -(one.risk.level if one.risk else Level.LOW).rank,
            one.asked_at is not None,
            one.expire_at,
            one.id,
        ),
    )
