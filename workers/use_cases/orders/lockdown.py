"""On-call locks down a VM: contains it without an approval."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from workers.domain.asking.approvals import Approval
from workers.domain.asking.decisions import may_lock_down
from workers.domain.audit import AuditRecord
from workers.domain.containment.containment import Cause, CauseKind, Containment
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import NeverContained
from workers.domain.ids import partition_of_vm
from workers.domain.nudges import Nudge, Subject
from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Commit, Store
from workers.domain.starts.people import Actor, Owner
from workers.domain.starts.vm import VmRef
from workers.telemetry.spans import following
from workers.use_cases.after_write import after_write
from workers.use_cases.asking.deadlines import Deadlines
from workers.use_cases.conflicts import until_written
from workers.use_cases.containment.closing import close_questions
from workers.use_cases.containment.request import request_containment
from workers.use_cases.refuse import refuse_unless, refuse_while_observing


class Locked(NamedTuple):
    """The VM's containment; ``joined`` when it was contained or being contained already."""

    containment: Containment
    joined: bool
    withdrawn: tuple[Approval, ...] = ()


class LockDown:
    """Does what ``/vm-lockdown`` asks for.

    Args:
        guarded: why a VM must never be contained, as far as it is known here; empty if it may be. The workers
            judge again before they act.
        observes: whether the policy only observes; nothing is locked down then.
    """

    def __init__(
        self,
        *,
        store: Store,
        nudger: Nudger,
        clock: Clock,
        guarded: Callable[[VmRef], Awaitable[str]] | None = None,
        observes: Callable[[], bool],
    ) -> None:
        self._store = store
        self._nudger = nudger
        self._deadlines = Deadlines(store=store, nudger=nudger, clock=clock)
        self._clock = clock
        self._guarded = guarded
        self._observes = observes

    async def may(self, actor: Actor, *, wanted: str) -> None:
        """Refuse whoever is not on call, with a record in the audit.

        Args:
            actor: who asks.
            wanted: what they typed, for the audit.

        Raises:
            NotAllowed: with who may.
        """
        await refuse_unless(
            may_lock_down(actor),
            actor,
            store=self._store,
            clock=self._clock,
            kind="lockdown.refused",
            wanted=wanted,
        )

    def refuse_while_observing(self) -> None:
        """Nobody may, as long as the policy only observes; raises ``OnlyObserving``."""
        refuse_while_observing(self._observes)

    async def __call__(
        self,
        vm: VmRef,
        actor: Actor,
        profile: LockdownProfile,
        *,
        reason: str = "",
        via: str = "command",
        owner: Owner | None = None,
    ) -> Locked:
        """Contain this VM, and withdraw questions about it that are still open.

        Args:
            vm: which VM.
            actor: who orders it; their permission is checked again here.
            profile: what is done.
            reason: their own words.
            via: where they ordered it, for the audit.
            owner: who is told of it. Whoever was asked about the VM hears of it there.

        Raises:
            NotAllowed: they are not on call.
            OnlyObserving: nobody may, as long as the policy only observes.
            NeverContained: the VM is in the guarded set.
        """
        await self.may(actor, wanted=vm.resource_id)
        self.refuse_while_observing()
        await self._refuse_guarded(vm, actor, reason)
        with following("lock down", ""):
            locked = await until_written(
                lambda: self._write(_Order(vm, actor, profile, reason.strip(), via, owner))
            )
            if await after_write(locked.containment.id, lambda: self._nudge(locked)):
                for approval in locked.withdrawn:
                    await self._deadlines.clear(approval.id)
        return locked

    async def _refuse_guarded(self, vm: VmRef, actor: Actor, reason: str) -> None:
        why = await self._guarded(vm) if self._guarded is not None else ""
        if not why:
            return
        record = AuditRecord(
            kind="lockdown.guarded",
            at=self._clock.now(),
            vm=vm.key,
            by=actor.label,
            details={"because": why, "reason": reason.strip()},
        )
        await self._store.commit(Commit(partition=partition_of_vm(vm.key), audit=(record,)))
        raise NeverContained(why)

    async def _nudge(self, locked: Locked) -> None:
        nudge = Nudge(
            subject=Subject.CONTAINMENT, id=locked.containment.id, version=locked.containment.version + 1
        )
        await self._nudger.work(nudge)
        await self._nudger.notices(
            nudge,
            *(
                Nudge(subject=Subject.APPROVAL, id=approval.id, version=approval.version + 1)
                for approval in locked.withdrawn
            ),
        )

    async def _write(self, order: "_Order") -> Locked:
        vm, actor, profile, reason, via, owner = order
        now = self._clock.now()
        cause = Cause(kind=CauseKind.LOCKDOWN, at=now, by=actor, reason=reason)
        request = await request_containment(self._store, vm, cause, profile, now=now)
        if owner is not None and not request.record.open_approvals:
            request = request._replace(containment=request.containment.changed(owner=owner))
        closing = await close_questions(
            self._store, request, f"locked down by {actor.name or 'on-call'}", at=now, by=actor.label
        )
        containment = closing.containment
        await self._store.commit(
            Commit(
                partition=partition_of_vm(vm.key),
                documents=closing.documents,
                audit=(
                    AuditRecord(
                        kind="lockdown.joined" if request.joined else "lockdown.ordered",
                        at=now,
                        about=containment.id,
                        vm=vm.key,
                        by=actor.label,
                        details={"reason": cause.reason, "profile": profile.name, "via": via},
                    ),
                    *closing.audit,
                ),
            )
        )
        return Locked(containment, request.joined, closing.withdrawn)


class _Order(NamedTuple):
    """What was ordered, as ``LockDown`` was called with it."""

    vm: VmRef
    actor: Actor
    profile: LockdownProfile
    reason: str
    via: str
    owner: Owner | None
