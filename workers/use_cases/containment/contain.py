"""Bring a containment forward: begin what is ready, poll what is under way, prove it, and say so.

Runs whenever a nudge says *look again*. It holds no message lock while Azure works: every call to a step
returns at once, and the next look is scheduled.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import structlog

from workers.domain.audit import AuditRecord
from workers.domain.containment.containment import (
    MAX_ATTEMPTS,
    Containment,
    ContainmentState,
    Progress,
    Step,
    StepState,
    retry_delay,
)
from workers.domain.containment.outcomes import cut_off, failed, held_up, progressed
from workers.domain.containment.plans import StepName
from workers.domain.errors import Conflict, DependencyAway, StepFailed
from workers.domain.ids import partition_of_id
from workers.domain.nudges import Nudge, Subject
from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.steps import StepRunner
from workers.domain.ports.store import Commit, Store
from workers.use_cases.containment.justify import unjustified
from workers.use_cases.containment.look_again import look_again
from workers.use_cases.containment.undo import Undo

log = structlog.get_logger(__name__)


class Contain:
    """Brings containments forward with these steps."""

    def __init__(self, *, store: Store, nudger: Nudger, runners: Sequence[StepRunner], clock: Clock) -> None:
        self._store = store
        self._nudger = nudger
        self._runners = {runner.name: runner for runner in runners}
        self._clock = clock
        self._undo = Undo(store=store, nudger=nudger, runners=self._runners, clock=clock)

    async def __call__(self, containment_id: str) -> None:
        """Do what can be done now. Early, late, doubled and concurrent calls are harmless.

        Raises:
            DependencyAway: the store does not answer. Azure being away is noted in the document, and retried.
        """
        try:
            await self._advance(containment_id)
        except Conflict:
            # Another worker is at it; its writes nudge again. Nothing of ours was lost: each result is
            # written by itself and tried again on conflict.
            log.info("containment is being worked on elsewhere", containment=containment_id)

    async def _advance(self, containment_id: str) -> None:
        containment = await self._store.containment(containment_id)
        if containment.state is ContainmentState.RESTORING:
            await self._undo(containment_id)
            return
        if not containment.working:
            return
        refusal = await unjustified(self._store, containment)
        if refusal:
            await self._give_up(containment, refusal)
            return
        now = self._clock.now()
        under_way = containment.under_way(now)
        # Begun, but cut off before its result was written: begin again. Steps are idempotent.
        cut_off = tuple(step for step in under_way if not step.token)
        ready = (*containment.ready(now), *cut_off)
        if ready:
            # The intent is on record before anything happens: whoever comes next sees that it was begun.
            # One write for all of them, lest they meet each other's conflicts.
            containment = await self._intend(containment, ready, now)
            ready = tuple(containment.step(step.name) for step in ready)
        begun = [self._begin(containment, step) for step in ready if step.state is StepState.STARTED]
        polled = [self._poll(containment, step) for step in under_way if step.token]
        # All of them come to their end, before what one of them raised goes on its way.
        results = await asyncio.gather(*begun, *polled, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        containment = await self._store.containment(containment_id)
        if containment.state is ContainmentState.RUNNING and all(step.ended for step in containment.steps):
            containment = await self._conclude(containment)
        await self._look_again(containment)

    async def _give_up(self, containment: Containment, why: str) -> None:
        now = self._clock.now()
        if containment.state is ContainmentState.PLANNED:
            containment = containment.to(ContainmentState.RUNNING)
        refused = containment.to(
            ContainmentState.INCOMPLETE,
            ended_at=now,
            steps=tuple(
                step
                if step.ended or step.state is StepState.STARTED
                else step.to(StepState.SKIPPED, note=why)
                for step in containment.steps
            ),
        )
        await self._commit(refused, now, _audit(refused, "containment.refused", now, reason=why))
        await self._nudger.notices(_nudge(refused))

    # Steps

    async def _intend(self, containment: Containment, ready: Sequence[Step], now: datetime) -> Containment:
        if containment.state is ContainmentState.PLANNED:
            containment = containment.to(ContainmentState.RUNNING)
        records: list[AuditRecord] = []
        for step in ready:
            if step.cut_off_for_good:
                given_up, kind, details = cut_off(step, now)
                containment = containment.with_step(given_up)
                records.append(_audit(containment, kind, now, step=step.name, **details))
                continue
            begun = step.begun(now)
            containment = containment.with_step(begun)
            kind = "step.begun" if step.state is StepState.TODO else "step.begun-again"
            records.append(_audit(containment, kind, now, step=step.name, attempt=begun.attempt))
        return await self._commit(containment, now, *records)

    async def _begin(self, containment: Containment, step: Step) -> None:
        runner = self._runners[step.name]
        await self._note(
            containment.id,
            step,
            lambda: runner.begin(containment.vm, containment.profile, containment.id, earlier=step.change),
        )

    async def _poll(self, containment: Containment, step: Step) -> None:
        runner = self._runners[step.name]
        await self._note(
            containment.id, step, lambda: runner.check(containment.vm, containment.profile, step)
        )

    async def _note(self, containment_id: str, step: Step, act: Callable[[], Awaitable[Progress]]) -> None:
        """Act, and write down what came of it. The result is never lost to somebody else's write."""
        try:
            progress = await act()
            after, kind, details = progressed(step, progress, self._clock.now())
        except StepFailed as failure:
            after, kind, details = failed(step, failure, self._clock.now())
        except DependencyAway as away:
            after, kind, details = held_up(step, away, self._clock.now())
        except Exception as defect:
            # Whatever is wrong with a step, it must end: done, or failed and said.
            log.exception("a step has a defect", step=step.name, containment=containment_id)
            reason = StepFailed(f"{type(defect).__name__}: {defect}")
            after, kind, details = failed(step, reason, self._clock.now())
        if after == step:
            return
        for _ in range(8):
            current = await self._store.containment(containment_id)
            if current.step(step.name) != step or not current.working:
                return  # somebody else has brought this step forward meanwhile; their result stands
            now = self._clock.now()
            try:
                records = [_audit(current, kind, now, step=step.name, **details)] if kind else []
                written = await self._commit(current.with_step(after), now, *records)
            except Conflict:
                continue
            if after.state is not step.state or after.note != step.note:
                await self._nudger.notices(_nudge(written))
            return
        raise Conflict(f"step {step.name} of {containment_id} could not be written")

    # The end

    async def _conclude(self, containment: Containment) -> Containment:
        """CONTAINED only if power state and every NIC read back as they should, all at this moment."""
        now = self._clock.now()
        if containment.failed:
            ended = containment.to(ContainmentState.INCOMPLETE, ended_at=now)
            record = _audit(
                ended,
                "containment.incomplete",
                now,
                left={step.name: step.note for step in containment.failed},
            )
            ended = await self._commit(ended, now, record)
            await self._nudger.notices(_nudge(ended))
            return ended
        reread = [
            step for step in containment.steps if step.name.spec.read_back and step.state is StepState.DONE
        ]
        results = await asyncio.gather(
            *(self._runners[step.name].check(containment.vm, containment.profile, step) for step in reread),
            return_exceptions=True,
        )
        for step, result in zip(reread, results, strict=True):
            if isinstance(result, DependencyAway):
                return await self._not_readable(containment, step, now, result)
            if isinstance(result, Exception):
                log.warning("could not read back", step=step.name, error=str(result))
                return await self._not_proven(containment, step, now, f"{type(result).__name__}: {result}")
            if isinstance(result, BaseException):
                raise result
            if not result.done:
                return await self._not_proven(containment, step, now, result.note or "not as it was left")
        now = self._clock.now()
        proven = containment.to(ContainmentState.CONTAINED, ended_at=now, verified_at=now)
        proven = await self._commit(
            proven,
            now,
            _audit(proven, "containment.contained", now, read_back=[step.name for step in reread]),
        )
        await self._nudger.notices(_nudge(proven))
        return proven

    async def _not_proven(self, containment: Containment, step: Step, now: datetime, why: str) -> Containment:
        """A step that was done does not read back as done: do it again, or say that it can't be held."""
        state = StepState.TODO
        again = step.to(
            state, look_at=now + retry_delay(step.attempt), ended_at=None, note=f"read back: {why}"[:500]
        )
        if step.attempt >= MAX_ATTEMPTS:
            again = again.to(StepState.STARTED).to(StepState.FAILED, ended_at=now, look_at=None)
        return await self._commit(
            containment.with_step(again),
            now,
            _audit(containment, "step.unproven", now, step=step.name, why=why),
        )

    async def _not_readable(
        self, containment: Containment, step: Step, now: datetime, away: DependencyAway
    ) -> Containment:
        """Azure is away or throttles: the step is gone through once more later; this counts as no attempt."""
        again = step.to(StepState.TODO, ended_at=None).to(StepState.STARTED)
        held, kind, details = held_up(again, away, now)
        return await self._commit(
            containment.with_step(held), now, _audit(containment, kind, now, step=step.name, **details)
        )

    async def _look_again(self, containment: Containment) -> None:
        await look_again(self._store, self._nudger, self._clock, _nudge(containment), containment.due_at())

    async def _commit(self, containment: Containment, _now: datetime, *records: AuditRecord) -> Containment:
        """Write, and give back the document as it now is in the store."""
        await self._store.commit(
            Commit(partition=partition_of_id(containment.id), documents=(containment,), audit=records)
        )
        return containment.changed(version=containment.version + 1)


def _nudge(containment: Containment) -> Nudge:
    return Nudge(subject=Subject.CONTAINMENT, id=containment.id, version=containment.version)


def _audit(containment: Containment, kind: str, now: datetime, **details: object) -> AuditRecord:
    return AuditRecord(
        kind=kind,
        at=now,
        about=containment.id,
        vm=containment.vm.key,
        details={k: str(v) if isinstance(v, StepName) else v for k, v in details.items()},
    )
