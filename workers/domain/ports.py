"""What the rules need from the world. Adapters in ``store``, ``bus`` and ``arm`` implement these."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

from workers.domain.approvals import Approval
from workers.domain.audit import AuditRecord
from workers.domain.cards import Card
from workers.domain.containment import Containment, Progress, Step
from workers.domain.facts import Facts
from workers.domain.model import Model
from workers.domain.nudges import Nudge, Scheduled
from workers.domain.plans import Change, StepName
from workers.domain.policy import LockdownProfile
from workers.domain.vm import KnownVm, VmRecord, VmRef


class Clock(Protocol):
    """The time, passed in so that an hour can pass in a millisecond."""

    def now(self) -> datetime:
        """The present time, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present time, aware, in UTC."""
        return datetime.now(UTC)


Document = Approval | Containment | VmRecord | Card


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
        free: a VM whose record must be absent or ``free``, else it is a conflict.
    """

    partition: int
    documents: tuple[Document, ...] = ()
    audit: tuple[AuditRecord, ...] = ()
    shown: tuple[tuple[str, int], ...] = ()
    once: str | None = None
    absent: tuple[str, ...] = ()
    free: VmRef | None = None


class Store(Protocol):
    """The truth. Every write is compare-and-set; everything in one commit happens or nothing does."""

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

    async def known_start(self, approval_id: str, vm: VmRef) -> tuple[Approval | None, VmRecord]:
        """What there is already when a start is told: its approval, and what is going on with its VM.

        As ``approval`` and ``vm_record`` side by side.
        """
        ...

    async def containment(self, containment_id: str) -> Containment:
        """Raises ``NotFound`` if there is none."""
        ...

    async def card(self, card_id: str) -> Card:
        """The card of an approval or containment; an empty one of version 0 if none was posted yet."""
        ...

    async def vm_record(self, vm: VmRef) -> VmRecord:
        """What is going on with this VM; an empty record of version 0 if nothing is."""
        ...

    async def past_due(self, now: datetime, *, limit: int = 100) -> Sequence[str]:
        """Ids of documents that had to be looked at by ``now``, the longest overdue first."""
        ...

    async def unshown(self, before: datetime, *, limit: int = 100) -> Sequence[str]:
        """Ids of approvals and containments changed before then, whose cards don't show it yet."""
        ...

    async def open_approvals(self) -> Sequence[str]:
        """Ids of all approvals that wait for an answer."""
        ...

    async def standing(self) -> Sequence[str]:
        """Ids of all containments that hold a VM: every one that is not restored."""
        ...

    async def note_scheduled(self, document_id: str, scheduled: Scheduled) -> Scheduled | None:
        """Remember the scheduled message that will look at this document, so that it can be cancelled.

        Answers what was remembered before.
        """
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


class Inventory(Protocol):
    """Which VMs there are: written by workers, read by the bot so that a name resolves in milliseconds."""

    def note(self, vm: KnownVm) -> None:
        """Add or renew one VM soon. Nobody waits for it: where that fails, only the log is told."""
        ...

    async def put(self, vms: Sequence[KnownVm], *, whole_subscription: str | None = None) -> None:
        """Add or renew VMs. With ``whole_subscription``, VMs of it that are not in ``vms`` are removed."""
        ...

    async def all(self) -> Sequence[KnownVm]:
        """Every known VM."""
        ...


class Nudger(Protocol):
    """The internal queues."""

    async def work(self, *nudges: Nudge) -> None:
        """Have workers look at it; one with ``due`` arrives then."""
        ...

    async def notices(self, *nudges: Nudge) -> None:
        """Have the bot look at it."""
        ...

    async def schedule_work(self, nudge: Nudge) -> int:
        """As ``work`` for one nudge with ``due``; answers the sequence number that ``cancel_work`` takes."""
        ...

    async def cancel_work(self, sequence_number: int) -> None:
        """Take a scheduled nudge back; one that has fired, or was cancelled, is no error."""
        ...


class FactsReader(Protocol):
    """What Azure knows about a VM."""

    async def gather(self, vm: VmRef, *, budget_s: float, since: datetime | None = None) -> Facts:
        """Read everything concurrently; what does not come within the budget is named as missing.

        What was read a moment ago, for another VM, will do if that was after ``since``; otherwise, everything
        that changes is read now.

        Never raises for a single fact that fails. A VM that does not exist gives ``gone=True``.

        Raises:
            DependencyAway: Azure does not answer at all, or throttles the very first read.
        """
        ...


class StepRunner(Protocol):
    """One containment step: how to do it on Azure.

    ``begin`` and ``check`` return at once, whatever Azure takes: they start or look, and never wait.
    All raise ``StepFailed`` when Azure refuses, and ``DependencyAway`` when it doesn't answer or throttles.
    """

    name: StepName

    def plan(self, vm: VmRef, facts: Facts, profile: LockdownProfile) -> Change:
        """What this step is going to change, as far as the facts tell. Reads nothing."""
        ...

    async def begin(
        self, vm: VmRef, profile: LockdownProfile, containment_id: str, *, earlier: Change | None = None
    ) -> Progress:
        """Set it going. Idempotent: what is so already is left as it is.

        ``earlier`` is the change noted by an earlier attempt or round: what it found *before* stays *before*.
        With an empty ``after`` it is only the plan that was shown, and nothing has begun.

        The answer's ``change`` holds *before* as it is read now.
        """
        ...

    async def check(self, vm: VmRef, profile: LockdownProfile, step: Step) -> Progress:
        """Look how far it is; ``done`` only after reading the resource itself back."""
        ...

    async def undo(
        self, vm: VmRef, profile: LockdownProfile, step: Step, *, start: str | None = None
    ) -> Progress:
        """Back to ``step.change.before``, at once or a look at a time, as ``begin`` and ``check``.

        ``step`` is the undo: its token is this method's own. ``done`` only after reading back, so that one
        more call proves that it still holds. ``start`` is the correlation id under which a VM that ran before
        is to be started, too; ``None`` leaves it off.

        Raises ``StepFailed`` naming what somebody changed since.
        """
        ...
