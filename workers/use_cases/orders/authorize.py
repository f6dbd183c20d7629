"""Whether somebody may use a command; who may not is refused, and the attempt is in the audit."""

from workers.domain.asking.decisions import Permission
from workers.domain.audit import AuditRecord
from workers.domain.errors import NotAllowed
from workers.domain.ids import partition_of_vm
from workers.domain.ports.clock import Clock
from workers.domain.ports.store import Commit, Store
from workers.domain.starts.people import Actor


class Authorize:
    """Refuses and audits."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def __call__(self, permission: Permission, actor: Actor, *, subject: str, wanted: str) -> None:
        """Pass whoever may; refuse everybody else.

        Args:
            permission: what the domain says about this person.
            actor: who asks.
            subject: what the audit calls the order, such as ``lockdown``.
            wanted: what they typed, for the audit.

        Raises:
            NotAllowed: with who may.
        """
        if permission.allowed:
            return
        record = AuditRecord(
            kind=f"{subject}.refused",
            at=self._clock.now(),
            by=actor.label,
            details={"wanted": wanted[:500], "reason": permission.reason},
        )
        # A refused command names no VM for certain, so refusals are kept together by person.
        await self._store.commit(Commit(partition=partition_of_vm(actor.slack_user), audit=(record,)))
        raise NotAllowed(permission.reason)
