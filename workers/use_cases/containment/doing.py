"""Doing: the steps of a containment are carried out, and read back before it counts as CONTAINED."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from typing_extensions import override

from workers.domain.asking.approvals import Approval
from workers.domain.containment.containment import Containment, ContainmentState
from workers.domain.containment.locks.blocking import giving_way, in_place, left_out, may_linger
from workers.domain.containment.outcomes import Outcome, begun, unproven
from workers.domain.containment.spec import StepName
from workers.domain.containment.steps import Progress, Step, Steps
from workers.domain.errors import StepFailed
from workers.domain.ports.azure.steps import StepRunner
from workers.domain.ports.store import Store
from workers.domain.starts.past.entries import What, of_answer
from workers.use_cases.containment.direction import AuditKinds, Direction
from workers.use_cases.containment.justify import unjustified

Guarded = Callable[[Containment], Awaitable[str]]
"""Why a VM must never be contained, in sentences; empty if it may be. Raises ``DependencyAway`` in doubt."""


class Doing(Direction):
    """Begins each step, polls it, and in the end checks all that must be read back at the same moment.

    Args:
        guarded: asked before anything is begun, beside who ordered it; without it no VM is guarded.
    """

    states = frozenset({ContainmentState.PLANNED, ContainmentState.RUNNING})
    end = ContainmentState.CONTAINED
    kinds = AuditKinds(
        late="containment.late",
        refused="containment.refused",
        incomplete="containment.incomplete",
        proven="containment.contained",
    )

    def __init__(
        self, *, store: Store, runners: Mapping[StepName, StepRunner], guarded: Guarded | None = None
    ) -> None:
        super().__init__(store=store, runners=runners)
        self._guarded = guarded

    @override
    async def refusal(self, containment: Containment) -> str:
        first = containment.state is ContainmentState.PLANNED
        why = await unjustified(self._store, containment, self._rejected if first else lambda _approval: None)
        return why or (await self._guarded(containment) if self._guarded else "")

    def _rejected(self, approval: Approval) -> None:
        """Later starts by the same caller say that one of theirs was rejected."""
        if approval.decision is not None:
            by = approval.decision.by.name or approval.decision.by.email
            entry = of_answer(What.REJECTED, approval.decision.at, approval.id, approval.event, by)
            self._store.note_of_caller(entry)

    @override
    def permitted(self, containment: Containment) -> Containment:
        return containment.changed(unguarded=containment.demand) if self._guarded else containment

    @override
    def steps(self, containment: Containment) -> Steps:
        return containment

    @override
    def with_step(self, containment: Containment, step: Step) -> Containment:
        return containment.with_step(step)

    @override
    def began(self, containment: Containment) -> datetime:
        return containment.began

    @override
    def paged(self, containment: Containment, now: datetime) -> Containment:
        return containment.changed(paged_at=now)

    @override
    def resumed(self, containment: Containment, now: datetime) -> Containment:
        return containment.resumed(now)

    @override
    def giving_way(self, containment: Containment) -> tuple[Outcome, ...]:
        return giving_way(containment)

    @override
    def ready(self, containment: Containment, now: datetime) -> tuple[Step, ...]:
        return containment.ready(now)

    @override
    def begin(self, containment: Containment, step: Step, now: datetime) -> Outcome:
        return left_out(containment, step, now) or begun(step, now)

    @override
    async def act(self, containment: Containment, step: Step) -> Progress:
        runner = self._runners[step.name]
        if step.token:
            return await runner.check(containment.vm, containment.profile, step)
        blocking = () if step.name.spec.blocks else in_place(containment)
        lifted = [await self._runners[one.name].lift(containment.vm, one) for one in blocking]
        try:
            return await runner.begin_in(containment, step)
        except StepFailed as refused:
            if not blocking:
                raise
            raise may_linger(refused, "; ".join(filter(None, lifted))) from None

    @override
    def read_back(self, name: StepName) -> bool:
        return name.spec.read_back

    @override
    async def prove(self, containment: Containment, step: Step) -> Progress:
        return await self._runners[step.name].check(containment.vm, containment.profile, step)

    @override
    def unproven(self, step: Step, why: Exception | Progress, now: datetime) -> Outcome:
        if isinstance(why, Exception):
            return unproven(step, f"{type(why).__name__}: {why}", now)
        return unproven(step, why.note or "not as it was left", now)
