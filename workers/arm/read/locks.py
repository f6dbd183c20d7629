"""Management locks: which hold for a VM, and who set them.

A lock holds for its scope and everything below it; the most restrictive one counts. ReadOnly forbids every
PUT, PATCH, POST and DELETE there, so a start and a stop, too.
Source: https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources
"""

from collections.abc import Iterable
from typing import Any

from workers.arm.ids import same
from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking
from workers.domain.starts.facts import LockFact
from workers.domain.starts.vm import VmRef

READ_ONLY = "ReadOnly"
LIST_TIMEOUT_S = 60.0
"""Of all pages of a subscription's locks."""

_AT_OR_ABOVE = "atScope()"
"""Source: https://learn.microsoft.com/powershell/module/az.resources/get-azresourcelock (``-AtScope``)"""


def resource_parts(vm: VmRef) -> tuple[str, str, str, str, str]:
    """What the client's methods for a resource begin with: group, provider, parent (none), type and name.

    As the Azure CLI calls them. The methods by scope would send the slashes of an id as ``%2F``.
    """
    provider = "Microsoft.ClassicCompute" if vm.classic else "Microsoft.Compute"
    return vm.resource_group, provider, "", "virtualMachines", vm.name


def found_in(locks: Iterable[LockFact], lock_id: str) -> LockFact | None:
    """The lock of this id."""
    return next((one for one in locks if same(one.id, lock_id)), None)


async def locks_on(azure: Azure, vm: VmRef) -> tuple[LockFact, ...]:
    """Every lock that holds for a VM: on itself, on its group and on its subscription.

    Raises:
        NotFound: there is no such VM.
    """
    async with asking(f"read the locks on the VM {vm.name}"):
        listed = azure.locks(vm.subscription_id).management_locks.list_at_resource_level(
            *resource_parts(vm), filter=_AT_OR_ABOVE
        )
        return tuple([_lock(one) async for one in listed])


async def locks_of_subscription(azure: Azure, subscription_id: str) -> tuple[LockFact, ...]:
    """Every lock at or below a subscription: one list, however many VMs are in it."""
    async with asking(f"list the locks of the subscription {subscription_id}", timeout_s=LIST_TIMEOUT_S):
        listed = azure.locks(subscription_id).management_locks.list_at_subscription_level()
        return tuple([_lock(one) async for one in listed])


def _lock(read: Any) -> LockFact:
    return LockFact(id=str(read.id), level=str(read.level or ""))
