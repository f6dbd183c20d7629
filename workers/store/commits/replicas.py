"""Decisions count once a replica has them, too, where the server has replicas.

A write is on the primary when it is answered, and reaches the replicas right after. If the primary dies in
between, the replica that takes its place does not know it: a question may be asked twice, and nobody notices.
A person's decision must not go so, since they were told that it was taken. ``WAIT`` goes along with the
write, so it costs no round trip of its own.

Not ``WAITAOF``: with ``appendfsync everysec`` it would hold each answer for up to a second, for a case that a
replica covers already. Not on a cluster: there, the SDK gives no way to send both on one connection.
Source: https://valkey.io/commands/wait/, https://valkey.io/commands/waitaof/
"""

import structlog

from workers.domain.audit import AuditRecord
from workers.telemetry.instruments import UNREPLICATED

log = structlog.get_logger(__name__)

WITHIN_MS = 500
"""A person waits, for three seconds at most; after this it is told that no replica has confirmed."""
DECISIONS = frozenset(
    {
        "approval.confirmed",
        "approval.rejected",
        "approval.expired",
        "lockdown.ordered",
        "lockdown.joined",
        "restore.ordered",
        "restore.requested",
        "access.requested",
        "access.approved",
    }
)
"""Kinds of audit records: what somebody has decided, or the policy in their place."""


def decides(records: tuple[AuditRecord, ...]) -> bool:
    """Whether a write with these records is a decision."""
    return any(record.kind in DECISIONS for record in records)


def told_of(confirmed: int, records: tuple[AuditRecord, ...]) -> None:
    """Say so if no replica has confirmed a decision. It stands all the same: the primary has it."""
    if confirmed:
        return
    UNREPLICATED.add(1)
    log.warning(
        "a decision is on no replica yet",
        within_ms=WITHIN_MS,
        about=next((record.about for record in records if record.kind in DECISIONS), ""),
    )
