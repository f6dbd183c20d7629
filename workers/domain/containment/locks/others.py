"""Locks on a VM: ours, and those of others, which are left as they are."""

from collections.abc import Iterable

from workers.domain.containment.spec import LOCK_NAME
from workers.domain.starts.facts import Facts, LockFact
from workers.domain.starts.vm import VmRef

_LONGEST_NAME = 80


def our_lock_id(vm: VmRef) -> str:
    """Where our lock on a VM is, if there is one."""
    return f"{vm.resource_id}/providers/Microsoft.Authorization/locks/{LOCK_NAME}"


def of_others(locks: Iterable[LockFact], vm: VmRef) -> tuple[LockFact, ...]:
    """The read-only locks that hold for a VM and that somebody else set."""
    ours = our_lock_id(vm).lower()
    return tuple(
        one for one in locks if one.read_only and one.holds_for(vm.resource_id) and one.id.lower() != ours
    )


def blocking_line(lock: LockFact) -> str:
    """Says of somebody's lock that it is left as it is, and what to do about it."""
    return (
        f"the read-only lock {lock.name[:_LONGEST_NAME]} on {lock.place} is not ours, so it stays: until"
        " somebody removes it (in the Azure portal, under Locks), nothing can change, start or stop the VM"
    )


def obstacles_of(facts: Facts, vm: VmRef) -> tuple[str, ...]:
    """What keeps a containment from writing to the VM, one line each."""
    return tuple(map(blocking_line, of_others(facts.locks or (), vm)))
