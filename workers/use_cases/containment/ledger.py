"""How the engine writes: a containment, together with the audit of what became of it."""

from collections.abc import Sequence
from typing import TypedDict

from workers.domain.audit import AuditRecord
from workers.domain.containment.containment import Containment, ContainmentState
from workers.domain.containment.exchanges import Notes
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
        self,
        containment: Containment,
        *records: AuditRecord,
        beside: Sequence[Document] = (),
        notes: Notes | None = None,
    ) -> Containment:
        """Write, and give back the containment as it now is in the store.

        What was exchanged with Azure is kept beside it; a record of the audit has to name it.
        """
        await self._store.commit(
            Commit(
                partition=partition_of_id(containment.id),
                documents=(containment, *beside),
                audit=records,
                **_kept(containment, notes),
            )
        )
        return containment.changed(version=containment.version + 1)

    async def keep(self, containment: Containment, outcome: Outcome, notes: Notes) -> None:
        """Keep what was exchanged with Azure, though the result of the step is not written."""
        if not notes.exchanges:
            return
        wrote = outcome._replace(kind=outcome.kind.partition(".")[0] + ".wrote", details={})
        await self._store.commit(
            Commit(
                partition=partition_of_id(containment.id),
                audit=(self.of_step(containment, wrote, notes),),
                **_kept(containment, notes),
            )
        )

    def of_step(self, containment: Containment, outcome: Outcome, notes: Notes | None = None) -> AuditRecord:
        """The record of what became of a step, with what was written to Azure for it."""
        details = {**outcome.details, **(notes.details() if notes else {})}
        return self.record(containment, outcome.kind, step=str(outcome.step.name), **details)

    def record(self, containment: Containment, kind: str, **details: object) -> AuditRecord:
        """A record about the containment."""
        return AuditRecord(
            kind=kind, at=self._clock.now(), about=containment.id, vm=containment.vm.key, details=details
        )


class _Kept(TypedDict):
    exchanges: tuple[str, ...]
    exchanges_of: str


def _kept(containment: Containment, notes: Notes | None) -> _Kept:
    return {"exchanges": tuple(notes.texts()) if notes else (), "exchanges_of": containment.id}


def running(containment: Containment) -> Containment:
    """The containment, under way at least."""
    planned = containment.state is ContainmentState.PLANNED
    return containment.to(ContainmentState.RUNNING) if planned else containment


def nudge_about(containment: Containment) -> Nudge:
    """Look at this containment, as it is in the store."""
    return Nudge(subject=Subject.CONTAINMENT, id=containment.id, version=containment.version)
