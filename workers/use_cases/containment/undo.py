"""Bring a restore forward: begin what is ready, poll what is under way, prove it, let the VM go, and say so.

The counterpart of ``contain``, and run by it whenever a nudge says *look again* about a containment that is
RESTORING. It holds no message lock while Azure works: every call to a step returns at once.
"""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple

import structlog

from workers.domain.audit import AuditRecord
from workers.domain.containment.containment import Containment, ContainmentState, Restoration
from workers.domain.containment.outcomes import Outcome, failed, held_up, progressed
from workers.domain.containment.plans import StepName
from workers.domain.containment.restoration import begin_undo, of_undo, ready_to_undo
from workers.domain.containment.steps import Progress, Step, StepState
from workers.domain.errors import DependencyAway, NotFound, StepFailed
from workers.domain.ids import partition_of_id
from workers.domain.nudges import Nudge, Subject
from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.steps import StepRunner
from workers.domain.ports.store import Commit, Document, Store
from workers.domain.starts.vm import ExpectedStart
from workers.use_cases.conflicts import until_written
from workers.use_cases.containment.justify import unordered
from workers.use_cases.containment.look_again import look_again

log = structlog.get_logger(__name__)

START_TAKES = timedelta(minutes=30)
"""A start that we asked for is expected for this long; one that comes later is asked about."""
CLOCK_SKEW = timedelta(minutes=5)
"""Between Azure's clock, which dates events, and ours."""


class _Intended(NamedTuple):
    """The containment as written, and the undos to bring forward now."""

    containment: Containment
    steps: tuple[Step, ...]


class Undo:
    """Brings restores forward with these steps."""

    def __init__(
        self, *, store: Store, nudger: Nudger, runners: Mapping[StepName, StepRunner], clock: Clock
    ) -> None:
        self._store = store
        self._nudger = nudger
        self._runners = runners
        self._clock = clock

    async def __call__(self, containment_id: str) -> None:
        """Do what can be done now. Early, late, doubled and concurrent calls are harmless.

        Raises:
            DependencyAway: the store does not answer. Azure being away is noted in the document, and retried.
        """
        intended = await until_written(lambda: self._intend(containment_id))
        if intended is None:
            return
        containment = intended.containment
        # All of them come to their end, before what one of them raised goes on its way.
        results = await asyncio.gather(
            *(self._bring_forward(containment, step) for step in intended.steps), return_exceptions=True
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result
        containment = await self._store.containment(containment_id)
        restoring = containment.state is ContainmentState.RESTORING
        if restoring and all(step.ended for step in _restoration(containment).steps):
            await self._conclude(containment)
            containment = await self._store.containment(containment_id)
        await look_again(self._store, self._nudger, self._clock, _nudge(containment), containment.due_at())

    # Steps

    async def _intend(self, containment_id: str) -> _Intended | None:
        """Put on record what is going to be done before anything is: whoever comes next sees it."""
        containment = await self._store.containment(containment_id)
        if containment.state is not ContainmentState.RESTORING:
            return None
        refusal = unordered(containment.restoration)
        if refusal:
            await self._give_up(containment, refusal)
            return None
        now = self._clock.now()
        restoration = _restoration(containment)
        under_way = restoration.under_way(now)
        records: list[AuditRecord] = []
        begun: list[StepName] = []
        # Begun, but cut off before its result was written: begin again. Steps are idempotent.
        for step in (*ready_to_undo(restoration, now), *(one for one in under_way if not one.token)):
            outcome = begin_undo(restoration, step, now)
            restoration = restoration.with_step(outcome.step)
            records.append(self._audit(containment, outcome.kind, step=str(step.name), **outcome.details))
            if outcome.step.state is StepState.STARTED:
                begun.append(step.name)
        containment = containment.changed(restoration=restoration)
        if records:
            documents: list[Document] = [containment]
            if StepName.STOP in begun and restoration.start_id is not None:
                record = await self._store.vm_record(containment.vm)
                earlier = record.expected_start.correlation_ids if record.expected_start else ()
                ids = earlier if restoration.start_id in earlier else (restoration.start_id,)
                expected = ExpectedStart(
                    correlation_ids=ids, after=restoration.at - CLOCK_SKEW, until=now + START_TAKES
                )
                documents.append(record.changed(expected_start=expected))
            containment = await self._commit(containment, *records, documents=documents)
        polled = [step.name for step in under_way if step.token]
        return _Intended(containment, tuple(restoration.step(name) for name in (*begun, *polled)))

    async def _bring_forward(self, containment: Containment, step: Step) -> None:
        """Act, and write down what came of it. The result is never lost to somebody else's write."""
        started_as = ""
        try:
            progress = await self._undo(containment, step)
            started_as = progress.started_as
            outcome = progressed(step, progress, self._clock.now())
        except DependencyAway as away:
            outcome = held_up(step, away, self._clock.now())
        except Exception as refusal:
            outcome = failed(step, _failure(refusal, containment, step), self._clock.now())
        if outcome.step == step and not started_as:
            return
        written = await until_written(
            lambda: self._note(containment.id, step, of_undo(outcome), started_as=started_as)
        )
        if written is not None and (outcome.step.state, outcome.step.note) != (step.state, step.note):
            await self._nudger.notices(_nudge(written))

    async def _undo(self, containment: Containment, step: Step) -> Progress:
        start = _restoration(containment).start_id
        return await self._runners[step.name].undo(containment.vm, containment.profile, step, start=start)

    async def _note(
        self, containment_id: str, step: Step, outcome: Outcome, *, started_as: str
    ) -> Containment | None:
        containment = await self._store.containment(containment_id)
        restoration = containment.restoration
        if containment.state is not ContainmentState.RESTORING or restoration is None:
            return None  # contained anew meanwhile
        if restoration.step(step.name) != step:
            return None  # somebody else has brought this step forward meanwhile; their result stands
        containment = containment.changed(restoration=restoration.with_step(outcome.step))
        documents: list[Document] = [containment]
        record = await self._store.vm_record(containment.vm)
        expected = record.expected_start
        if started_as and expected is not None and started_as not in expected.correlation_ids:
            # Azure did not take our correlation id over; the event will carry its own.
            both = expected.changed(correlation_ids=(*expected.correlation_ids, started_as))
            documents.append(record.changed(expected_start=both))
        records = (
            [self._audit(containment, outcome.kind, step=str(step.name), **outcome.details)]
            if outcome.kind
            else []
        )
        return await self._commit(containment, *records, documents=documents)

    # The end

    async def _conclude(self, containment: Containment) -> None:
        """RESTORED only if every NIC reads back with its former NSG, all at this moment."""
        restoration = _restoration(containment)
        left = [step for step in restoration.steps if step.state is StepState.FAILED]
        if left:
            await self._end(
                containment.id,
                ContainmentState.INCOMPLETE,
                "restore.incomplete",
                left={str(step.name): step.note for step in left},
            )
            return
        reread = [
            step
            for step in restoration.steps
            if step.name.spec.undo_read_back and step.state is StepState.DONE
        ]
        results = await asyncio.gather(
            *(self._undo(containment, step) for step in reread), return_exceptions=True
        )
        for step, result in zip(reread, results, strict=True):
            if isinstance(result, BaseException) and not isinstance(result, Exception):
                raise result
            if isinstance(result, Exception) or not result.done:
                outcome = self._unproven(containment, step, result)
                await until_written(
                    lambda step=step, outcome=outcome: self._note(  # type: ignore[misc]  # defaults bind the loop's variables
                        containment.id, step, outcome, started_as=""
                    )
                )
                return
        await self._end(
            containment.id,
            ContainmentState.RESTORED,
            "containment.restored",
            read_back=[str(step.name) for step in reread],
        )

    def _unproven(self, containment: Containment, step: Step, result: Progress | Exception) -> Outcome:
        """What was done does not read back so at the end: it is done again, or it has failed."""
        now = self._clock.now()
        again = step.to(StepState.TODO, ended_at=None).to(StepState.STARTED, token="")
        if isinstance(result, DependencyAway):
            return of_undo(held_up(again, result, now))
        why = (
            _failure(result, containment, step) if isinstance(result, Exception) else StepFailed(result.note)
        )
        return of_undo(failed(again, why, now))

    async def _released(self, containment: Containment) -> list[Document]:
        """The approvals that this containment rested on: nothing needs them any more."""
        found: list[Document] = []
        for approval_id in containment.cards:
            if approval_id == containment.id:
                continue
            try:
                approval = await self._store.approval(approval_id)
            except NotFound:
                continue
            found.append(approval.changed(released=True))
        return found

    async def _end(self, containment_id: str, state: ContainmentState, kind: str, **details: object) -> None:
        async def write() -> Containment | None:
            containment = await self._store.containment(containment_id)
            if containment.state is not ContainmentState.RESTORING:
                return None
            now = self._clock.now()
            restored = state is ContainmentState.RESTORED
            containment = containment.to(state, ended_at=now, verified_at=now if restored else None)
            documents: list[Document] = [containment]
            record = await self._store.vm_record(containment.vm)
            expected = record.expected_start
            if expected is not None:
                soon = min(expected.until, now + CLOCK_SKEW)
                freed = record.changed(expected_start=expected.changed(until=soon))
            else:
                freed = record
            if restored and record.containment_id == containment.id:
                # In the same write: from here on, a start of the VM is asked about again.
                freed = freed.changed(containment_id=None)
            if freed != record:
                documents.append(freed)
            if restored:
                documents.extend(await self._released(containment))
            return await self._commit(
                containment, self._audit(containment, kind, **details), documents=documents
            )

        written = await until_written(write)
        if written is not None:
            await self._nudger.notices(_nudge(written))

    async def _give_up(self, containment: Containment, why: str) -> None:
        now = self._clock.now()
        restoration = containment.restoration
        if restoration is not None:
            for step in restoration.steps:
                if step.state is StepState.TODO:
                    restoration = restoration.with_step(step.to(StepState.SKIPPED, ended_at=now, note=why))
        refused = containment.to(ContainmentState.INCOMPLETE, ended_at=now, restoration=restoration)
        written = await self._commit(refused, self._audit(refused, "restore.unjustified", reason=why))
        await self._nudger.notices(_nudge(written))

    async def _commit(
        self, containment: Containment, *records: AuditRecord, documents: list[Document] | None = None
    ) -> Containment:
        """Write, and give back the containment as it now is in the store."""
        await self._store.commit(
            Commit(
                partition=partition_of_id(containment.id),
                documents=tuple(documents or (containment,)),
                audit=records,
            )
        )
        return containment.changed(version=containment.version + 1)

    def _audit(self, containment: Containment, kind: str, **details: object) -> AuditRecord:
        return AuditRecord(
            kind=kind, at=self._clock.now(), about=containment.id, vm=containment.vm.key, details=details
        )


def _restoration(containment: Containment) -> Restoration:
    if containment.restoration is None:
        raise NotFound(f"{containment.id} is not being restored")
    return containment.restoration


def _failure(error: Exception, containment: Containment, step: Step) -> StepFailed:
    """What a step raised, as its failure: whatever is wrong with a step, it must end."""
    if isinstance(error, StepFailed):
        return error
    if isinstance(error, NotFound):
        return StepFailed(str(error), code="NotFound", final=True)
    log.error("a step has a defect", step=str(step.name), containment=containment.id, exc_info=error)
    return StepFailed(f"{type(error).__name__}: {error}")


def _nudge(containment: Containment) -> Nudge:
    return Nudge(subject=Subject.CONTAINMENT, id=containment.id, version=containment.version)
