"""Undoing: each step of a containment is taken back, and read back before the VM counts as RESTORED."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from typing_extensions import override

from workers.domain.containment.containment import Containment, ContainmentState, Restoration
from workers.domain.containment.locks.blocking import SCOPE_LOCKED, in_place, may_linger
from workers.domain.containment.outcomes import Outcome, failed
from workers.domain.containment.restoration import begin_undo, of_undo, ready_to_undo
from workers.domain.containment.spec import StepName
from workers.domain.containment.steps import Progress, Step, Steps, StepState
from workers.domain.errors import NotFound, StepFailed
from workers.domain.ports.azure.steps import StepRunner
from workers.domain.ports.store import Document, Store
from workers.domain.starts.vm import ExpectedStart
from workers.use_cases.containment.direction import AuditKinds, Direction
from workers.use_cases.containment.justify import unordered

START_TAKES = timedelta(minutes=30)
"""A start that we asked for is expected for this long; one that comes later is asked about."""
START_MARGIN = timedelta(minutes=5)
"""How far before the order, and after the end of the restore, Azure may date the start that we asked for.

Azure dates the event by its clock, we date order and end by ours, and the event of a start that has just
ended may still come. It can be generous, because an expected start must carry our correlation id, too.
"""


class Undoing(Direction):
    """Undoes each step, and in the end frees the VM, so that its next start is asked about again."""

    states = frozenset({ContainmentState.RESTORING})
    end = ContainmentState.RESTORED
    kinds = AuditKinds(
        late="restore.late",
        refused="restore.unjustified",
        incomplete="restore.incomplete",
        proven="containment.restored",
    )

    def __init__(
        self, *, store: Store, runners: Mapping[StepName, StepRunner], two_persons: Callable[[], bool]
    ) -> None:
        super().__init__(store=store, runners=runners)
        self._two_persons = two_persons

    @override
    async def refusal(self, containment: Containment) -> str:
        return unordered(containment, two_persons=self._two_persons())

    @override
    def steps(self, containment: Containment) -> Steps:
        return containment.restoration or Steps(steps=())

    @override
    def with_step(self, containment: Containment, step: Step) -> Containment:
        return containment.changed(restoration=_ordered(containment).with_step(step))

    @override
    def began(self, containment: Containment) -> datetime:
        return _ordered(containment).at

    @override
    def paged(self, containment: Containment, now: datetime) -> Containment:
        return containment.changed(restoration=_ordered(containment).changed(paged_at=now))

    @override
    def resumed(self, containment: Containment, now: datetime) -> Containment:
        return containment.changed(restoration=_ordered(containment).resumed(now))

    @override
    def ready(self, containment: Containment, now: datetime) -> tuple[Step, ...]:
        return ready_to_undo(_ordered(containment), now)

    @override
    def begin(self, containment: Containment, step: Step, now: datetime) -> Outcome:
        return begin_undo(_ordered(containment), step, now)

    @override
    async def act(self, containment: Containment, step: Step) -> Progress:
        runner, start = self._runners[step.name], _ordered(containment).start_id
        try:
            return await runner.undo(containment.vm, containment.profile, step, start=start)
        except StepFailed as refused:
            blocking = [one for one in in_place(containment) if one.name is not step.name]
            if refused.code != SCOPE_LOCKED or not blocking:
                raise
            others = [await self._runners[one.name].lift(containment.vm, one) for one in blocking]
            raise may_linger(refused, "; ".join(filter(None, others))) from None

    @override
    def named(self, outcome: Outcome) -> Outcome:
        return of_undo(outcome)

    @override
    def failure(self, error: Exception) -> StepFailed | None:
        if isinstance(error, NotFound):  # what is gone can't be given back
            return StepFailed(str(error), code="NotFound", final=True)
        return super().failure(error)

    @override
    def read_back(self, name: StepName) -> bool:
        return name.spec.undo_read_back

    @override
    async def prove(self, containment: Containment, step: Step) -> Progress:
        return await self.act(containment, step)

    @override
    def unproven(self, step: Step, why: Exception | Progress, now: datetime) -> Outcome:
        if isinstance(why, Progress):
            failure = StepFailed(why.note)
        else:
            failure = self.failure(why) or StepFailed(f"{type(why).__name__}: {why}")
        again = step.to(StepState.TODO, ended_at=None).to(StepState.STARTED, token="")
        return of_undo(failed(again, failure, now))

    @override
    async def written_with_begun(
        self, containment: Containment, begun: Sequence[StepName], now: datetime
    ) -> Sequence[Document]:
        """The VM is about to be started for us: its start event is expected."""
        restoration = _ordered(containment)
        if StepName.STOP not in begun or restoration.start_id is None:
            return ()
        record = await self._store.vm_record(containment.vm)
        earlier = record.expected_start.correlation_ids if record.expected_start else ()
        ids = earlier if restoration.start_id in earlier else (restoration.start_id,)
        expected = ExpectedStart(
            correlation_ids=ids, after=restoration.at - START_MARGIN, until=now + START_TAKES
        )
        return (record.changed(expected_start=expected),)

    @override
    async def written_with_progress(self, containment: Containment, progress: Progress) -> Sequence[Document]:
        """Where Azure did not take our correlation id over, a start under Azure's own is expected, too."""
        if not progress.started_as:
            return ()
        record = await self._store.vm_record(containment.vm)
        expected = record.expected_start
        if expected is None or progress.started_as in expected.correlation_ids:
            return ()
        both = expected.changed(correlation_ids=(*expected.correlation_ids, progress.started_as))
        return (record.changed(expected_start=both),)

    @override
    async def written_with_end(self, containment: Containment, now: datetime) -> Sequence[Document]:
        """From here on, a start is no longer expected; once restored, it is asked about again."""
        restored = containment.state is ContainmentState.RESTORED
        record = await self._store.vm_record(containment.vm)
        freed = record
        if record.expected_start is not None:
            soon = min(record.expected_start.until, now + START_MARGIN)
            freed = freed.changed(expected_start=record.expected_start.changed(until=soon))
        if restored and record.containment_id == containment.id:
            freed = freed.changed(containment_id=None)
        documents: list[Document] = [freed] if freed != record else []
        return [*documents, *(await self._released(containment))] if restored else documents

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


def _ordered(containment: Containment) -> Restoration:
    if containment.restoration is None:
        raise NotFound(f"{containment.id} is not being restored")
    return containment.restoration
