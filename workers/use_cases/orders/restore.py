"""On-call restores a contained VM: its containment is undone."""

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from workers.domain.asking.decisions import Permission, may_restore
from workers.domain.audit import AuditRecord
from workers.domain.containment.containment import Containment, ContainmentState
from workers.domain.containment.ending.two_persons import RestoreRequest, not_the_second
from workers.domain.containment.restoration import Chosen, can_start, restoring, to_choose
from workers.domain.errors import NotFound, NotYet, Outdated
from workers.domain.ids import partition_of_id
from workers.domain.nudges import Nudge, Subject
from workers.domain.policy.model import Policy
from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Commit, Store
from workers.domain.starts.people import Actor
from workers.domain.starts.vm import VmRef
from workers.telemetry.spans import following
from workers.use_cases.after_write import after_write
from workers.use_cases.conflicts import until_written
from workers.use_cases.containment.at_rest.lapse import expired
from workers.use_cases.refuse import refuse_unless, refuse_while_observing


class Ordered(NamedTuple):
    """The containment that is being undone; ``joined`` when somebody else ordered that before.

    ``waits`` says that it is not: a second person has to confirm it first. ``refused`` says why this person
    can't be that.
    """

    containment: Containment
    joined: bool
    waits: bool = False
    refused: str = ""


class Restore:
    """Does what ``/vm-restore`` asks for."""

    def __init__(self, *, store: Store, nudger: Nudger, clock: Clock, policy: Callable[[], Policy]) -> None:
        self._store = store
        self._policy = policy
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

    def refuse_while_observing(self) -> None:
        """Nobody may, as long as the policy only observes; raises ``OnlyObserving``."""
        refuse_while_observing(lambda: self._policy().observes)

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

        Where the policy wants two persons, the first order only asks for it. The second person's confirms
        what the first one asked for: ``start`` and ``chosen`` are the first one's then.

        Args:
            containment_id: the one that was shown to whoever orders this.
            actor: who orders it; their permission is checked again here.
            shown: its ``demand`` at that moment. What it rests on now may be a reason not to restore.
            start: also start the VM, if it was running before.
            reason: their own words.
            via: where they ordered it, for the audit.
            chosen: what they chose in the place of what is gone; see ``restoration.to_choose``.

        Raises:
            NotAllowed: they are not on call, or are the first of two persons themselves.
            OnlyObserving: nobody may, as long as the policy only observes.
            NotFound: there is no such containment, or it was undone, or what they chose is not offered.
            NotYet: it is being contained.
            Outdated: the VM was contained anew since it was shown, or more is asked for.
        """
        containment = await self._store.containment(containment_id)
        await self.may(actor, wanted=f"restore {containment.vm.resource_id}", about=containment)
        self.refuse_while_observing()
        with following("restore", containment.trace, containment=containment_id):
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
            if ordered.refused:
                await self._refuse(ordered.containment, actor, ordered.refused)
            nudge = Nudge(
                subject=Subject.CONTAINMENT,
                id=containment_id,
                version=ordered.containment.version + (not ordered.joined),
            )
            await after_write(containment_id, lambda: self._nudge(nudge))
        return ordered

    async def _refuse(self, containment: Containment, actor: Actor, why: str) -> None:
        """Refuse the first person as the second one, with a record in the audit."""
        await refuse_unless(
            Permission(allowed=False, reason=why),
            actor,
            store=self._store,
            clock=self._clock,
            kind="restore.refused",
            about=containment,
            wanted=f"confirm the restore of {containment.vm.resource_id}",
        )

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
        request = None if joined else self._request(containment, now)
        if request is not None and (why := not_the_second(request.by, actor)):
            return Ordered(containment, joined=False, refused=why)
        if not joined and request is None and self._policy().two_person.restore:
            asked = _Asked(actor, reason, via, start=start, chosen=chosen)
            return await self._ask(containment, asked, now)
        if request is not None:
            start, chosen = request.start, request.chosen
        start_id = str(uuid.uuid4()) if start and can_start(containment) else None
        if not joined:
            containment = restoring(
                containment,
                actor,
                start_id=start_id,
                reason=reason,
                now=now,
                chosen=chosen,
                requested=request,
            )
        details: dict[str, object] = {"start": start, "reason": reason, "via": via}
        if chosen and not joined:
            details["chosen"] = dict(chosen)
        if request is not None:
            details["requested_by"] = request.by.label
        await self._store.commit(
            Commit(
                partition=partition_of_id(containment.id),
                documents=() if joined else (containment,),
                audit=(_record(_kind(joined=joined), containment, actor, now, details),),
            )
        )
        return Ordered(containment, joined)

    def _request(self, containment: Containment, now: datetime) -> RestoreRequest | None:
        """What waits for a second person, if it still does."""
        request = containment.restore_request
        return request if request is not None and request.stands(containment.demand, now) else None

    async def _ask(self, containment: Containment, asked: "_Asked", now: datetime) -> Ordered:
        """Write down what the first of two persons asks for; one that came to nothing makes room for it."""
        offered = {choice.of: choice for choice in to_choose(containment)}
        if not all(of in offered and offered[of].offers(instead) for of, instead in asked.chosen.items()):
            raise NotFound("What was chosen is not offered any more; order it again.")
        expires_at = now + self._policy().two_person.expire_after
        request = RestoreRequest(
            by=asked.by,
            at=now,
            reason=asked.reason,
            start=asked.start and can_start(containment),
            chosen=dict(asked.chosen),
            demand=containment.demand,
            expires_at=expires_at,
        )
        details = {"start": request.start, "reason": request.reason, "via": asked.via}
        details["expires_at"] = expires_at.isoformat()
        records = [_record("restore.requested", containment, asked.by, now, details)]
        if containment.restore_request is not None:
            records.insert(0, expired(containment, self._clock))
        waiting = containment.changed(restore_request=request)
        await self._store.commit(
            Commit(partition=partition_of_id(containment.id), documents=(waiting,), audit=tuple(records))
        )
        return Ordered(waiting, joined=False, waits=True)


class _Asked(NamedTuple):
    """What the first of two persons asks for."""

    by: Actor
    reason: str
    via: str
    start: bool
    chosen: Chosen


def _kind(*, joined: bool) -> str:
    return "restore.joined" if joined else "restore.ordered"


def _record(
    kind: str, containment: Containment, actor: Actor, now: datetime, details: Mapping[str, object]
) -> AuditRecord:
    return AuditRecord(
        kind=kind,
        at=now,
        about=containment.id,
        vm=containment.vm.key,
        by=actor.label,
        details=dict(details),
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
