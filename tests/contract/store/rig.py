"""Documents, records, and commits of one VM, for the tests of the stores."""

import hashlib
from typing import Any

from tests import builders as a
from workers.domain.asking.approvals import Approval
from workers.domain.audit import AuditRecord
from workers.domain.containment.containment import Containment
from workers.domain.ids import partition_of_vm
from workers.domain.ports.store import Commit, Document
from workers.store.retention import DEFAULT_RETENTION

VM = a.vm_ref()
START = a.start_event()
P = partition_of_vm(VM.key)
RETENTION_S = DEFAULT_RETENTION.total_seconds()


def approval(n: int = 0, **changes: Any) -> Approval:
    """The n-th start of one VM; never written yet."""
    return a.approval(version=0, event=a.start_event(correlation_id=f"start-{n}"), **changes)


def containment(**changes: Any) -> Containment:
    return a.containment(version=0, **changes)


def record(kind: str = "approval.opened", **changes: Any) -> AuditRecord:
    return AuditRecord(kind=kind, at=a.NOW, vm=VM.key, **changes)


def sha1(data: bytes) -> str:
    """The only digest that Redis' scripts have."""
    return hashlib.sha1(data).hexdigest()  # noqa: S324 - see above


def commit(*documents: Document, **more: Any) -> Commit:
    return Commit(partition=P, documents=documents, **more)
