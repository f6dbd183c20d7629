"""What is written to the audit, told in the log as well: one line for each decision, result and end.

Whoever follows the log sees what happens without reading Redis. The audit stays the record: a line is written
only after its write, and may be lost with the process.
"""

from collections.abc import Iterable

import structlog

from workers.domain.audit import AuditRecord
from workers.runtime.terminal import safe_line

log = structlog.get_logger(__name__)

_INFORMS = frozenset(
    {
        "approval.confirmed",
        "approval.rejected",
        "approval.expired",
        "approval.escalated",
        "approval.withdrawn",
        "start.passed",
        "start.expected",
        "start.contained",
        "start.failed",
        "start.told-late",
        "lockdown.ordered",
        "lockdown.joined",
        "restore.ordered",
        "restore.joined",
        "containment.retried",
        "containment.again",
        "containment.started-again",
        "containment.contained",
        "containment.restored",
        "step.done",
        "step.skipped",
        "undo.done",
        "undo.skipped",
    }
)
_WARN = (
    *(".retry", ".failed", ".given-up", ".unproven", ".held-up"),
    *(".late", ".incomplete", ".unjustified", ".refused"),
)
_LONGEST = 500
"""Characters of one value."""
_TOLD = (
    *("step", "attempt", "code", "error", "note", "why", "wait_s", "left", "waits_for"),
    *("rule", "via", "reason", "containment", "steps"),
)
"""Details that a line repeats. What a step changes is only in the audit: it is long."""


def tell(records: Iterable[AuditRecord]) -> None:
    """Log what has just been written: failed attempts, refusals and bad ends as warnings."""
    for record in records:
        if record.kind in _INFORMS:
            log.info(record.kind, **_fields(record))
        elif record.kind.endswith(_WARN):
            log.warning(record.kind, **_fields(record))


def _fields(record: AuditRecord) -> dict[str, object]:
    fields: dict[str, object] = {"vm": record.vm, "id": record.about, "by": record.by}
    fields |= {name: record.details[name] for name in _TOLD if record.details.get(name) not in (None, "")}
    return {name: _safe(value) for name, value in fields.items() if value != ""}


def _safe(value: object) -> object:
    return value if isinstance(value, (int, float)) else safe_line(str(value))[:_LONGEST]
