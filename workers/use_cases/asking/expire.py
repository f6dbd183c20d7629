"""Nobody answers: remind the owner, tell on-call, and finally do what the policy says about silence."""

from collections.abc import Callable, Sequence
from datetime import datetime

from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.asking.terms import steps_on_silence, steps_undelivered
from workers.domain.audit import AuditRecord
from workers.domain.containment.containment import Cause, CauseKind
from workers.domain.containment.profile import LockdownProfile
from workers.domain.ids import partition_of_id
from workers.domain.nudges import Nudge, Subject
from workers.domain.policy.model import OnSilence, OnUndelivered, Verdict
from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Commit, Document, Remembered, Store
from workers.domain.starts.past.entries import What, of_answer
from workers.telemetry.spans import following
from workers.use_cases.asking.deadlines import Deadlines
from workers.use_cases.asking.fill_in import FillIn
from workers.use_cases.asking.withdraw import Withdraw
from workers.use_cases.conflicts import until_written
from workers.use_cases.containment.closing import Closing, close_questions
from workers.use_cases.containment.request import request_containment, without

SILENCE_WORDS = {
    OnSilence.LEAVE: "nobody answered; the policy leaves the VM as it is",
    OnSilence.ESCALATE: "nobody answered; on-call was told",
    OnSilence.ISOLATE: "nobody answered; the policy isolates the VM",
    OnSilence.CONTAIN: "nobody answered; the policy contains the VM",
}
"""What the card and the audit say when nobody answered: never that anybody rejected."""

_ANOTHER_WORDS = {
    OnSilence.ISOLATE: "nobody answered about another start of this VM; the policy isolates the VM",
    OnSilence.CONTAIN: "nobody answered about another start of this VM; the policy contains the VM",
}
"""What the cards of the VM's other questions say then."""

ONLY_OBSERVES = "the policy only observes now, so nobody is asked"
"""Why a question is withdrawn that was open when the policy began to observe only."""

_GUARDED = "nobody answered; the policy never contains this VM ({guard}), so on-call was told"
"""In the place of containing a VM of the guarded set."""

_NOT_REJECTED = "nobody rejected it in time; the VM is left as it is"
_NOBODY_TOLD = "nobody could be told of it; the VM is left as it is"
"""How an announced start ends. It says nothing of silence: nobody was asked."""

_UNDELIVERED = {
    OnUndelivered.ISOLATE: "nobody could be asked; the policy isolates the VM",
    OnUndelivered.CONTAIN: "nobody could be asked; the policy contains the VM",
}
_ANOTHER_UNDELIVERED = {
    OnUndelivered.ISOLATE: "nobody could be asked about another start of this VM; the policy isolates the VM",
    OnUndelivered.CONTAIN: "nobody could be asked about another start of this VM; the policy contains the VM",
}


class LookAtApproval:
    """Handles a nudge about an approval: reads missing facts again, and acts on a deadline that has passed.

    Args:
        fill_in: reads missing facts; without it they stay missing.
        observes: whether the policy only observes; questions from before are withdrawn then.
    """

    def __init__(
        self,
        *,
        store: Store,
        nudger: Nudger,
        clock: Clock,
        fill_in: FillIn | None = None,
        observes: Callable[[], bool],
    ) -> None:
        self._observes = observes
        self._withdraw = Withdraw(store=store, nudger=nudger, clock=clock)
        self._store = store
        self._nudger = nudger
        self._deadlines = Deadlines(store=store, nudger=nudger, clock=clock)
        self._clock = clock
        self._fill_in = fill_in

    async def __call__(self, approval_id: str) -> None:
        """Do what is due, and schedule the next look. Early, late and duplicate calls are harmless."""
        before = await self._store.approval(approval_id)
        if not before.open:
            await self._settle(before)
            return
        if self._observes():
            await self._withdraw(approval_id, ONLY_OBSERVES)
            return
        with following("look", before.trace, approval=approval_id):
            await self._look(approval_id, before)

    async def _look(self, approval_id: str, before: Approval) -> None:
        if self._fill_in is not None:
            await self._fill_in(before)
            before = await self._store.approval(approval_id)
        if before.asked_at is None and not before.undelivered(self._clock.now()):
            # Its card has not reached an owner yet, and only the bot can post it.
            await self._nudger.notices(self._nudge(before))
            if before.quiet_until is not None and before.quiet_until > self._clock.now():
                await self._deadlines.set(before, version=before.version)
            return
        after, closing = await until_written(lambda: self._write(approval_id))
        withdrawn = closing.withdrawn if closing else ()
        if closing is not None:
            containment = closing.containment
            await self._nudger.work(
                Nudge(subject=Subject.CONTAINMENT, id=containment.id, version=containment.version + 1)
            )
        if after != before or after.asked_at is None:
            written = after != before
            others = (self._nudge(one, written=True) for one in withdrawn)
            await self._nudger.notices(self._nudge(after, written=written), *others)
        if after.asked_at is not None:  # else the resync looks again soon
            await self._deadlines.set(after, version=after.version + (after != before))
        for one in withdrawn:
            await self._deadlines.clear(one.id)

    async def _settle(self, confirmed: Approval) -> None:
        """A confirmation can't be taken back any more: its button goes."""

        async def attempt() -> Approval | None:
            before = await self._store.approval(confirmed.id)
            after = before.settled(self._clock.now())
            if after == before:
                return None
            await self._store.commit(Commit(partition=partition_of_id(before.id), documents=(after,)))
            return after

        if confirmed.undo_until is None:
            return
        settled = await until_written(attempt)
        if settled is not None:
            await self._nudger.notices(self._nudge(settled, written=True))

    @staticmethod
    def _nudge(approval: Approval, *, written: bool = False) -> Nudge:
        return Nudge(subject=Subject.APPROVAL, id=approval.id, version=approval.version + written)

    async def _write(self, approval_id: str) -> tuple[Approval, Closing | None]:
        approval = await self._store.approval(approval_id)
        now = self._clock.now()
        if not approval.open:
            return approval, None
        if approval.asked_at is None:
            return await self._undelivered(approval, now)
        if now >= approval.expire_at:
            return await self._expire(approval, now)
        after, kind = _next(approval, now)
        return (await self._commit(approval, after, kind, now) if kind else approval), None

    async def _undelivered(self, approval: Approval, now: datetime) -> tuple[Approval, Closing | None]:
        """Nobody was asked, so on-call is told, and the question stays open until somebody was."""
        if not approval.undelivered(now):
            return approval, None
        if not approval.asks:
            return await self._close(approval, approval.expired(now, _NOBODY_TOLD), now)
        if not approval.guarded and (steps := steps_undelivered(approval.terms)):
            profile = approval.terms.on_undelivered_by.changed(steps=steps)
            words = (
                _UNDELIVERED[approval.terms.on_undelivered],
                _ANOTHER_UNDELIVERED[approval.terms.on_undelivered],
            )
            return await self._contain(approval, profile, *words, now)
        if approval.escalated_at is None:
            return await self._commit(approval, approval.escalated(now), "approval.escalated", now), None
        return approval, None

    async def _expire(self, approval: Approval, now: datetime) -> tuple[Approval, Closing | None]:
        on_silence = approval.terms.on_silence
        because = SILENCE_WORDS[on_silence] if approval.asks else _NOT_REJECTED
        steps = steps_on_silence(approval.terms)
        if steps and approval.guarded:
            on_silence, steps = OnSilence.ESCALATE, ()
            because = _GUARDED.format(guard=approval.guarded)
        if not steps:
            expired = approval.expired(now, because)
            if on_silence is OnSilence.ESCALATE and expired.escalated_at is None:
                expired = expired.changed(escalated_at=now)
            return await self._close(approval, expired, now)
        profile = approval.terms.on_silence_by.changed(steps=steps)
        return await self._contain(approval, profile, because, _ANOTHER_WORDS[on_silence], now)

    async def _close(
        self, approval: Approval, expired: Approval, now: datetime
    ) -> tuple[Approval, Closing | None]:
        record = without(await self._store.vm_record(approval.event.vm), approval)
        return await self._commit(approval, expired, "approval.expired", now, record), None

    async def _contain(
        self, approval: Approval, profile: LockdownProfile, because: str, others: str, now: datetime
    ) -> tuple[Approval, Closing | None]:
        """Close the question and contain the VM; ``others`` is what the VM's other questions say of it."""
        cause = Cause(kind=CauseKind.SILENCE, at=now, reason=because, approval_id=approval.id)
        request = await request_containment(
            self._store, approval.event.vm, cause, profile, now=now, plan=approval.plan
        )
        closing = await close_questions(self._store, request, others, at=now, answered=approval.id)
        expired = approval.expired(now, because, containment_id=closing.containment.id)
        await self._commit(
            approval, expired, "approval.expired", now, *closing.documents, records=closing.audit
        )
        return expired, closing

    async def _commit(
        self,
        before: Approval,
        after: Approval,
        kind: str,
        now: datetime,
        *others: Document,
        records: Sequence[AuditRecord] = (),
    ) -> Approval:
        await self._store.commit(
            Commit(
                partition=partition_of_id(before.id),
                documents=(after, *others),
                audit=(
                    AuditRecord(
                        kind=kind,
                        at=now,
                        about=before.id,
                        vm=before.event.vm.key,
                        details={
                            "asked": list(before.asked_whom),
                            "asked_at": before.asked_at.isoformat() if before.asked_at else None,
                            "on_silence": str(before.terms.on_silence),
                            **({"guarded": before.guarded} if before.guarded else {}),
                            **({"because": after.closed_because} if after.closed_because else {}),
                            **({"containment": after.containment_id} if after.containment_id else {}),
                        },
                    ),
                    *records,
                ),
                past=_remembered(after, now),
            )
        )
        return after


def _next(approval: Approval, now: datetime) -> tuple[Approval, str]:
    """What is due while it stays open, and how the audit calls it; nothing if that is empty."""
    if now >= approval.escalate_at and approval.escalated_at is None:
        return approval.escalated(now), "approval.escalated"
    if approval.quiet_until is not None and now >= approval.quiet_until:
        # Whoever was in quiet hours gets their message now.
        return approval.changed(quiet_until=None), "approval.quiet-over"
    request = approval.waits_for_second
    if request is not None and not request.in_time(now):
        return approval.request_over(), "approval.request-expired"
    unreminded = approval.reminded_at is None and approval.escalated_at is None
    if now >= approval.remind_at and unreminded:
        return approval.reminded(now), "approval.reminded"
    return approval, ""


def _remembered(approval: Approval, now: datetime) -> Remembered | None:
    """That nobody answered, once that is so."""
    if approval.state is not ApprovalState.EXPIRED or approval.terms.verdict is Verdict.TELL:
        return None
    return Remembered(approval.event.vm, of_answer(What.SILENT, now, approval.id, approval.event))
