"""Management locks: which hold for a VM, and who set them.

A lock holds for its scope and everything below it; the most restrictive one counts. ReadOnly forbids every
PUT, PATCH, POST and DELETE there, so a start and a stop, too.
Source: https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from workers.arm.ids import name_of, same
from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking
from workers.domain.containment.spec import LOCK_NAME
from workers.domain.starts.vm import VmRef

READ_ONLY = "ReadOnly"
LIST_TIMEOUT_S = 60.0
"""Of all pages of a subscription's locks."""

_AT_OR_ABOVE = "atScope()"
"""Source: https://learn.microsoft.com/powershell/module/az.resources/get-azresourcelock (``-AtScope``)"""
_PROVIDER = "/providers/microsoft.authorization/locks/"


class Lock(NamedTuple):
    """One lock.

    Attributes:
        id: as Azure spells it.
        level: ``ReadOnly`` or ``CanNotDelete``.
        notes: what whoever set it wrote, hostile text.
    """

    id: str
    level: str
    notes: str = ""

    @property
    def name(self) -> str:
        """Unique at its scope."""
        return name_of(self.id)

    @property
    def scope(self) -> str:
        """The id of what it lies on: a subscription, a group or a resource."""
        return self.id[: self.id.lower().rindex(_PROVIDER)]

    @property
    def read_only(self) -> bool:
        """Whether it forbids every change."""
        return self.level.lower() == READ_ONLY.lower()

    @property
    def place(self) -> str:
        """Where it lies, for people."""
        parts = self.scope.strip("/").split("/")
        if len(parts) <= 2:  # noqa: PLR2004 - /subscriptions/ID
            return "the subscription"
        if len(parts) <= 4:  # noqa: PLR2004 - /subscriptions/ID/resourceGroups/NAME
            return f"the resource group {parts[-1]}"
        return name_of(self.scope)

    def holds_for(self, resource_id: str) -> bool:
        """Whether the resource is its scope, or lies below it."""
        inner, outer = resource_id.lower(), self.scope.lower()
        return inner == outer or inner.startswith(f"{outer}/")


def our_lock_id(vm: VmRef) -> str:
    """Where our lock on a VM is, if there is one."""
    return f"{vm.resource_id}/providers/Microsoft.Authorization/locks/{LOCK_NAME}"


def resource_parts(vm: VmRef) -> tuple[str, str, str, str, str]:
    """What the client's methods for a resource begin with: group, provider, parent (none), type and name.

    As the Azure CLI calls them. The methods by scope would send the slashes of an id as ``%2F``.
    """
    provider = "Microsoft.ClassicCompute" if vm.classic else "Microsoft.Compute"
    return vm.resource_group, provider, "", "virtualMachines", vm.name


def found_in(locks: Iterable[Lock], lock_id: str) -> Lock | None:
    """The lock of this id."""
    return next((one for one in locks if same(one.id, lock_id)), None)


def of_others(locks: Iterable[Lock], vm: VmRef) -> tuple[Lock, ...]:
    """The read-only locks that hold for a VM and that somebody else set."""
    return tuple(
        one
        for one in locks
        if one.read_only and one.holds_for(vm.resource_id) and not same(one.id, our_lock_id(vm))
    )


async def locks_on(azure: Azure, vm: VmRef) -> tuple[Lock, ...]:
    """Every lock that holds for a VM: on itself, on its group and on its subscription.

    Raises:
        NotFound: there is no such VM.
    """
    async with asking(f"read the locks on the VM {vm.name}"):
        listed = azure.locks(vm.subscription_id).management_locks.list_at_resource_level(
            *resource_parts(vm), filter=_AT_OR_ABOVE
        )
        return tuple([_lock(one) async for one in listed])


async def locks_of_subscription(azure: Azure, subscription_id: str) -> tuple[Lock, ...]:
    """Every lock at or below a subscription: one list, however many VMs are in it."""
    async with asking(f"list the locks of the subscription {subscription_id}", timeout_s=LIST_TIMEOUT_S):
        listed = azure.locks(subscription_id).management_locks.list_at_subscription_level()
        return tuple([_lock(one) async for one in listed])


def _lock(read: Any) -> Lock:
    return Lock(id=str(read.id), level=str(read.level or ""), notes=str(read.notes or ""))
