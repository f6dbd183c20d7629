"""The store: documents, written by compare-and-set together with their audit."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from workers.domain.asking.access import AccessRequest
from workers.domain.asking.approvals import Approval
from workers.domain.asking.bursts import Burst, BurstStart
from workers.domain.asking.cards import Card
from workers.domain.asking.delegations import Delegations
from workers.domain.asking.notices.dead_letters import DeadLetterNotice
from workers.domain.asking.notices.reports import PolicyReport
from workers.domain.audit import AuditRecord
from workers.domain.containment.brakes.cap import CapQuestion
from workers.domain.containment.brakes.pause import Pause
from workers.domain.containment.containment import Containment
from workers.domain.containment.foresight.lookups import Lookup
from workers.domain.model import Model
from workers.domain.nudges import Scheduled
from workers.domain.policy.notice import PolicyNotice
from workers.domain.starts.ahead.expectations import Expectations
from workers.domain.starts.canary import Canary
from workers.domain.starts.events import StartEvent
from workers.domain.starts.past.entries import Past, PastStart
from workers.domain.starts.vm import KnownVm, VmRecord, VmRef

Document = (
    Approval
    | Containment
    | VmRecord
    | Card
    | DeadLetterNotice
    | Lookup
    | Pause
    | CapQuestion
    | Expectations
    | Delegations
    | PolicyNotice
    | PolicyReport
    | AccessRequest
    | Canary
)


class Remembered(NamedTuple):
    """What is added to the past of a VM; with ``of_caller`` soon also to that of the caller.

    Adding it again changes nothing.
    """

    vm: VmRef
    entry: PastStart
    of_caller: bool = False


class Background(NamedTuple):
    """What was before a start: the past of its VM and of its caller, and the VM's line in the inventory.

    Beside it, which starts are expected.
    """

    past: Past
    line: KnownVm | None
    expected: Expectations = Expectations()


class KnownStart(NamedTuple):
    """What is known already when an event tells of a start.

    Attributes:
        approval: of that start; ``None`` if there is none.
        record: what is going on with its VM.
        background: ``None`` if it could not be read.
    """

    approval: Approval | None
    record: VmRecord
    background: Background | None


class ShownQuestion(NamedTuple):
    """A question, its card, the pause and the delegations, which cards say, too."""

    approval: Approval
    card: Card
    pause: Pause
    delegations: Delegations = Delegations()


class Said(NamedTuple):
    """What messages of a card say, kept as long as decided questions are.

    Attributes:
        card_id: the card.
        texts: digest of a message → all its text.
        shown: digests of those that the card shows by now; others that were remembered may go.
    """

    card_id: str
    texts: dict[str, str]
    shown: tuple[str, ...] = ()


class Commit(Model):
    """One atomic write in one partition: documents, audit, and when to look again.

    Attributes:
        partition: 0 … 15; everything in here belongs to it.
        documents: each as changed from a read: its ``version`` is still the one read (0: it must not exist
            yet). The store writes ``version + 1``.
        audit: appended in order.
        shown: (id, version) of documents whose cards now show that version.
        once: a key that must be new within its time to live, else nothing at all is written.
        absent: ids of approvals that must not exist, else it is a conflict.
        exchanges: kept beside a containment of this partition, each as its text; see ``exchanges``.
        exchanges_of: the id of that containment.
        free: a VM whose record must be absent or ``free``, else it is a conflict.
        past: what is remembered of it.
        said: what messages of a card of this partition say.
    """

    partition: int
    documents: tuple[Document, ...] = ()
    audit: tuple[AuditRecord, ...] = ()
    shown: tuple[tuple[str, int], ...] = ()
    once: str | None = None
    absent: tuple[str, ...] = ()
    free: VmRef | None = None
    exchanges: tuple[str, ...] = ()
    exchanges_of: str = ""
    past: Remembered | None = None
    said: Said | None = None


class Store(Protocol):
    """The source of truth. Every write is compare-and-set: all of a commit is written, or nothing."""

    async def commit(self, commit: Commit) -> bool:
        """Write all of it at once.

        A document's ``due_at()`` is kept beside it, so that ``past_due`` finds it.

        Returns:
            True when written; False when ``once`` was seen before (nothing is written).

        Raises:
            Conflict: a document changed since it was read, or the VM is not free, or what must not exist does
                (nothing is written).
            DependencyAway: the store does not answer; whether it wrote is unknown.
        """
        ...

    async def approval(self, approval_id: str) -> Approval:
        """Raises ``NotFound`` if there is none."""
        ...

    async def known_start(self, approval_id: str, event: StartEvent) -> KnownStart:
        """What is known already when a start event arrives, all of it side by side.

        By this call the start becomes part of its caller's past, so that of many starts at once each later
        one sees the earlier ones. Doing it again changes nothing.
        """
        ...

    async def aclose(self) -> None:
        """Wait, for a few seconds, until what is to be remembered soon is written."""
        ...

    async def shown_question(self, approval_id: str) -> ShownQuestion:
        """What its card is made of, read at once; the card and the pause may be empty ones.

        Raises:
            NotFound: there is no such approval.
            DependencyAway: the store does not answer.
        """
        ...

    async def containment(self, containment_id: str) -> Containment:
        """Raises ``NotFound`` if there is none."""
        ...

    async def lookup(self, lookup_id: str) -> Lookup:
        """Raises ``NotFound`` if there is none, or no longer: it is kept for an hour."""
        ...

    async def canary(self, canary_id: str) -> Canary:
        """Raises ``NotFound`` if there is none, or no longer: it is kept for a day."""
        ...

    async def card(self, card_id: str) -> Card:
        """The card of an approval or containment; an empty one of version 0 if none was posted yet."""
        ...

    async def dead_letter_notice(self) -> DeadLetterNotice:
        """What on-call was told last about dead letters; an empty one of version 0 if nothing was."""
        ...

    async def report(self, report_id: str) -> PolicyReport:
        """Raises ``NotFound`` if there is none."""
        ...

    async def access_request(self, request_id: str) -> AccessRequest:
        """Raises ``NotFound`` if there is none."""
        ...

    async def pause(self) -> Pause:
        """The pause that is on, or the last one; an empty one of version 0 if there was none."""
        ...

    async def cap_question(self) -> CapQuestion:
        """What on-call is asked about the cap; an empty one of version 0 if they never were."""
        ...

    async def expectations(self) -> Expectations:
        """Which starts are expected; an empty document of version 0 if none ever was."""
        ...

    async def delegations(self) -> Delegations:
        """Who answers for whom; an empty document of version 0 if nobody ever did."""

    async def policy_notice(self) -> PolicyNotice:
        """What on-call was told last about the policy file; an empty one of version 0 if nothing was."""
        ...

    async def take_turn(
        self, containment_id: str, now: datetime, *, most: int, within: timedelta
    ) -> datetime | None:
        """Count this containment among those that were begun lately, unless there are ``most`` already.

        Asking again for one that was counted counts it once. Several processes may ask at the same moment.

        Returns:
            ``None`` if it is counted; else when there is room again.
        """
        ...

    async def exchanges(self, containment_id: str) -> Sequence[str]:
        """What was exchanged with Azure for this containment, oldest first; the newest 500.

        They are kept as long as the containment is.
        """
        ...

    async def said(self, card_id: str) -> Mapping[str, str]:
        """What is remembered: digest → text."""
        ...

    async def vm_record(self, vm: VmRef) -> VmRecord:
        """What is going on with this VM; an empty record of version 0 if nothing is."""
        ...

    def note_of_caller(self, entry: PastStart) -> None:
        """Add to its caller's past soon. Nobody waits for it: where that fails, only the log is told."""
        ...

    async def past_of_caller(self, who: str) -> Sequence[PastStart]:
        """What is remembered of this caller's starts, oldest first; ``who`` as by ``caller_key``."""
        ...

    async def past_of(self, vm: VmRef) -> Sequence[PastStart]:
        """What happened with this VM, oldest first."""
        ...

    async def past_due(self, now: datetime, *, limit: int = 100) -> Sequence[str]:
        """Ids of documents that had to be looked at by ``now``, the longest overdue first."""
        ...

    async def unshown(self, before: datetime, *, limit: int = 100) -> Sequence[str]:
        """Ids of what has cards and changed before then, and whose cards don't show it yet."""
        ...

    async def open_approvals(self) -> Sequence[str]:
        """Ids of all approvals that wait for an answer, or whose answer can still be taken back."""
        ...

    async def standing(self) -> Sequence[str]:
        """Ids of all containments that hold a VM: every one that is not restored."""
        ...

    async def note_scheduled(self, document_id: str, scheduled: Scheduled) -> Scheduled | None:
        """Remember the scheduled message that will look at this document, so that it can be cancelled.

        Answers what was remembered before.
        """
        ...

    async def join_burst(self, start: BurstStart, *, leads: bool = False) -> Burst:
        """Note a start beside those that one caller has started lately for one owner.

        The first one that looks so leads those that look alike, or this one from now on with ``leads``. All
        are forgotten once none was noted for ``start.kept``. Noting one again changes nothing.

        With ``start.owner``, its question is noted among those of the owner, too.
        """
        ...

    async def noted_of(self, owner: str) -> Sequence[str]:
        """The newest questions that were noted of this owner, named as by ``owner_key``; the oldest first."""
        ...

    async def forget_noted(self, owner: str, approval_ids: Sequence[str]) -> None:
        """These questions are closed, and are noted no more."""
        ...

    async def scheduled(self, document_id: str) -> Scheduled | None:
        """What is remembered; ``None`` if there is nothing."""
        ...

    async def take_scheduled(self, document_id: str) -> Scheduled | None:
        """What was remembered, forgotten by this call; ``None`` if there is nothing."""
        ...

    async def audit(self, partition: int, *, after: str = "", limit: int = 1000) -> Sequence[AuditRecord]:
        """Audit records of a partition, oldest first."""
        ...
