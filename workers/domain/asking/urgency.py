"""Which open question comes first."""

from collections.abc import Iterable

from workers.domain.asking.approvals import Approval
from workers.domain.starts.risk import Level


def by_urgency(questions: Iterable[Approval]) -> list[Approval]:
    """Those that ask: the riskiest first, then those that nobody got, then those that end first."""
    return sorted(
        (one for one in questions if one.asks),
        key=lambda one: (
            -(one.risk.level if one.risk else Level.LOW).rank,
            one.asked_at is not None,
            one.expire_at,
            one.id,
        ),
    )
