"""Somebody takes back a confirmation that was given in words: the question is open again."""

from collections.abc import Callable

from workers.domain.asking.approvals import Approval
from workers.domain.audit import AuditRecord
from workers.domain.errors import NotFound, NotYet
from workers.domain.ids import partition_of_id
from workers.domain.nudges import Nudge, Subject
from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Commit, Remembered, Store
from workers.domain.starts.past.entries import What, of_answer
from workers.domain.starts.people import Actor
from workers.domain.starts.vm import VmRecord
from workers.use_cases.after_write import after_write
from workers.use_cases.asking.deadlines import Deadlines
from workers.use_cases.conflicts import until_written
from workers.use_cases.refuse import refuse_unless, refuse_while_observing


class TakeBack:
    """Reopens one question.

    Args:
        observes: whether the policy only observes. Nobody is asked then, so a question that was opened again
            would be withdrawn at once, and with it the only answer there is: the confirmation stands.
    """

    def __init__(self, *, store: Store, nudger: Nudger, clock: Clock, observes: Callable[[], bool]) -> None:
        self._observes = observes
        self._store = store
        self._nudger = nudger
        self._clock = clock
        self._deadlines = Deadlines(store=store, nudger=nudger, clock=clock)

    async def __call__(self, approval_id: str, actor: Actor) -> Approval:
        """The question, open again.

        Raises:
            NotAllowed: only whoever confirmed or on-call may; it is in the audit.
            OnlyObserving: nobody is asked, as long as the policy only observes.
            AlreadyDecided: it is not confirmed, or can't be taken back any more.
            NotYet: a later start of the VM is asked about, or the VM is contained by now.
            NotFound: no such question.
        """
        reopened = await until_written(lambda: self._write(approval_id, actor))
        version = reopened.version + 1
        nudge = Nudge(subject=Subject.APPROVAL, id=approval_id, version=version)
        if await after_write(approval_id, lambda: self._nudger.notices(nudge)):
            await self._deadlines.set(reopened, version=version)
        return reopened

    async def _write(self, approval_id: str, actor: Actor) -> Approval:
        approval = await self._store.approval(approval_id)
        await refuse_unless(
            approval.permits_undo(actor),
            actor,
            store=self._store,
            clock=self._clock,
            kind="undo.refused",
            about=approval,
        )
        refuse_while_observing(self._observes)
        now = self._clock.now()
        reopened = approval.undone(actor, now)
        record = await self._store.vm_record(approval.event.vm)
        await self._refuse_if_too_late(record)
        details = {"confirmed_by": approval.decision.by.label} if approval.decision else {}
        await self._store.commit(
            Commit(
                partition=partition_of_id(approval_id),
                documents=(
                    reopened,
                    record.changed(open_approvals=(*record.open_approvals, approval_id)),
                ),
                audit=(
                    AuditRecord(
                        kind="approval.reopened",
                        at=now,
                        about=approval_id,
                        vm=approval.event.vm.key,
                        by=actor.label,
                        details=details,
                    ),
                ),
                past=Remembered(
                    approval.event.vm, of_answer(What.TAKEN_BACK, now, approval_id, approval.event)
                ),
            )
        )
        return reopened

    async def _refuse_if_too_late(self, record: VmRecord) -> None:
        """A VM has one open question, and none while it is contained."""
        if record.containment_id is not None:
            raise NotYet("The VM is being contained by now, so there is nothing to take back.")
        for other in record.open_approvals:
            try:
                later = await self._store.approval(other)
            except NotFound:
                continue
            if later.asks:
                raise NotYet(
                    "The VM was started again, and that start is asked about by a card of its own. "
                    "Reject that one if it was not expected."
                )
