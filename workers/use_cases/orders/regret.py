"""Somebody rejected by mistake and says so within the time of grace: the VM's isolation is undone."""

from workers.domain.asking.decisions import may_regret
from workers.domain.audit import AuditRecord
from workers.domain.containment.containment import Containment
from workers.domain.containment.ending.grace import in_grace
from workers.domain.errors import NotYet
from workers.domain.ids import partition_of_id
from workers.domain.nudges import Nudge, Subject
from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Commit, Store
from workers.domain.starts.people import Actor
from workers.use_cases.after_write import after_write
from workers.use_cases.conflicts import until_written
from workers.use_cases.refuse import refuse_unless


class Regret:
    """Puts it on record; the workers do the rest."""

    def __init__(self, *, store: Store, nudger: Nudger, clock: Clock) -> None:
        self._store = store
        self._nudger = nudger
        self._clock = clock

    async def __call__(self, containment_id: str, actor: Actor) -> Containment:
        """The containment that goes no further, and is undone once its isolation has ended.

        Raises:
            NotAllowed: only whoever rejected or on-call may; it is in the audit.
            NotYet: the time of grace is over, or there was none.
            NotFound: there is no such containment.
        """
        written = await until_written(lambda: self._write(containment_id, actor))
        nudge = Nudge(subject=Subject.CONTAINMENT, id=containment_id, version=written.version + 1)
        await after_write(containment_id, lambda: self._nudge(nudge))
        return written

    async def _nudge(self, nudge: Nudge) -> None:
        await self._nudger.work(nudge)
        await self._nudger.notices(nudge)

    async def _write(self, containment_id: str, actor: Actor) -> Containment:
        containment = await self._store.containment(containment_id)
        await refuse_unless(
            may_regret(actor, containment.cause.by),
            actor,
            store=self._store,
            clock=self._clock,
            kind="regret.refused",
            about=containment,
        )
        now, grace = self._clock.now(), containment.grace
        if grace is None or now >= grace.until or not in_grace(containment):
            raise NotYet(
                f"It is too late to take the rejection of {containment.vm.name} back. Once it is contained, "
                "on-call can restore it."
            )
        regretted = containment.changed(grace=grace.changed(regretted_by=actor, regretted_at=now))
        record = AuditRecord(
            kind="rejection.regretted",
            at=now,
            about=containment.id,
            vm=containment.vm.key,
            by=actor.label,
            details={"approval": containment.cause.approval_id},
        )
        await self._store.commit(
            Commit(partition=partition_of_id(containment.id), documents=(regretted,), audit=(record,))
        )
        return regretted
