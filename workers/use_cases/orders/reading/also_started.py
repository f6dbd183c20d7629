"""What else the caller of a rejected start has started shortly before: on-call can contain that, too."""

from datetime import datetime, timedelta
from typing import NamedTuple

from workers.domain.asking.approvals import Approval
from workers.domain.ports.inventory import Inventory
from workers.domain.ports.store import Store
from workers.domain.starts.past.entries import What, caller_key, vm_digest
from workers.domain.starts.vm import KnownVm

LOOKED_BACK = timedelta(hours=1)
_STARTS = (What.STARTED, What.PASSED)


class AlsoStarted(NamedTuple):
    """A VM that the same caller started; ``at`` is the last time."""

    vm: KnownVm
    at: datetime


class AllStarted(NamedTuple):
    """All of them, the newest first; ``unlisted`` is how many VMs the inventory does not know."""

    vms: tuple[AlsoStarted, ...] = ()
    unlisted: int = 0


async def also_started(store: Store, inventory: Inventory, approval: Approval) -> AllStarted:
    """Other VMs that this caller started in the hour before the rejection; none while there is no answer.

    Raises:
        DependencyAway: the store does not answer.
    """
    who = caller_key(approval.event.caller)
    if not who or approval.decision is None:
        return AllStarted()
    until = approval.decision.at
    own = vm_digest(approval.event.vm.key)
    last: dict[str, datetime] = {}
    for entry in await store.past_of_caller(who):
        if entry.what in _STARTS and entry.vm != own and until - LOOKED_BACK <= entry.at <= until:
            last[entry.vm] = entry.at
    if not last:
        return AllStarted()
    known = await inventory.of_digests(frozenset(last))
    found = [AlsoStarted(vm, last[vm_digest(vm.ref.key)]) for vm in known]
    found.sort(key=lambda one: (one.at, one.vm.ref.key), reverse=True)
    return AllStarted(tuple(found), unlisted=len(last) - len(found))
