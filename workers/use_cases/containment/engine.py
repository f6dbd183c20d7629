"""The engine that brings a containment forward, in whichever direction it goes.

Each look does what can be done now: begin what is ready, poll what is under way, write down each result by
itself, and once every step has ended, read back and say how it ended. It holds no message lock while Azure
works: every call to a step returns at once, and the next look is scheduled.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import timedelta

import structlog

from workers.domain.containment.containment import Containment, ContainmentState
from workers.domain.containment.exchanges import Notes, noting
from workers.domain.containment.outcomes import Outcome, failed, held_up, paused, progressed
from workers.domain.containment.steps import BEGIN_LEASE, Progress, Step, StepState
from workers.domain.errors import DependencyAway, StepFailed, WritesPaused
from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Store
from workers.telemetry.spans import following
from workers.use_cases.conflicts import until_written
from workers.use_cases.containment.brakes import Brakes
from workers.use_cases.containment.direction import Direction
from workers.use_cases.containment.intend import Intend
from workers.use_cases.containment.ledger import Ledger, nudge_about
from workers.use_cases.containment.next_look import schedule_next_look

log = structlog.get_logger(__name__)

_AT_ONCE = 2
"""Acts of a step in one look, where the first only put on record what the second does."""

ACT_TAKES = BEGIN_LEASE - timedelta(seconds=5)
"""How long one call of a step may take in all. It ends before the lease, to write down what came of it."""


class Engine:
    """Brings containments forward.

    Args:
        directions: a containment goes in the one that lists its state; with none, there is nothing to do.
        brakes: asked before anything is begun.
    """

    def __init__(
        self,
        *,
        store: Store,
        nudger: Nudger,
        clock: Clock,
        directions: Sequence[Direction],
        brakes: Brakes,
    ) -> None:
        self._store = store
        self._nudger = nudger
        self._clock = clock
        self._ledger = Ledger(store=store, clock=clock)
        self._intend = Intend(
            store=store,
            nudger=nudger,
            clock=clock,
            directions={state: direction for direction in directions for state in direction.states},
            brakes=brakes,
        )

    async def __call__(self, containment_id: str) -> None:
        """Do what can be done now. Early, late, duplicate and concurrent calls are harmless.

        Raises:
            NotFound: there is no such containment.
            Conflict: others wrote in between, again and again; their writes nudge.
            DependencyAway: the store does not answer. Azure being away is noted in the document, and retried.
        """
        intended = await until_written(lambda: self._intend(containment_id))
        if intended is None:
            return
        cause, about = intended.containment.cause, {"containment": containment_id}
        if cause.approval_id is not None:
            about["approval"] = cause.approval_id
        with following("contain", intended.containment.trace, **about):
            await self._go_on(containment_id, *intended)

    async def _go_on(
        self,
        containment_id: str,
        containment: Containment,
        direction: Direction,
        steps: Sequence[Step],
        held: bool,  # noqa: FBT001 - as it was intended
    ) -> None:
        # Wait for all of them before raising what one of them raised, so that no result is lost.
        results = await asyncio.gather(
            *(self._bring_forward(direction, containment, step) for step in steps), return_exceptions=True
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result
        containment = await self._store.containment(containment_id)
        goes_on = containment.state in direction.states and not held
        if goes_on and all(s.ended for s in direction.steps(containment).steps):
            ended = await self._conclude(direction, containment)
            containment = ended or await self._store.containment(containment_id)
        await schedule_next_look(
            self._store, self._nudger, self._clock, nudge_about(containment), containment.due_at()
        )

    # Steps

    async def _bring_forward(self, direction: Direction, containment: Containment, step: Step) -> None:
        """Act, and write down what came of it. The result is never lost to somebody else's write.

        A step that put on record first what it is going to do goes on at once: who rejects waits for it.
        """
        for _ in range(_AT_ONCE):
            written, progress = await self._act(direction, containment, step)
            if written is None or progress is None or progress.done or progress.look_again_after:
                return
            containment, step = written, direction.steps(written).step(step.name)
            if not step.token:
                return

    async def _act(
        self, direction: Direction, containment: Containment, step: Step
    ) -> tuple[Containment | None, Progress | None]:
        """One act, and the containment as it was written after it."""
        progress: Progress | None = None
        with noting() as notes:
            try:
                progress = await _bounded(direction.act(containment, step))
                outcome = progressed(step, progress, self._clock.now())
            except WritesPaused as no:
                outcome = paused(step, no.until)
            except DependencyAway as away:
                outcome = held_up(step, away, self._clock.now())
            except Exception as error:
                outcome = failed(step, _failure(direction, error, containment, step), self._clock.now())
        if outcome.step == step and not (progress and progress.started_as) and not notes.exchanges:
            return None, progress
        outcome = direction.named(outcome)
        written = await self._note(direction, containment.id, step, outcome, progress=progress, notes=notes)
        if written is not None and (outcome.step.state, outcome.step.note) != (step.state, step.note):
            await self._nudger.notices(nudge_about(written))
        return written, progress

    async def _note(
        self,
        direction: Direction,
        containment_id: str,
        step: Step,
        outcome: Outcome,
        *,
        progress: Progress | None = None,
        notes: Notes | None = None,
    ) -> Containment | None:
        """Write what became of ``step``, unless somebody else has brought it forward meanwhile.

        What was exchanged with Azure is kept in any case.
        """
        notes = notes or Notes()
        wrote = outcome if outcome.kind else direction.named(Outcome(outcome.step, "step.wrote", {}))

        async def write() -> Containment | None:
            current = await self._store.containment(containment_id)
            if current.state not in direction.states:
                await self._ledger.keep(current, wrote, notes)
                return None
            now_is = direction.steps(current).step(step.name)
            if now_is.changed(paged_at=step.paged_at) != step:
                await self._ledger.keep(current, wrote, notes)
                return None  # their result stands
            beside = await direction.written_with_progress(current, progress) if progress else ()
            after = outcome.step
            if now_is.paged_at != step.paged_at:
                after = after.changed(paged_at=now_is.paged_at)
            current = direction.with_step(current, after)
            told = outcome.kind or notes.exchanges
            records = [self._ledger.of_step(current, wrote, notes)] if told else []
            return await self._ledger.commit(current, *records, beside=beside, notes=notes)

        return await until_written(write)

    # The end

    async def _conclude(self, direction: Direction, containment: Containment) -> Containment | None:
        """No end is written before all that must be read back was read back, at this moment.

        A bad end neither: if the VM runs by then, it is stopped again instead.

        Returns:
            The containment as written; ``None`` when somebody else wrote meanwhile.
        """
        steps = direction.steps(containment)
        reread = [s for s in steps.steps if direction.read_back(s.name) and s.state is StepState.DONE]
        results = await asyncio.gather(
            *(self._prove(direction, containment, step) for step in reread), return_exceptions=True
        )
        for step, result in zip(reread, results, strict=True):
            if isinstance(result, BaseException) and not isinstance(result, Exception):
                raise result
            if isinstance(result, Exception) or not result.done:
                outcome = self._unproven(direction, step, result)
                return await self._note(direction, containment.id, step, outcome)
        names = [str(step.name) for step in reread]
        if steps.failed:
            left = {str(step.name): step.note for step in steps.failed}
            kind = direction.kinds.incomplete
            return await self._end(
                containment, ContainmentState.INCOMPLETE, direction, kind, left=left, read_back=names
            )
        return await self._end(containment, direction.end, direction, direction.kinds.proven, read_back=names)

    async def _prove(self, direction: Direction, containment: Containment, step: Step) -> Progress:
        """Read a step back. What it had to write to Azure for that, if anything, is kept."""
        with noting() as notes:
            try:
                return await direction.prove(containment, step)
            finally:
                await self._ledger.keep(containment, direction.named(Outcome(step, "step.wrote", {})), notes)

    def _unproven(self, direction: Direction, step: Step, result: Exception | Progress) -> Outcome:
        now = self._clock.now()
        if isinstance(result, DependencyAway):
            # Azure is away or throttles: the step is gone through once more later. This counts as no attempt.
            again = step.to(StepState.TODO, ended_at=None).to(StepState.STARTED, token="")
            return direction.named(held_up(again, result, now))
        if isinstance(result, Exception):
            log.warning("could not read back", step=str(step.name), error=str(result))
        return direction.unproven(step, result, now)

    async def _end(
        self,
        concluded: Containment,
        state: ContainmentState,
        direction: Direction,
        kind: str,
        **details: object,
    ) -> Containment | None:
        async def write() -> Containment | None:
            current = await self._store.containment(concluded.id)
            if current.version != concluded.version:
                return None  # what was read back may not be what it says now; that write nudges
            now = self._clock.now()
            proven = state is direction.end
            ended = current.to(state, ended_at=now, verified_at=now if proven else None)
            beside = await direction.written_with_end(ended, now)
            return await self._ledger.commit(
                ended, self._ledger.record(ended, kind, **details), beside=beside
            )

        written = await until_written(write)
        if written is not None:
            await self._nudger.notices(nudge_about(written))
        return written


async def _bounded(acting: Awaitable[Progress]) -> Progress:
    """One act on Azure, ended before its lease is over, so that nobody begins the same beside it.

    Raises:
        DependencyAway: Azure took too long. What was done already is found by the next attempt.
    """
    bound = asyncio.timeout(ACT_TAKES.total_seconds())
    try:
        async with bound:
            return await acting
    except TimeoutError:
        if not bound.expired():
            raise
        away = f"took longer than {ACT_TAKES.total_seconds():g} s to answer"
        raise DependencyAway("azure", away) from None


def _failure(direction: Direction, error: Exception, containment: Containment, step: Step) -> StepFailed:
    """What a step raised, as its failure: whatever is wrong with a step, it must end."""
    failure = direction.failure(error)
    if failure is not None:
        return failure
    log.error("a step has a defect", step=str(step.name), containment=containment.id, exc_info=error)
    return StepFailed(f"{type(error).__name__}: {error}")
