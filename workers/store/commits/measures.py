"""What is written is measured: times and counts come from the audit's records, each once, by who wrote it.

So no use case counts anything, and a repeated or refused write is not counted.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from workers.domain.asking.approvals import Approval
from workers.domain.audit import AuditRecord
from workers.domain.containment.containment import Containment
from workers.domain.ports.store import Commit
from workers.telemetry.instruments import (
    ANSWER,
    APPROVALS,
    ASK,
    CONTAIN,
    CONTAINMENTS,
    FIRST_WRITE,
    REFUSED,
    RESTORE,
    STEPS,
)

D = TypeVar("D", Approval, Containment)

_UNREPORTED = frozenset({"wrote", "progress", "reported"})
"""Steps are told of in these, too, without anything having become of them."""


def measure(commit: Commit, *, first_write: bool) -> None:
    """Measure what was just written.

    Args:
        commit: what was written.
        first_write: whether it brings the first exchanges with Azure that its containment has.
    """
    for record in commit.audit:
        subject, _, event = record.kind.partition(".")
        if event in ("refused", "guarded", "unjustified"):
            REFUSED.add(1, {"kind": record.kind})
        take = _TAKES.get(subject)
        if take is not None:
            take(commit, record, event)
    if first_write:
        _first_write(commit)


def _approval(commit: Commit, record: AuditRecord, event: str) -> None:
    approval = _named(commit, Approval, record.about)
    if approval is None:
        return
    if event == "escalated" and approval.asked_at is None:
        event = "undelivered"
    APPROVALS.add(1, {"event": event})
    if approval.asked_at is None:
        return
    if event == "asked":
        ASK.record(_seconds(approval.asked_at - approval.event.at), {"risk": str(approval.level)})
    elif event in ("confirmed", "rejected"):
        ANSWER.record(_seconds(record.at - approval.asked_at), {"answer": event})


def _containment(commit: Commit, record: AuditRecord, event: str) -> None:
    CONTAINMENTS.add(1, {"event": record.kind})
    containment = _named(commit, Containment, record.about)
    if containment is None or containment.ended_at is None:
        return
    if record.kind in ("containment.contained", "containment.incomplete"):
        labels = {"cause": str(containment.cause.kind), "outcome": event}
        CONTAIN.record(_seconds(containment.ended_at - _demanded(containment)), labels)
    elif record.kind in ("containment.restored", "restore.incomplete") and containment.restoration:
        RESTORE.record(_seconds(containment.ended_at - containment.restoration.at), {"outcome": event})


def _step(_commit: Commit, record: AuditRecord, event: str) -> None:
    if event not in _UNREPORTED:
        STEPS.add(1, {"step": str(record.details.get("step", "")), "event": record.kind})


_TAKES: dict[str, Callable[[Commit, AuditRecord, str], None]] = {
    "approval": _approval,
    "containment": _containment,
    "restore": _containment,
    "lockdown": _containment,
    "step": _step,
    "undo": _step,
}
"""What stands before the point in a record's kind → who measures it."""


def _first_write(commit: Commit) -> None:
    containment = next((one for one in commit.documents if isinstance(one, Containment)), None)
    if containment is None or containment.round > 1:
        return
    sent = [write["at"] for record in commit.audit for write in record.details.get("writes", ())]
    if sent:
        took = datetime.fromisoformat(min(sent)) - _demanded(containment)
        FIRST_WRITE.record(_seconds(took), {"cause": str(containment.cause.kind)})


def _demanded(containment: Containment) -> datetime:
    """When what it does now was decided: at first, or when it was begun anew."""
    return containment.began_at or containment.cause.at


def _named(commit: Commit, kind: type[D], document_id: str) -> D | None:
    return next((one for one in commit.documents if isinstance(one, kind) and one.id == document_id), None)


def _seconds(took: timedelta) -> float:
    """Not below zero: two clocks may differ."""
    return max(0.0, took.total_seconds())
