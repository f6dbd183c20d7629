"""The audit's records of a start."""

from datetime import datetime

from workers.domain.asking.approvals import Approval
from workers.domain.audit import AuditRecord
from workers.domain.policy.rules import Ruling
from workers.domain.starts.events import StartEvent
from workers.domain.starts.risk import Risk


def start_record(
    kind: str,
    event: StartEvent,
    at: datetime,
    approval: Approval | None = None,
    ruling: Ruling | None = None,
    *,
    risk: Risk | None = None,
) -> AuditRecord:
    """A record about a start. ``approval``, ``ruling`` and ``risk`` add what came of it."""
    details: dict[str, object] = {
        "caller": event.caller.model_dump(mode="json"),
        "correlation_id": event.correlation_id,
        "started_at": event.at.isoformat(),
        "shape": event.shape,
    }
    if event.swept:
        details["found_by"] = "sweep"
    if ruling is not None:
        details |= _of_ruling(ruling)
    if ruling is not None and approval is None:
        details["phase"] = event.phase.value
    if approval is not None:
        details["owner"] = approval.owner.model_dump(mode="json")
        details["missing"] = [fact.name for fact in approval.facts.missing]
        if approval.guarded:
            details["guarded"] = approval.guarded
        risk = approval.risk or risk
        if approval.closed_because:
            details["because"] = approval.closed_because
    if risk is not None:
        details["risk"] = risk.summary
    return AuditRecord(
        kind=kind, at=at, about=approval.id if approval else "", vm=event.vm.key, details=details
    )


def _of_ruling(ruling: Ruling) -> dict[str, object]:
    """Which rule of which policy decided what, and who expected the start."""
    details: dict[str, object] = {"rule": ruling.name, "verdict": ruling.verdict.value}
    if ruling.expected is not None:
        details["expected"] = ruling.expected.summary
    if ruling.policy is not None and ruling.policy.digest:
        details["policy"] = ruling.policy.digest
    if ruling.unevaluated:
        details["unevaluated"] = ruling.unevaluated
    return details
