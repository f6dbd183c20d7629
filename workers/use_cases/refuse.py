"""Refusing somebody who may not: never without a record in the audit."""

from collections.abc import Callable

from workers.domain.asking.access import AccessRequest
from workers.domain.asking.approvals import Approval
from workers.domain.asking.decisions import Permission, may_see
from workers.domain.audit import AuditRecord
from workers.domain.containment.containment import Containment
from workers.domain.errors import NotAllowed, OnlyObserving
from workers.domain.ids import partition_of_id, partition_of_vm
from workers.domain.ports.clock import Clock
from workers.domain.ports.groups import Groups
from workers.domain.ports.store import Commit, Store
from workers.domain.starts.people import Actor, Owner

_LONGEST_DETAIL = 500


async def refuse_unless(
    permission: Permission,
    actor: Actor,
    *,
    store: Store,
    clock: Clock,
    kind: str,
    about: Approval | Containment | AccessRequest | None = None,
    **details: str,
) -> None:
    """Do nothing when it is permitted; otherwise put the refusal on record, and raise.

    Args:
        permission: what the rules say; its reason goes into the record and into the error.
        actor: who asks.
        store: takes the record, in the partition of ``about``.
        clock: dates it.
        kind: of the record, such as ``decision.refused``.
        about: the document it is about. A refused command names no VM for sure: without ``about``, its record
            is kept with others of the same person.
        details: for the record, such as what they typed; each is cut to 500 characters.

    Raises:
        NotAllowed: with who may.
        DependencyAway: the store does not answer.
    """
    if permission.allowed:
        return
    record = AuditRecord(
        kind=kind,
        at=clock.now(),
        about=about.id if about else "",
        vm=_vm_key(about),
        by=actor.label,
        details={name: value[:_LONGEST_DETAIL] for name, value in details.items()}
        | {"reason": permission.reason},
    )
    partition = partition_of_id(about.id) if about else partition_of_vm(actor.slack_user)
    await store.commit(Commit(partition=partition, audit=(record,)))
    raise NotAllowed(permission.reason)


async def refuse_unless_sees(
    actor: Actor,
    owner: Owner,
    *,
    groups: Groups,
    store: Store,
    clock: Clock,
    kind: str,
    about: Containment | None = None,
    **details: str,
) -> Actor:
    """Refuse whoever is neither the VM's owner, by themselves or through a user group, nor on call.

    Gives the person back, with those of the owner's groups that they are in. Arguments and errors as those
    of ``refuse_unless``.
    """
    actor = await groups.of(actor, owner)
    await refuse_unless(
        may_see(actor, owner), actor, store=store, clock=clock, kind=kind, about=about, **details
    )
    return actor


def _vm_key(about: Approval | Containment | AccessRequest | None) -> str:
    if about is None:
        return ""
    if isinstance(about, AccessRequest):
        return about.vm_key
    return about.event.vm.key if isinstance(about, Approval) else about.vm.key


def refuse_while_observing(observes: Callable[[], bool]) -> None:
    """Refuse whatever would change something in Azure while the policy only observes.

    Raises:
        OnlyObserving: it does.
    """
    if observes():
        raise OnlyObserving
