"""Somebody answers: may they, is it still open, and what follows? One decision wins."""

from collections.abc import Callable
from typing import NamedTuple

from workers.domain.asking.approvals import Approval
from workers.domain.asking.decisions import Answer, Decision
from workers.domain.asking.joining import unseen
from workers.domain.audit import AuditRecord
from workers.domain.containment.containment import Cause, CauseKind, Containment
from workers.domain.errors import AlreadyDecided, NeedsReason, Outdated
from workers.domain.ids import partition_of_id
from workers.domain.nudges import Nudge, Subject
from workers.domain.ports.clock import Clock
from workers.domain.ports.groups import Groups, NoGroups
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Commit, Document, Remembered, Store
from workers.domain.starts.history import PastStart, What, of_answer
from workers.domain.starts.people import Actor
from workers.telemetry.spans import following
from workers.use_cases.after_write import after_write
from workers.use_cases.asking.deadlines import Deadlines
from workers.use_cases.conflicts import until_written
from workers.use_cases.containment.closing import close_questions
from workers.use_cases.containment.request import request_containment, without
from workers.use_cases.refuse import enforces, refuse_unless, refuse_while_observing


class Decided(NamedTuple):
    """The approval as it now stands, the containment that a rejection set going, and what it withdrew."""

    approval: Approval
    containment: Containment | None = None
    withdrawn: tuple[Approval, ...] = ()


class Decide:
    """Records answers."""

    def __init__(
        self,
        *,
        store: Store,
        nudger: Nudger,
        clock: Clock,
        groups: Groups | None = None,
        observes: Callable[[], bool] = enforces,
    ) -> None:
        self._groups = groups or NoGroups()
        self._observes = observes
        self._store = store
        self._nudger = nudger
        self._deadlines = Deadlines(store=store, nudger=nudger, clock=clock)
        self._clock = clock

    async def may(self, answer: Answer, approval_id: str, actor: Actor) -> Approval:
        """The approval, if this person may give this answer to it now. Also called before a dialog opens.

        Raises:
            NotAllowed: they may not; it is in the audit.
            AlreadyDecided: somebody else was faster.
            OnlyObserving: nobody is asked, as long as the policy only observes.
            NotFound: no such approval.
        """
        return (await self._may(answer, approval_id, actor))[0]

    async def _known(self, answer: Answer, approval_id: str, actor: Actor) -> tuple[Approval, Actor]:
        """The approval, and the person with those of its owner's groups that they are in."""
        approval = await self._store.approval(approval_id)
        owners = [one for one in (approval.owner, approval.owner_before) if one is not None]
        if any(owner.groups for owner in owners):
            actor = await self._groups.of(actor, *owners, now=answer is Answer.CONFIRM)
        return approval, actor

    async def permitted(self, answer: Answer, approval_id: str, actor: Actor) -> tuple[Approval, Actor]:
        """The approval, open or not, and the person as the workers will judge them again.

        Raises:
            NotAllowed: they may not give this answer; it is in the audit.
            OnlyObserving: nobody is asked, as long as the policy only observes.
            NotFound: no such approval.
        """
        approval, actor = await self._known(answer, approval_id, actor)
        await refuse_unless(
            approval.permits(answer, actor),
            actor,
            store=self._store,
            clock=self._clock,
            kind="decision.refused",
            about=approval,
            answer=str(answer),
        )
        refuse_while_observing(self._observes)
        return approval, actor

    async def _may(self, answer: Answer, approval_id: str, actor: Actor) -> tuple[Approval, Actor]:
        approval, actor = await self.permitted(answer, approval_id, actor)
        if not approval.open or (answer is Answer.CONFIRM and not approval.asks):
            raise AlreadyDecided(approval.outcome())
        return approval, actor

    async def __call__(
        self,
        answer: Answer,
        approval_id: str,
        actor: Actor,
        *,
        shown: int = 1,
        reason: str = "",
        via: str = "card",
        words: str = "",
    ) -> Decided:
        """Confirm or reject. A rejection and its containment are one write.

        A rejection contains the VM, whoever started it; one in the guarded set is left to on-call, and
        nothing is written to Azure. A confirmation covers what its giver was shown.

        Args:
            answer: what they say.
            approval_id: the question.
            actor: who answers; their permission is checked again here.
            shown: how many starts the question asked about when they were shown it.
            reason: their own words.
            via: where they answered, for the audit.
            words: the reply that was understood as this answer.

        Raises:
            NotAllowed, AlreadyDecided, NotFound: as ``may`` does.
            Outdated: somebody else has started the VM, too, since they were shown it.
            NeedsReason: it is a confirmation at high risk, without a reason.
        """

        async def attempt() -> Decided:
            approval, known = await self._may(answer, approval_id, actor)
            if answer is Answer.CONFIRM and unseen(approval, shown):
                raise Outdated(
                    f"Somebody else has started {approval.event.vm.name}, too, since this was shown."
                )
            if answer is Answer.CONFIRM and approval.needs_reason and not reason.strip():
                raise NeedsReason("This start is of high risk. Confirm it with the button, and say why.")
            decision = Decision(
                answer=answer, by=known, at=self._clock.now(), via=via, reason=reason.strip(), words=words
            )
            with following("answer", approval.trace, approval=approval_id):
                return await self._write(approval, decision)

        decided = await until_written(attempt)
        with following("tell of the answer", decided.approval.trace, approval=approval_id):
            if await after_write(approval_id, lambda: self._nudge(decided)):
                for closed in (decided.approval, *decided.withdrawn):
                    await self._deadlines.clear(closed.id)
                if decided.approval.due_at() is not None:
                    await self._deadlines.set(decided.approval, version=decided.approval.version + 1)
        return decided

    async def _nudge(self, decided: Decided) -> None:
        approval, containment, withdrawn = decided
        if containment is not None:
            # Work on the VM comes before telling people.
            await self._nudger.work(
                Nudge(subject=Subject.CONTAINMENT, id=containment.id, version=containment.version + 1)
            )
        await self._nudger.notices(
            *(
                Nudge(subject=Subject.APPROVAL, id=closed.id, version=closed.version + 1)
                for closed in (approval, *withdrawn)
            )
        )

    async def _write(self, approval: Approval, decision: Decision) -> Decided:
        vm = approval.event.vm
        documents: tuple[Document, ...]
        containment: Containment | None = None
        withdrawn: tuple[Approval, ...] = ()
        records: tuple[AuditRecord, ...] = ()
        if decision.confirms or approval.guarded:  # of a guarded VM, a rejection is on-call's to act on
            decided = approval.decided(decision)
            record = without(await self._store.vm_record(vm), approval)
            documents = (decided, record)
        else:
            cause = Cause(
                kind=CauseKind.REJECTION,
                at=decision.at,
                by=decision.by,
                reason=decision.reason,
                approval_id=approval.id,
            )
            request = await request_containment(
                self._store, vm, cause, approval.terms.lockdown, now=decision.at, plan=approval.plan
            )
            by = decision.by.name or decision.by.email or "somebody"
            closing = await close_questions(
                self._store,
                request,
                f"another start of this VM was rejected by {by}",
                at=decision.at,
                by=decision.by.label,
                answered=approval.id,
            )
            containment, withdrawn, records = closing.containment, closing.withdrawn, closing.audit
            decided = approval.decided(decision, containment_id=containment.id)
            documents = (decided, *closing.documents)
        await self._store.commit(
            Commit(
                partition=partition_of_id(approval.id),
                documents=documents,
                audit=(
                    AuditRecord(
                        kind=f"approval.{decided.state.lower()}",
                        at=decision.at,
                        about=approval.id,
                        vm=vm.key,
                        by=decision.by.label,
                        details={
                            "via": decision.via,
                            "reason": decision.reason,
                            "starts": approval.starts,
                            "on_call": decision.by.on_call,
                            "owner": decision.by.owns(approval.owner),
                            "containment": containment.id if containment else None,
                            **({"guarded": approval.guarded} if approval.guarded else {}),
                            **({"words": decision.words} if decision.words else {}),
                        },
                    ),
                    *records,
                ),
                past=Remembered(vm, _remembered(decided, decision)),
            )
        )
        return Decided(decided, containment, withdrawn)


def _remembered(approval: Approval, decision: Decision) -> PastStart:
    what = What.CONFIRMED if decision.confirms else What.REJECTED
    by = decision.by.name or decision.by.email
    return of_answer(what, decision.at, approval.id, approval.event, by)
