"""Follows jobs that Azure goes on with after their step is done, until they have ended."""

import asyncio
from collections.abc import Mapping

import structlog

from workers.domain.audit import AuditRecord
from workers.domain.containment.afterwards.jobs import Job, JobState
from workers.domain.containment.containment import Containment
from workers.domain.containment.spec import StepName
from workers.domain.containment.steps import Step
from workers.domain.errors import DependencyAway, StepFailed
from workers.domain.ids import partition_of_id
from workers.domain.nudges import Nudge, Subject
from workers.domain.ports.azure.steps import StepRunner
from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Commit, Store
from workers.use_cases.conflicts import until_written
from workers.use_cases.containment.next_look import schedule_next_look

log = structlog.get_logger(__name__)

LOOK_TAKES_S = 30.0


class Follow:
    """Looks at the jobs of a containment that is at rest. Nothing else waits for it."""

    def __init__(
        self, *, store: Store, nudger: Nudger, runners: Mapping[StepName, StepRunner], clock: Clock
    ) -> None:
        self._store = store
        self._nudger = nudger
        self._runners = runners
        self._clock = clock

    async def __call__(self, containment_id: str) -> None:
        """Look at each job that is due, and schedule the next look.

        Raises:
            NotFound: there is no such containment.
            Conflict: others wrote in between, again and again; their writes nudge.
            DependencyAway: the store does not answer.
        """
        containment = await self._store.containment(containment_id)
        if containment.working:
            return
        now = self._clock.now()
        looked = False
        for step in containment.steps:
            job = step.job
            if job is not None and job.look_at is not None and job.look_at <= now:
                looked = True
                await self._look(containment, step, job)
        if looked:
            containment = await self._store.containment(containment_id)
            nudge = Nudge(subject=Subject.CONTAINMENT, id=containment.id, version=containment.version)
            await schedule_next_look(self._store, self._nudger, self._clock, nudge, containment.due_at())

    async def _look(self, containment: Containment, step: Step, job: Job) -> None:
        seen = job
        try:
            async with asyncio.timeout(LOOK_TAKES_S):
                seen = await self._runners[step.name].follow(containment.vm, job)
        except (DependencyAway, StepFailed, TimeoutError) as error:
            log.warning("a job could not be looked at", vm=containment.vm.key, job=job.id, error=str(error))
            if isinstance(error, StepFailed) and error.final:
                seen = job.changed(state=JobState.FAILED, note=str(error)[:500])
        after = seen.followed(self._clock.now())
        version = await until_written(lambda: self._write(containment.id, step.name, job, after))
        if version is not None and after.ended:
            await self._nudger.notices(Nudge(subject=Subject.CONTAINMENT, id=containment.id, version=version))

    async def _write(self, containment_id: str, name: StepName, before: Job, after: Job) -> int | None:
        """Write what became of the job, unless somebody else has; the version that says so."""
        containment = await self._store.containment(containment_id)
        step = containment.step(name)
        if step.job != before:
            return None
        records: tuple[AuditRecord, ...] = ()
        if after.ended:
            record = AuditRecord(
                kind="job.done" if after.state is JobState.DONE else "job.failed",
                at=self._clock.now(),
                about=containment.id,
                vm=containment.vm.key,
                details={"step": str(name), "job": after.id, "note": after.note},
            )
            records = (record,)
        await self._store.commit(
            Commit(
                partition=partition_of_id(containment.id),
                documents=(containment.with_step(step.changed(job=after)),),
                audit=records,
            )
        )
        return containment.version + 1
