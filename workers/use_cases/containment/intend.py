"""What a look at a containment is going to do, written down before it is done."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from workers.domain.audit import AuditRecord
from workers.domain.containment.brakes.held import Held
from workers.domain.containment.containment import Containment, ContainmentState
from workers.domain.containment.ending.grace import regretted
from workers.domain.containment.outcomes import Outcome, held_up
from workers.domain.containment.patience import overdue
from workers.domain.containment.restoration import taken_back
from workers.domain.containment.steps import Step, StepState
from workers.domain.errors import DependencyAway
from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Store
from workers.use_cases.containment.brakes import Brakes
from workers.use_cases.containment.direction import Direction
from workers.use_cases.containment.ledger import Ledger, nudge_about, running


class Intended(NamedTuple):
    """The containment as written, its direction, and the steps to bring forward now.

    ``held`` says that it is held back: the steps are only looked at, and no end is written.
    """

    containment: Containment
    direction: Direction
    steps: tuple[Step, ...]
    held: bool = False


class Intend:
    """Decides what is done now, and writes it, so that whoever comes next sees it.

    One write for all steps: they would meet each other's conflicts otherwise.
    """

    def __init__(
        self,
        *,
        store: Store,
        nudger: Nudger,
        clock: Clock,
        directions: Mapping[ContainmentState, Direction],
        brakes: Brakes,
    ) -> None:
        self._store = store
        self._nudger = nudger
        self._clock = clock
        self._directions = directions
        self._brakes = brakes
        self._ledger = Ledger(store=store, clock=clock)

    async def __call__(self, containment_id: str) -> Intended | None:
        """Read, decide and write once; ``None`` if there is nothing to do.

        Raises:
            NotFound: there is no such containment.
            Conflict: somebody else wrote in between; call again.
            DependencyAway: the store does not answer.
        """
        containment = await self._read(containment_id)
        direction = self._directions.get(containment.state)
        if direction is None:
            return None
        refusal, doubt = await _judged(direction, containment)
        if refusal:
            await self._give_up(direction, containment, refusal)
            return None
        now = self._clock.now()
        held = await self._brakes.hold(containment)
        if held is not None:
            return await self._held(direction, containment, held, now)
        if doubt is None:
            containment = direction.permitted(containment)
        containment, records = self._resumed(direction, containment, now)
        containment, overdue_records = self._overdue(direction, containment, now)
        records += overdue_records
        late = bool(records)
        for outcome in direction.giving_way(containment):
            containment = direction.with_step(containment, outcome.step)
            records.append(self._ledger.of_step(containment, outcome))
        under_way = direction.steps(containment).under_way(now)
        # Begun, but cut off before its result was written: begin again. Steps are idempotent.
        cut_off = tuple(step for step in under_way if not step.token)
        begun: list[Step] = []
        for step in (*direction.ready(containment, now), *cut_off):
            outcome = _waiting(direction, step, doubt, now) or direction.begin(containment, step, now)
            containment = direction.with_step(containment, outcome.step)
            records.append(self._ledger.of_step(containment, outcome))
            if outcome.step.state is StepState.STARTED:
                begun.append(outcome.step)
        if records:
            beside = await direction.written_with_begun(containment, [step.name for step in begun], now)
            containment = await self._ledger.commit(running(containment), *records, beside=beside)
        if late:
            await self._nudger.notices(nudge_about(containment))
        return Intended(containment, direction, (*begun, *(step for step in under_way if step.token)))

    async def _read(self, containment_id: str) -> Containment:
        """As it is. If its rejection was taken back, its undo begins once nothing is under way any more."""
        containment = await self._store.containment(containment_id)
        if not regretted(containment) or any(s.state is StepState.STARTED for s in containment.steps):
            return containment
        back = taken_back(running(containment), self._clock.now())
        by = back.restoration.by.label if back.restoration else ""
        record = self._ledger.record(back, "restore.ordered", by=by, via="regret")
        written = await self._ledger.commit(back, record)
        await self._brakes.let_go(containment)
        await self._nudger.notices(nudge_about(written))
        return written

    async def _held(
        self, direction: Direction, containment: Containment, held: Held, now: datetime
    ) -> Intended:
        """Nothing is begun, and no time counts. What Azure was told to do already is looked at."""
        if containment.held != held:
            known = containment.held is not None and containment.held.by is held.by
            containment = containment.changed(held=held)
            until = held.until.isoformat()
            record = self._ledger.record(containment, "containment.held", by=str(held.by), until=until)
            containment = await self._ledger.commit(containment, *(() if known else (record,)))
            if not known:
                await self._nudger.notices(nudge_about(containment))
        polled = tuple(step for step in direction.steps(containment).under_way(now) if step.token)
        return Intended(containment, direction, polled, held=True)

    def _resumed(
        self, direction: Direction, containment: Containment, now: datetime
    ) -> tuple[Containment, list[AuditRecord]]:
        """Nothing holds it back any more."""
        if containment.held is None:
            return containment, []
        record = self._ledger.record(containment, "containment.resumed", was=str(containment.held.by))
        return direction.resumed(containment, now).changed(held=None), [record]

    def _overdue(
        self, direction: Direction, containment: Containment, now: datetime
    ) -> tuple[Containment, list[AuditRecord]]:
        """What takes too long is given up, or on-call is told what it waits for."""
        late = overdue(direction.steps(containment), direction.began(containment), containment.profile, now)
        records: list[AuditRecord] = []
        for outcome in late.outcomes:
            containment = direction.with_step(containment, outcome.step)
            records.append(self._ledger.of_step(containment, direction.named(outcome)))
        if late.pages:
            containment = direction.paged(containment, now)
            waiting = {str(s.name): s.note for s in direction.steps(containment).steps if not s.ended}
            records.append(self._ledger.record(containment, direction.kinds.late, waits_for=waiting))
        return containment, records

    async def _give_up(self, direction: Direction, containment: Containment, why: str) -> None:
        """It must not go on: what was not begun is skipped, and on-call is told."""
        now = self._clock.now()
        refused = running(containment)
        for step in direction.steps(containment).steps:
            if step.state is StepState.TODO:
                skipped = step.to(StepState.SKIPPED, ended_at=now, note=why)
                refused = direction.with_step(refused, skipped)
        refused = refused.to(ContainmentState.INCOMPLETE, ended_at=now, held=None)
        record = self._ledger.record(refused, direction.kinds.refused, reason=why)
        written = await self._ledger.commit(refused, record)
        await self._brakes.let_go(containment)
        await self._nudger.notices(nudge_about(written))


async def _judged(direction: Direction, containment: Containment) -> tuple[str, DependencyAway | None]:
    """Why it must not go on, or empty; and why that can't be told yet."""
    try:
        return await direction.refusal(containment), None
    except DependencyAway as away:
        if away.service != "azure":
            raise
        return "", away


def _waiting(direction: Direction, step: Step, doubt: DependencyAway | None, now: datetime) -> Outcome | None:
    """A step that can't be begun, since it can't be told whether it may be: this counts as no attempt."""
    if doubt is None:
        return None
    begun = step if step.state is StepState.STARTED else step.begun(now)
    return direction.named(held_up(begun, doubt, now))
