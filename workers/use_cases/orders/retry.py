"""On-call has the steps of a containment tried again that failed, once what kept them from it is away."""

from collections.abc import Callable
from typing import NamedTuple

from workers.domain.asking.decisions import may_lock_down
from workers.domain.audit import AuditRecord
from workers.domain.containment.containment import Containment
from workers.domain.containment.demands import retried
from workers.domain.containment.spec import StepName
from workers.domain.ids import partition_of_id
from workers.domain.nudges import Nudge, Subject
from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Commit, Store
from workers.domain.starts.people import Actor
from workers.use_cases.after_write import after_write
from workers.use_cases.conflicts import until_written
from workers.use_cases.refuse import refuse_unless, refuse_while_observing


class Retried(NamedTuple):
    """The containment, and the steps that are tried again: none if nothing had failed."""

    containment: Containment
    steps: tuple[StepName, ...]


class Retry:
    """Does what the button Retry asks for, unless the policy only observes."""

    def __init__(self, *, store: Store, nudger: Nudger, clock: Clock, observes: Callable[[], bool]) -> None:
        self._observes = observes
        self._store = store
        self._nudger = nudger
        self._clock = clock

    async def __call__(self, containment_id: str, actor: Actor) -> Retried:
        """Try again what failed. Its cause stays, and so do the steps that are done.

        Raises:
            NotAllowed: they are not on call.
            NotFound: there is no such containment.
        """
        containment = await self._store.containment(containment_id)
        await refuse_unless(
            may_lock_down(actor),
            actor,
            store=self._store,
            clock=self._clock,
            kind="retry.refused",
            about=containment,
            wanted=f"retry {containment.vm.resource_id}",
        )
        refuse_while_observing(self._observes)
        done = await until_written(lambda: self._write(containment_id, actor))
        if done.steps:
            await after_write(containment_id, lambda: self._nudge(done.containment))
        return done

    async def _nudge(self, containment: Containment) -> None:
        nudge = Nudge(subject=Subject.CONTAINMENT, id=containment.id, version=containment.version + 1)
        await self._nudger.work(nudge)
        await self._nudger.notices(nudge)

    async def _write(self, containment_id: str, actor: Actor) -> Retried:
        containment = await self._store.containment(containment_id)
        now = self._clock.now()
        again = retried(containment, now)
        if again == containment:
            return Retried(containment, ())
        steps = tuple(step.name for step in containment.failed)
        record = AuditRecord(
            kind="containment.retried",
            at=now,
            about=containment.id,
            vm=containment.vm.key,
            by=actor.label,
            details={"steps": [str(step) for step in steps]},
        )
        await self._store.commit(
            Commit(partition=partition_of_id(containment.id), documents=(again,), audit=(record,))
        )
        return Retried(again, steps)
