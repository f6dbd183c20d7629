"""Management locks: which forbid writing to a resource.

A ReadOnly lock at a subscription, a group or a resource forbids every write below it, and the actions of VMs.
One list of the subscription tells all of them.
Source: https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources
"""

from typing import NamedTuple

from workers.arm.ids import name_of
from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking

LIST_TIMEOUT_S = 60.0


class Lock(NamedTuple):
    """A lock that forbids writing; ``scope`` is an id in lower case."""

    name: str
    scope: str

    def forbids(self, resource_id: str) -> bool:
        """Whether this resource lies in its scope, or is it."""
        inner = resource_id.lower()
        return inner == self.scope or inner.startswith(f"{self.scope}/")

    @property
    def words(self) -> str:
        """For people."""
        return f"the ReadOnly lock {self.name} on {name_of(self.scope)}"


async def read_only_locks(azure: Azure, subscription_id: str) -> tuple[Lock, ...]:
    """Every lock of a subscription that forbids writing, at whatever scope."""
    async with asking("list the management locks", timeout_s=LIST_TIMEOUT_S):
        listed = azure.locks(subscription_id).management_locks.list_at_subscription_level()
        found = [(str(one.name or ""), str(one.id or ""), str(one.level or "")) async for one in listed]
    return tuple(
        Lock(name, lock_id.lower().rpartition("/providers/microsoft.authorization/locks/")[0])
        for name, lock_id, level in found
        if level.lower() == "readonly"
    )
