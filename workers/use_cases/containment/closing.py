"""Once a VM is to be contained, its open questions are withdrawn: a confirmation could no longer be true."""

from datetime import datetime
from typing import NamedTuple

import structlog

from workers.domain.asking.approvals import Approval
from workers.domain.audit import AuditRecord
from workers.domain.containment.containment import Containment
from workers.domain.errors import NewerDocument, NotFound
from workers.domain.ports.store import Document, Store
from workers.domain.starts.vm import VmRecord
from workers.use_cases.containment.request import Request

log = structlog.get_logger(__name__)


class Closing(NamedTuple):
    """What has to be written: the containment, which their cards show too, the VM's record, and them.

    Attributes:
        containment: as requested, with their cards.
        record: without an open question, but for one that only a newer version can read and close.
        withdrawn: the questions that were still open.
        audit: one record for each of them.
    """

    containment: Containment
    record: VmRecord
    withdrawn: tuple[Approval, ...]
    audit: tuple[AuditRecord, ...]

    @property
    def documents(self) -> tuple[Document, ...]:
        """For the commit."""
        return (self.containment, self.record, *self.withdrawn)


async def close_questions(
    store: Store, request: Request, because: str, *, at: datetime, by: str = "startgate", answered: str = ""
) -> Closing:
    """Withdraw every open question about the VM of this request.

    Args:
        store: has the questions.
        request: the containment that is requested.
        because: why they are withdrawn, in words, for their cards.
        at: when.
        by: the label of who had the VM contained, for the audit.
        answered: the id of the question that led to the containment. Its card is the caller's to write.
    """
    containment = request.containment
    others = tuple(one for one in request.record.open_approvals if one != answered)
    open_ones, unread = await _open(store, others)
    withdrawn = tuple(one.withdrawn(at, because).changed(containment_id=containment.id) for one in open_ones)
    cards = tuple(dict.fromkeys((*containment.cards, *(one.id for one in withdrawn))))
    return Closing(
        containment.changed(cards=cards),
        request.record.changed(open_approvals=unread),
        withdrawn,
        tuple(
            AuditRecord(
                kind="approval.withdrawn",
                at=at,
                about=one.id,
                vm=containment.vm.key,
                by=by,
                details={"because": one.closed_because, "containment": containment.id},
            )
            for one in withdrawn
        ),
    )


async def _open(store: Store, ids: tuple[str, ...]) -> tuple[list[Approval], tuple[str, ...]]:
    """Those that are open, and the ids of those that only a newer version can read."""
    found: list[Approval] = []
    unread: list[str] = []
    for approval_id in ids:
        try:
            approval = await store.approval(approval_id)
        except NotFound:
            continue
        except NewerDocument as newer:
            # It must not keep anybody from containing the VM.
            log.warning("a question is not withdrawn", id=approval_id, because=str(newer))
            unread.append(approval_id)
            continue
        if approval.open:
            found.append(approval)
    return found, tuple(unread)
