"""Reads recorded starts from the audit, and the questions about them from the store."""

import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError

from workers.domain.asking.approvals import Approval
from workers.domain.audit import AuditRecord
from workers.domain.errors import NotFound
from workers.domain.policy.model import NO_RULE
from workers.domain.ports.store import Store
from workers.domain.starts.events import START_OPERATIONS, Caller, Phase, StartEvent
from workers.domain.starts.vm import VmRef
from workers.use_cases.asking.replay import RecordedStart

_KINDS = frozenset({"approval.opened", "approval.joined", "start.passed", "start.observed"})
_ONE_START = timedelta(minutes=10)
"""Azure tells of one start several times; a start that passed has a record for each."""


async def recorded_starts(records: AsyncIterator[str], store: Store) -> AsyncIterator[RecordedStart]:
    """Starts that rules have judged, oldest first. What can't be read is left out.

    Starts of VMs that are contained, failed ones, and those that a restore asked for are judged by no rule.

    Args:
        records: the audit's, each as its JSON text, oldest first.
        store: has the questions about them.
    """
    seen: dict[tuple[str, str, str], datetime] = {}
    async for text in records:
        record = _read(text)
        if record is None or record.kind not in _KINDS:
            continue
        passed = record.kind == "start.passed"
        start_id = str(record.details.get("start") or record.about)
        approval = None if passed else await _approval(store, start_id)
        event = approval.event if approval else _event(record)
        if event is None:
            continue
        if passed:
            key = (event.vm.key, event.correlation_id.lower(), event.caller.object_id.lower())
            told = seen.get(key)
            seen[key] = event.at
            if told is not None and abs(event.at - told) <= _ONE_START:
                continue
        rule = str(record.details.get("rule") or NO_RULE)
        yield RecordedStart(event=event, at=record.at, rule=rule, passed=passed, approval=approval)


def _read(text: str) -> AuditRecord | None:
    try:
        return AuditRecord.model_validate(json.loads(text))
    except (ValueError, ValidationError):
        return None


async def _approval(store: Store, approval_id: str) -> Approval | None:
    try:
        return await store.approval(approval_id)
    except (NotFound, ValueError):
        return None


def _event(record: AuditRecord) -> StartEvent | None:
    """The event as far as the audit has kept it."""
    details: dict[str, Any] = record.details
    try:
        vm = VmRef.parse(record.vm)
        operations = [name for name in START_OPERATIONS.values() if ("Classic" in name) is vm.classic]
        return StartEvent(
            vm=vm,
            operation=operations[0],
            phase=Phase(details.get("phase", Phase.SUCCEEDED)),
            at=datetime.fromisoformat(details["started_at"]),
            caller=Caller.model_validate(details["caller"]),
            correlation_id=details["correlation_id"],
            shape=str(details.get("shape", "")),
        )
    except (KeyError, TypeError, ValueError, ValidationError):
        return None
