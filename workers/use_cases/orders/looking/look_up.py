"""Asks the workers to look at Azure, which the bot may not do itself. ``answer_lookup`` is their side."""

from workers.domain.asking.approvals import Approval
from workers.domain.asking.decisions import Answer, Permission, may_lock_down, may_restore
from workers.domain.audit import AuditRecord
from workers.domain.containment.foresight.lookups import Lookup, LookupKind, OfLockdown, OfRestore
from workers.domain.containment.profile import LockdownProfile
from workers.domain.ids import lookup_id, partition_of_id
from workers.domain.nudges import Nudge, Subject
from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Commit, Store
from workers.domain.starts.people import Actor
from workers.domain.starts.vm import VmRef
from workers.use_cases.after_write import after_write
from workers.use_cases.refuse import refuse_unless


def may_look(kind: LookupKind, actor: Actor) -> Permission:
    """Whether this person may have it looked up: whoever may do it may look first."""
    return may_restore(actor) if kind is LookupKind.RESTORE else may_lock_down(actor)


class LookUp:
    """Writes questions down for the workers."""

    def __init__(self, *, store: Store, nudger: Nudger, clock: Clock) -> None:
        self._store = store
        self._nudger = nudger
        self._clock = clock

    async def __call__(
        self,
        kind: LookupKind,
        vm: VmRef,
        profile: LockdownProfile,
        actor: Actor,
        *,
        wanted: str,
        restore: OfRestore | None = None,
        lockdown: OfLockdown | None = None,
    ) -> Lookup:
        """Write the question down, and have a worker look at it.

        Args:
            kind: what is asked.
            vm: about which VM.
            profile: of the lockdown that is looked at.
            actor: who asks.
            wanted: what they typed, for the audit.
            restore: what a question of the kind ``RESTORE`` is about.
            lockdown: that the lockdown itself is asked about beside it.

        Raises:
            NotAllowed: they are not on call.
            DependencyAway: the store does not answer.
        """
        await refuse_unless(
            may_look(kind, actor),
            actor,
            store=self._store,
            clock=self._clock,
            kind="lookup.refused",
            wanted=wanted,
        )
        lookup = Lookup(
            id=lookup_id(vm.key),
            kind=kind,
            vm=vm,
            profile=profile,
            by=actor,
            asked_at=self._clock.now(),
            restore=restore,
            lockdown=lockdown,
        )
        return await self._ask(lookup)

    async def before_rejecting(self, approval: Approval, actor: Actor) -> Lookup:
        """Have a worker look at what a rejection would do now. Whoever may reject may look first.

        Raises:
            NotAllowed: they may not reject this start.
            DependencyAway: the store does not answer.
        """
        await refuse_unless(
            approval.permits(Answer.REJECT, actor),
            actor,
            store=self._store,
            clock=self._clock,
            kind="lookup.refused",
            about=approval,
        )
        vm = approval.event.vm
        lookup = Lookup(
            id=lookup_id(vm.key),
            kind=LookupKind.REJECTION,
            vm=vm,
            profile=approval.terms.lockdown,
            by=actor,
            asked_at=self._clock.now(),
            approval_id=approval.id,
        )
        return await self._ask(lookup)

    async def _ask(self, lookup: Lookup) -> Lookup:
        record = AuditRecord(
            kind="lookup.asked",
            at=lookup.asked_at,
            about=lookup.id,
            vm=lookup.vm.key,
            by=lookup.by.label,
            details={"kind": str(lookup.kind), "profile": lookup.profile.name},
        )
        await self._store.commit(
            Commit(partition=partition_of_id(lookup.id), documents=(lookup,), audit=(record,))
        )
        nudge = Nudge(subject=Subject.LOOKUP, id=lookup.id, version=1)
        await after_write(lookup.id, lambda: self._nudger.work(nudge))
        return lookup.changed(version=1)
