"""The disks of a VM, and snapshots of them, as ARM shows them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from workers.arm.ids import ArmId
from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking
from workers.domain.errors import NotFound

LIST_TIMEOUT_S = 120.0
"""Of one whole list, all its pages."""


class VmDisk(NamedTuple):
    """One disk as its VM names it.

    Attributes:
        role: ``os``, or ``data`` with the LUN, such as ``data0``.
        name: its name.
        id: of the managed disk; empty for an unmanaged one, which is a blob in a storage account.
        local: it lies on the host, and is no resource of its own.
    """

    role: str
    name: str
    id: str
    local: bool


def disks_of(machine: Mapping[str, Any]) -> tuple[VmDisk, ...]:
    """The OS disk, then the data disks in the order of the VM."""
    storage = (machine.get("properties") or {}).get("storageProfile") or {}
    system, data = storage.get("osDisk"), storage.get("dataDisks") or []
    return (
        *((_disk("os", system),) if system else ()),
        *(_disk(f"data{one.get('lun', place)}", one) for place, one in enumerate(data)),
    )


def _disk(role: str, given: Mapping[str, Any]) -> VmDisk:
    local = str((given.get("diffDiskSettings") or {}).get("option") or "").lower() == "local"
    return VmDisk(
        role=role,
        name=str(given.get("name") or role),
        id=str((given.get("managedDisk") or {}).get("id") or ""),
        local=local,
    )


async def read_disk(azure: Azure, disk_id: str) -> dict[str, Any]:
    """A managed disk.

    Raises:
        NotFound: there is none.
        DependencyAway: Azure does not answer, or throttles.
        StepFailed: we may not read it.
    """
    disk = ArmId.parse(disk_id)
    async with asking(f"read the disk {disk.name}"):
        found = await azure.compute(disk.subscription_id).disks.get(disk.group, disk.name)
    return found.as_dict()


async def find_snapshot(azure: Azure, snapshot_id: str) -> dict[str, Any] | None:
    """A snapshot; ``None`` if there is none. Raises as ``read_disk``."""
    snapshot = ArmId.parse(snapshot_id)
    try:
        async with asking(f"read the snapshot {snapshot.name}"):
            found = await azure.compute(snapshot.subscription_id).snapshots.get(snapshot.group, snapshot.name)
    except NotFound:
        return None
    return found.as_dict()


async def snapshots_of_subscription(azure: Azure, subscription_id: str) -> frozenset[str]:
    """The ids, in lower case, of all snapshots of a subscription. Raises as ``read_disk``."""
    async with asking(f"list the snapshots of the subscription {subscription_id}", timeout_s=LIST_TIMEOUT_S):
        listed = azure.compute(subscription_id).snapshots.list()
        return frozenset([str(one.id).lower() async for one in listed])


def held_since(disk: Mapping[str, Any]) -> str:
    """When the VM of a disk was last started or deallocated, or the disk attached; empty if Azure says not.

    As Azure writes it: it is compared, never reckoned with.
    Source: https://learn.microsoft.com/rest/api/compute/disks/get (``LastOwnershipUpdateTime``, so spelt)
    """
    properties = disk.get("properties") or {}
    return next((str(value) for key, value in properties.items() if key.lower() == _HELD_SINCE), "")


_HELD_SINCE = "lastownershipupdatetime"
