"""One virtual machine as ARM shows it: read it, and take out what the domain wants to know."""

from collections.abc import Iterable, Mapping
from typing import Any

from workers.arm.ids import name_of
from workers.arm.read.disks import disks_of
from workers.arm.read.gathering.prices import cost_of
from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking
from workers.domain.errors import NotFound, StepFailed
from workers.domain.starts.facts import MachineFacts
from workers.domain.starts.vm import PowerState, VmRef

_POWER = "powerstate/"
TRUSTED = frozenset({"TrustedLaunch", "ConfidentialVM"})


async def read_machine(azure: Azure, vm: VmRef) -> dict[str, Any]:
    """The VM with its instance view: one call that answers everything.

    Raises:
        NotFound: there is no such VM.
        DependencyAway: Azure does not answer, or throttles.
        StepFailed: we may not read it.
    """
    async with asking(f"read the VM {vm.name}"):
        found = await azure.compute(vm.subscription_id).virtual_machines.get(
            vm.resource_group, vm.name, expand="instanceView"
        )
    return found.as_dict()


async def read_machine_to_contain(azure: Azure, vm: VmRef) -> dict[str, Any]:
    """As ``read_machine``; a VM that is gone fails the step for good."""
    try:
        return await read_machine(azure, vm)
    except NotFound:
        raise gone(vm) from None


def gone(vm: VmRef) -> StepFailed:
    """What every step says when its VM has been deleted."""
    return StepFailed(f"the VM {vm.name} no longer exists", code="ResourceNotFound", final=True)


def machine_facts(machine: Mapping[str, Any]) -> MachineFacts:
    """What a card shows of it."""
    properties = machine.get("properties") or {}
    view = properties.get("instanceView") or {}
    disk = (properties.get("storageProfile") or {}).get("osDisk") or {}
    named = f"{view.get('osName') or ''} {view.get('osVersion') or ''}".strip()
    size = str((properties.get("hardwareProfile") or {}).get("vmSize") or "")
    return MachineFacts(
        location=str(machine.get("location") or ""),
        size=size,
        power=power_state(view),
        os=named or str(disk.get("osType") or ""),
        tags=machine.get("tags") or {},
        nic_ids=nic_ids(machine),
        ephemeral=ephemeral(machine),
        availability_set_id=(properties.get("availabilitySet") or {}).get("id") or None,
        disk_ids=tuple(used.id for used in disks_of(machine) if used.id and not used.local),
        host_encrypted=host_encrypted(machine),
        scale_set_id=(properties.get("virtualMachineScaleSet") or {}).get("id") or None,
        image=image(properties),
        identity=_identity(machine),
        zones=tuple(map(str, machine.get("zones") or ())),
        disk_encryption=disk_encryption(disk),
        cost=cost_of(size),
    )


def image(properties: Mapping[str, Any]) -> str:
    """What it was made from: a marketplace image in the notation of the Azure CLI, else an image's name.

    Source: https://learn.microsoft.com/rest/api/compute/virtual-machines/get#imagereference
    """
    given = (properties.get("storageProfile") or {}).get("imageReference") or {}
    if given.get("publisher"):
        version = given.get("exactVersion") or given.get("version")
        parts = (given.get("publisher"), given.get("offer"), given.get("sku"), version)
        return ":".join(str(one or "") for one in parts)
    own = given.get("id") or given.get("sharedGalleryImageId") or given.get("communityGalleryImageId")
    name, versions, version = str(own or "").rstrip("/").rpartition("/versions/")
    return f"{name_of(name)} {version}" if versions else version.rpartition("/")[2]


def _identity(machine: Mapping[str, Any]) -> str:
    kind = str((machine.get("identity") or {}).get("type") or "")
    return "" if kind.lower() == "none" else kind


def disk_encryption(os_disk: Mapping[str, Any]) -> str:
    """What encrypts the OS disk beside Azure's own keys, which do so always; empty for nothing.

    Source: https://learn.microsoft.com/azure/virtual-machines/disk-encryption-overview
    """
    managed = os_disk.get("managedDisk") or {}
    kind = str((managed.get("securityProfile") or {}).get("securityEncryptionType") or "")
    found = [
        "Azure Disk Encryption" if (os_disk.get("encryptionSettings") or {}).get("enabled") else "",
        "a key of one's own" if (managed.get("diskEncryptionSet") or {}).get("id") else "",
        "confidential disk encryption" if kind == "DiskWithVMGuestState" else "",
    ]
    return ", ".join(filter(None, found))


def ephemeral(machine: Mapping[str, Any]) -> bool:
    """Whether its OS disk lives on the host: such a VM can be powered off, not deallocated nor backed up.

    Source: https://learn.microsoft.com/azure/virtual-machines/ephemeral-os-disks#unsupported-features
    """
    disk = ((machine.get("properties") or {}).get("storageProfile") or {}).get("osDisk") or {}
    return str((disk.get("diffDiskSettings") or {}).get("option") or "").lower() == "local"


def host_encrypted(machine: Mapping[str, Any]) -> bool:
    """Whether it is encrypted at its host; Azure leaves the value out where it never was."""
    profile = (machine.get("properties") or {}).get("securityProfile") or {}
    return bool(profile.get("encryptionAtHost"))


def nic_ids(machine: Mapping[str, Any]) -> tuple[str, ...]:
    """Its NICs, in the order of the VM."""
    profile = (machine.get("properties") or {}).get("networkProfile") or {}
    return tuple(nic["id"] for nic in profile.get("networkInterfaces") or [])


def power_of(machine: Mapping[str, Any]) -> PowerState:
    """Its power state; UNKNOWN while Azure reports none."""
    return power_state((machine.get("properties") or {}).get("instanceView") or {})


def power_state(instance_view: Mapping[str, Any]) -> PowerState:
    """The power state among the statuses of an instance view."""
    return _power(status.get("code") for status in instance_view.get("statuses") or [])


def _power(codes: Iterable[object]) -> PowerState:
    for code in codes:
        kind, _, state = str(code or "").lower().partition("/")
        if f"{kind}/" == _POWER:
            return PowerState(state) if state in set(PowerState) else PowerState.UNKNOWN
    return PowerState.UNKNOWN


def trusted_launch(machine: dict[str, Any]) -> bool:
    """Whether only the enhanced backup policy takes it."""
    profile = (machine.get("properties") or {}).get("securityProfile") or {}
    return profile.get("securityType") in TRUSTED
