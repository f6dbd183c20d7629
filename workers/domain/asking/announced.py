"""An announcement that becomes a question, because its risk turns out to be high."""

from datetime import datetime

from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.asking.terms import Terms
from workers.domain.errors import Conflict
from workers.domain.starts.risk import Level


def risen_to_high(approval: Approval) -> bool:
    """Whether its risk has become high since somebody was asked or told."""
    now = approval.risk.level if approval.risk else Level.LOW
    return now is Level.HIGH and approval.level_when_opened is not Level.HIGH


def asked_after_all(announced: Approval, terms: Terms, now: datetime) -> Approval:
    """The announcement as a question on these terms, whose deadlines count from now.

    Raises:
        Conflict: it is no open announcement any more.
    """
    if announced.state is not ApprovalState.TOLD:
        raise Conflict(f"approval {announced.id} is {announced.state}")
    return announced.changed(state=ApprovalState.PENDING, terms=terms.later_by(announced.waited(now)))
