"""The second of two persons approves what the first one asked for, or somebody declines it."""

from collections.abc import Awaitable, Callable

from workers.domain.asking.access import NO_OWNERS, AccessRequest, AccessState, Owners
from workers.domain.asking.decisions import Permission
from workers.domain.audit import AuditRecord
from workers.domain.errors import NotYet
from workers.domain.ids import partition_of_id
from workers.domain.nudges import Nudge, Subject
from workers.domain.policy.model import Policy
from workers.domain.ports.clock import Clock
from workers.domain.ports.groups import Groups
from workers.domain.ports.inventory import Inventory
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Commit, Store
from workers.domain.starts.people import Actor
from workers.use_cases.after_write import after_write
from workers.use_cases.conflicts import until_written
from workers.use_cases.orders.delegate import delegating, delegation_begun
from workers.use_cases.orders.expect import expecting, owners_of
from workers.use_cases.orders.pause import pause_begun, pausing
from workers.use_cases.refuse import refuse_unless


class AnswerAccess:
    """Does what the buttons Approve and Decline ask for, and ``startgate access``.

    What is approved and what comes of it are one write: a request that says it was approved has been done.
    """

    def __init__(
        self,
        *,
        store: Store,
        nudger: Nudger,
        clock: Clock,
        policy: Callable[[], Policy],
        inventory: Inventory,
        groups: Groups,
    ) -> None:
        self._groups = groups
        self._store = store
        self._nudger = nudger
        self._clock = clock
        self._policy = policy
        self._inventory = inventory

    async def approve(self, request_id: str, actor: Actor, *, via: str = "card") -> AccessRequest:
        """Do what the first person asked for.

        Raises:
            NotFound: there is no such request.
            NotAllowed: they may not, or are the first person themselves; it is in the audit.
            AlreadyDecided: somebody was faster, or its time is over.
            NotYet: it can't be done any more; with the remedy. The request still waits.
        """
        found = await self._store.access_request(request_id)
        owners = await self._owners(found)
        actor = await self._groups.of(actor, owners.now, owners.former, now=True)
        refusal = found.refusal(actor, owners)
        await self._refuse_unless(
            Permission(allowed=not refusal, reason=refusal), found, actor, "approve", via
        )

        async def write() -> AccessRequest:
            before, now = await self._store.access_request(request_id), self._clock.now()
            after = before.answered(actor, now, approved=True)
            if not (first := before.still_permits_first(owners)).allowed:
                raise NotYet(f"Whoever asked for it may not any more. {first.reason}")
            return await self._commit(after, actor, via, await self._done(before, actor))

        return await self._answered(request_id, write)

    async def decline(self, request_id: str, actor: Actor, *, via: str = "card") -> AccessRequest:
        """End the request. Nothing changes but that it can't be approved any more.

        Raises:
            NotFound: there is no such request.
            NotAllowed: they may neither approve it, nor have they asked for it; it is in the audit.
            AlreadyDecided: somebody was faster, or its time is over.
        """
        found = await self._store.access_request(request_id)
        owners = await self._owners(found)
        actor = await self._groups.of(actor, owners.now, owners.former)
        permission = found.may_decline(actor, owners)
        await self._refuse_unless(permission, found, actor, "decline", via)

        async def write() -> AccessRequest:
            before = await self._store.access_request(request_id)
            after = before.answered(actor, self._clock.now(), approved=False)
            return await self._commit(after, actor, via, Commit(partition=partition_of_id(request_id)))

        return await self._answered(request_id, write)

    async def _owners(self, found: AccessRequest) -> Owners:
        if found.expects is None or found.expects.vm is None:
            return NO_OWNERS
        vm, policy = found.expects.vm, self._policy()
        return owners_of((await self._inventory.lines([vm])).get(vm.key), policy, self._clock.now())

    async def _refuse_unless(
        self, permission: Permission, found: AccessRequest, actor: Actor, wanted: str, via: str
    ) -> None:
        await refuse_unless(
            permission,
            actor,
            store=self._store,
            clock=self._clock,
            kind="access.refused",
            about=found,
            wanted=wanted,
            via=via,
        )

    async def _done(self, wanted: AccessRequest, second: Actor) -> Commit:
        """What is written for it, as if the first person had done it alone; with the second one's name."""
        first, reason = wanted.request.by, wanted.request.reason
        now, policy = self._clock.now(), self._policy()
        if wanted.expects is not None:
            added = wanted.expects.changed(approved_by=second.label)
            return expecting(await self._store.expectations(), added, now, policy.expect.longest)
        if wanted.delegates is not None:
            before = await self._store.delegations()
            after = delegating(
                before, first, wanted.delegates, now, policy.delegate, approved_by=second.label
            )
            return delegation_begun(after, first, now)
        if wanted.pauses is None:
            raise NotYet("A newer version of Startgate asked for this. Approve it once all are updated.")
        paused = await self._store.pause()
        pause = pausing(paused, first.label, reason, now, wanted.pauses.span, approved_by=second.label)
        return pause_begun(paused, pause, now)

    async def _commit(self, after: AccessRequest, by: Actor, via: str, done: Commit) -> AccessRequest:
        record = AuditRecord(
            kind="access.approved" if after.state is AccessState.APPROVED else "access.declined",
            at=self._clock.now(),
            about=after.id,
            vm=after.vm_key,
            by=by.label,
            details={**after.summary, "requested_by": after.request.by.label, "via": via},
        )
        await self._store.commit(
            done.changed(documents=(*done.documents, after), audit=(record, *done.audit))
        )
        return after.changed(version=after.version + 1)

    async def _answered(
        self, request_id: str, write: Callable[[], Awaitable[AccessRequest]]
    ) -> AccessRequest:
        answered = await until_written(write)
        nudge = Nudge(subject=Subject.ACCESS, id=request_id, version=answered.version)
        await after_write(request_id, lambda: self._nudger.notices(nudge))
        return answered
