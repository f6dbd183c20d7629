"""On-call restores a contained VM: its containment is undone."""

import uuid
from datetime import datetime
from typing import NamedTuple

from workers.domain.asking.decisions import may_restore
from workers.domain.audit import AuditRecord
from workers.domain.containment.containment import Containment, ContainmentState
from workers.domain.containment.restoration import Chosen, can_start, restoring
from workers.domain.errors import NotFound, NotYet, Outdated
from workers.domain.ids import partition_of_id
from workers.domain.nudges import Nudge, Subject
from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Commit, Store
from workers.domain.starts.people import Actor
from workers.domain.starts.vm import VmRef
from workers.use_cases.after_write import after_write
from workers.use_cases.conflicts import until_written
from workers.use_cases.refuse import refuse_unless


class Ordered(NamedTuple):
    """The containment that is being undone; ``joined`` when somebody else ordered that before."""

    containment: Containment
    joined: bool


class Restore:
    """Does what ``/vm-restore`` asks for."""

    def __init__(self, *, store: Store, nudger: Nudger, clock: Clock) -> None:
        self._store = store
        self._nudger = nudger
        self._clock = clock

    async def may(self, actor: Actor, *, wanted: str, about: Containment | None = None) -> None:
        """Refuse whoever is not on call, with a record in the audit.

        Args:
            actor: who asks.
            wanted: what they typed, for the audit.
            about: the containment, where it is known which one is meant.

        Raises:
            NotAllowed: with who may.
        """
        await refuse_unless(
            may_restore(actor),
            actor,
            store=self._store,
            clock=self._clock,
            kind="restore.refused",
            about=about,
            wanted=wanted,
        )

    async def of(self, vm: VmRef) -> Containment:
        """The containment that holds this VM, if it can be undone now or is being undone already.

        Raises:
            NotFound: the VM is not contained.
            NotYet: it is being contained.
        """
        record = await self._store.vm_record(vm)
        if record.containment_id is None:
            raise _not_contained(vm)
        try:
            return _undoable(await self._store.containment(record.containment_id))
        except NotFound:
            raise _not_contained(vm) from None

    async def __call__(
        self,
        containment_id: str,
        actor: Actor,
        *,
        shown: str,
        start: bool = False,
        reason: str = "",
        via: str = "command",
        chosen: Chosen | None = None,
    ) -> Ordered:
        """Order the undoing of this containment, or join a restore that is under way.

        Args:
            containment_id: the one that was shown to whoever orders this.
            actor: who orders it; their permission is checked again here.
            shown: its ``demand`` at that moment. What it rests on now may be a reason not to restore.
            start: also start the VM, if it was running before.
            reason: their own words.
            via: where they ordered it, for the audit.
            chosen: what they chose in the place of what is gone; see ``restoration.to_choose``.

        Raises:
            NotAllowed: they are not on call.
            NotFound: there is no such containment, or it was undone, or what they chose is not offered.
            NotYet: it is being contained.
            Outdated: the VM was contained anew since it was shown, or more is asked for.
        """
        containment = await self._store.containment(containment_id)
        await self.may(actor, wanted=f"restore {containment.vm.resource_id}", about=containment)
        ordered = await until_written(
            lambda: self._write(
                containment_id,
                actor,
                shown=shown,
                start=start,
                reason=reason.strip(),
                via=via,
                chosen=chosen or {},
            )
        )
        nudge = Nudge(
            subject=Subject.CONTAINMENT,
            id=containment_id,
            version=ordered.containment.version + (not ordered.joined),
        )
        await after_write(containment_id, lambda: self._nudge(nudge))
        return ordered

    async def _nudge(self, nudge: Nudge) -> None:
        await self._nudger.work(nudge)
        await self._nudger.notices(nudge)

    async def _write(
        self,
        containment_id: str,
        actor: Actor,
        *,
        shown: str,
        start: bool,
        reason: str,
        via: str,
        chosen: Chosen,
    ) -> Ordered:
        containment = _undoable(await self._store.containment(containment_id))
        joined = containment.state is ContainmentState.RESTORING
        if containment.demand != shown and not joined:
            raise Outdated(f"{containment.vm.name} was contained anew since this was shown.")
        now = self._clock.now()
        start_id = str(uuid.uuid4()) if start and can_start(containment) else None
        if not joined:
            containment = restoring(
                containment, actor, start_id=start_id, reason=reason, now=now, chosen=chosen
            )
        details: dict[str, object] = {"start": start, "reason": reason, "via": via}
        if chosen and not joined:
            details["chosen"] = dict(chosen)
        await self._store.commit(
            Commit(
                partition=partition_of_id(containment.id),
                documents=() if joined else (containment,),
                audit=(_ordered(containment, actor, now, joined=joined, details=details),),
            )
        )
        return Ordered(containment, joined)


def _ordered(
    containment: Containment, actor: Actor, now: datetime, *, joined: bool, details: dict[str, object]
) -> AuditRecord:
    return AuditRecord(
        kind="restore.joined" if joined else "restore.ordered",
        at=now,
        about=containment.id,
        vm=containment.vm.key,
        by=actor.label,
        details=details,
    )


def _undoable(containment: Containment) -> Containment:
    if not containment.active:
        raise _not_contained(containment.vm)
    if containment.state in (ContainmentState.PLANNED, ContainmentState.RUNNING):
        raise NotYet(
            f"{containment.vm.name} is still being contained. Wait until its card says CONTAINED or "
            "incomplete, then restore it."
        )
    return containment


def _not_contained(vm: VmRef) -> NotFound:
    return NotFound(f"{vm.name} is not contained, so there is nothing to restore.")
