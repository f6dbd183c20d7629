"""How the engine writes: a containment, together with the audit of what became of it."""

from collections.abc import Sequence

from workers.domain.audit import AuditRecord
from workers.domain.containment.containment import Containment, ContainmentState
from workers.domain.containment.outcomes import Outcome
from workers.domain.ids import partition_of_id
from workers.domain.nudges import Nudge, Subject
from workers.domain.ports.clock import Clock
from workers.domain.ports.store import Commit, Document, Store


class Ledger:
    """Writes containments and their audit."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def commit(
        self, containment: Containment, *records: AuditRecord, beside: Sequence[Document] = ()
    ) -> Containment:
        """Write, and give back the containment as it now is in the store."""
        await self._store.commit(
            Commit(partition=partition_of_id(containment.id), documents=(containment, *beside), audit=records)
        )
        return containment.changed(version=containment.version + 1)

    def of_step(self, containment: Containment, outcome: Outcome) -> AuditRecord:
        """The record of what became of a step."""
        return self.record(containment, outcome.kind, step=str(outcome.step.name), **outcome.details)

    def record(self, containment: Containment, kind: str, **details: object) -> AuditRecord:
        """A record about the containment."""
        return AuditRecord(
            kind=kind, at=self._clock.now(), about=containment.id, vm=containment.vm.key, details=details
        )


def running(containment: Containment) -> Containment:
    """The containment, under way at least."""
    planned = containment.state is ContainmentState.PLANNED
    return containment.to(ContainmentState.RUNNING) if planned else containment


def nudge_about(containment: Containment) -> Nudge:
    """Look at this containment, as it is in the store."""
    return Nudge(subject=Subject.CONTAINMENT, id=containment.id, version=containment.version)
