"""How long things are kept, and when documents have to be looked at."""

from datetime import datetime, timedelta

from workers.domain.asking.access import AccessRequest
from workers.domain.asking.approvals import Approval
from workers.domain.asking.cards import Card
from workers.domain.asking.delegations import Delegations
from workers.domain.asking.notices.dead_letters import DeadLetterNotice
from workers.domain.asking.notices.reports import PolicyReport
from workers.domain.containment.brakes.cap import CapQuestion
from workers.domain.containment.brakes.pause import Pause
from workers.domain.containment.containment import Containment
from workers.domain.containment.foresight.lookups import Lookup
from workers.domain.policy.notice import PolicyNotice
from workers.domain.ports.store import Document
from workers.domain.starts.ahead.expectations import Expectations
from workers.domain.starts.canary import Canary
from workers.domain.starts.vm import VmRecord

ONCE_TTL = timedelta(hours=48)
"""Event Grid retries for 24 h; twice that for clocks and queues."""
SCHEDULED_TTL = timedelta(days=8)
"""Longer than the longest deadline that a policy may set."""
LOOKUP_TTL = timedelta(hours=1)
"""A dialog that shows one is closed long before; the audit keeps that somebody asked."""
CANARY_TTL = timedelta(days=1)
"""One that comes later than that is nobody's any more."""
DEFAULT_RETENTION = timedelta(days=90)


SHOWN = (Approval, Containment, DeadLetterNotice, CapQuestion, PolicyNotice, PolicyReport, AccessRequest)
"""What has cards."""


def due_of(document: Document) -> datetime | None:
    """When the document has to be looked at again by itself."""
    return document.due_at() if isinstance(document, (Approval, Containment, AccessRequest)) else None


def shows(document: Document) -> bool:
    """Whether a card has to show it whenever it has changed."""
    if isinstance(document, Approval):
        return document.has_card
    return isinstance(document, SHOWN)


def kept_for(document: Document, now: datetime, retention: timedelta) -> timedelta | None:
    """How long it is kept if nobody writes it again; ``None``: until somebody does.

    A containment stays until it is restored, and so does the approval that it rests on: a contained VM that
    is started again is contained by the right that is on record there. A card goes with what it shows; this
    is for one whose document is gone already.
    """
    match document:
        case Approval():
            done = not document.open and (document.containment_id is None or document.released)
            return retention if done else None
        case Containment() | AccessRequest():
            return None if document.active else retention
        case VmRecord():
            return _record_kept_for(document, now, retention)
        case Card() | PolicyReport():
            return retention
        case DeadLetterNotice() | Pause() | CapQuestion() | PolicyNotice() | Expectations() | Delegations():
            return None
        case Lookup() | Canary():
            return LOOKUP_TTL if isinstance(document, Lookup) else CANARY_TTL


def _record_kept_for(record: VmRecord, now: datetime, retention: timedelta) -> timedelta | None:
    if record.containment_id is not None:
        return None
    if record.open_approvals:
        return max(retention, SCHEDULED_TTL)
    until = record.expected_start.until if record.expected_start else now
    return max(until - now, timedelta(0)) + ONCE_TTL


def label(document: Document) -> str:
    """The document's name in the sorted sets and in conflicts."""
    return document.vm.key if isinstance(document, VmRecord) else document.id
