"""Whether a VM can be encrypted at its host: its size, its subscription, and what encrypts it already.

Sources:
    https://learn.microsoft.com/azure/virtual-machines/disk-encryption#encryption-at-host---end-to-end-encryption-for-your-vm-data
    https://learn.microsoft.com/azure/virtual-machines/disks-enable-host-based-encryption-cli
"""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from workers.arm.read.disks import disks_of, read_disk
from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking, raise_worst
from workers.arm.session.pages import pages
from workers.domain.errors import NotFound
from workers.domain.starts.vm import VmRef

SKUS_VERSION = "2021-07-01"
"""What the SDK's client sends for sizes."""
FEATURES_VERSION = "2021-07-01"
FEATURE = "Microsoft.Compute/EncryptionAtHost"
_CAPABILITY = "EncryptionAtHostSupported"
_LIST_TIMEOUT_S = 30.0
"""The sizes of a region are some megabytes."""

REGISTER = "az feature register --namespace Microsoft.Compute --name EncryptionAtHost"


async def unsupported(azure: Azure, vm: VmRef, machine: Mapping[str, Any]) -> str:
    """Every reason why Azure would refuse it, as one sentence; empty where none is known.

    Raises:
        DependencyAway: Azure does not answer, or throttles.
        StepFailed: we may not read it.
    """
    found = await asyncio.gather(
        _size(azure, vm, machine), _subscription(azure, vm), _disks(azure, machine), return_exceptions=True
    )
    raise_worst(found)
    return "; ".join(str(said) for said in found if said)


async def _size(azure: Azure, vm: VmRef, machine: Mapping[str, Any]) -> str:
    """A size that the region doesn't list is left to Azure."""
    size = str(((machine.get("properties") or {}).get("hardwareProfile") or {}).get("vmSize") or "")
    region = str(machine.get("location") or "")
    path = f"/subscriptions/{vm.subscription_id}/providers/Microsoft.Compute/skus"
    query = urlencode({"$filter": f"location eq '{region}'"})
    listed = pages(azure, f"{path}?{query}", SKUS_VERSION)
    async with (
        asking(f"list the VM sizes of {region}", timeout_s=_LIST_TIMEOUT_S),
        contextlib.aclosing(listed),
    ):
        async for page in listed:
            for sku in page:
                if sku.get("resourceType") != "virtualMachines" or _lower(sku.get("name")) != size.lower():
                    continue
                able = {
                    _lower(one.get("name")): _lower(one.get("value")) for one in sku.get("capabilities") or ()
                }
                supported = able.get(_CAPABILITY.lower()) == "true"
                return "" if supported else f"the size {size} does not support it in {region}"
    return ""


async def _subscription(azure: Azure, vm: VmRef) -> str:
    """A cloud that does not know the feature is left to Azure, too."""
    namespace, name = FEATURE.split("/")
    path = f"/subscriptions/{vm.subscription_id}/providers/Microsoft.Features/providers/{namespace}"
    try:
        async with asking(f"read the feature {FEATURE}"):
            response = await azure.send("GET", f"{path}/features/{name}", api_version=FEATURES_VERSION)
            state = str((response.json().get("properties") or {}).get("state") or "unknown")
    except NotFound:
        return ""
    if state == "Registered":
        return ""
    return f"the feature {FEATURE} is {state} in the subscription; register it once: {REGISTER}"


async def _disks(azure: Azure, machine: Mapping[str, Any]) -> str:
    """Azure Disk Encryption, from inside the VM, excludes it.

    An enabled one shows in the settings of each disk; older VMs and the extension say it of themselves.
    """
    said = "Azure Disk Encryption is in use, which excludes it"
    properties = machine.get("properties") or {}
    own = ((properties.get("storageProfile") or {}).get("osDisk") or {}).get("encryptionSettings") or {}
    kinds = [(one.get("properties") or {}).get("type") for one in machine.get("resources") or ()]
    if own.get("enabled") or any(_lower(kind).startswith("azurediskencryption") for kind in kinds):
        return said
    ids = [disk.id for disk in disks_of(machine) if disk.id and not disk.local]
    for disk in await asyncio.gather(*(_settings(azure, disk_id) for disk_id in ids)):
        if disk.get("enabled"):
            return said
    return ""


async def _settings(azure: Azure, disk_id: str) -> dict[str, Any]:
    try:
        disk = await read_disk(azure, disk_id)
    except NotFound:
        return {}  # taken off and deleted since the VM was read
    return (disk.get("properties") or {}).get("encryptionSettingsCollection") or {}


def _lower(text: object) -> str:
    return str(text or "").lower()
