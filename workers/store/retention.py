"""How long things are kept, and when documents have to be looked at."""

from datetime import datetime, timedelta

from workers.domain.asking.approvals import Approval
from workers.domain.containment.containment import Containment, ContainmentState
from workers.domain.ports.store import Document
from workers.domain.starts.vm import VmRecord

ONCE_TTL = timedelta(hours=48)
"""Event Grid retries for 24 h; twice that for clocks and queues."""
SCHEDULED_TTL = timedelta(days=8)
"""Longer than the longest deadline that a policy may set."""
DEFAULT_RETENTION = timedelta(days=90)


def due_of(document: Document) -> datetime | None:
    """When the document has to be looked at again by itself."""
    return document.due_at() if isinstance(document, (Approval, Containment)) else None


def finished(document: Document) -> bool:
    """Whether it may go once the retention has passed.

    A containment stays until it is restored, and so does the approval that it rests on: a contained VM that
    is started again is contained by the right that is on record there.
    """
    if isinstance(document, Approval):
        return not document.open and (document.containment_id is None or document.released)
    if isinstance(document, Containment):
        return document.state is ContainmentState.RESTORED
    return False


def label(document: Document) -> str:
    """The document's name in the sorted sets and in conflicts."""
    return document.vm.key if isinstance(document, VmRecord) else document.id
