"""Azure Backup: whether a VM is protected, and by which vault.

Names follow the service's own scheme for VMs of Resource Manager.
Source: https://learn.microsoft.com/rest/api/backup/protected-items/create-or-update
"""

from dataclasses import dataclass
from typing import Any

from workers.arm.ids import ArmId
from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking
from workers.domain.errors import NotFound
from workers.domain.starts.facts import BackupFacts
from workers.domain.starts.vm import VmRef

FABRIC = "Azure"
PROTECTED_STATES = frozenset({"protected", "irpending"})
"""Protected; ``IRPending`` is so too, with its first backup still to come."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """A protected item: where a VM's backups are."""

    vault_id: str
    container: str
    name: str

    @classmethod
    def of(cls, vm: VmRef, vault_id: str) -> "Item":
        """The item that a VM has in this vault."""
        tail = f"iaasvmcontainerv2;{vm.resource_group};{vm.name}"
        return cls(vault_id=vault_id, container=f"iaasvmcontainer;{tail}", name=f"vm;{tail}")

    @property
    def path(self) -> tuple[str, str, str, str, str]:
        """The positional arguments of the SDK's calls."""
        vault = ArmId.parse(self.vault_id)
        return vault.name, vault.group, FABRIC, self.container, self.name


async def backup_status(azure: Azure, vm: VmRef, location: str) -> dict[str, Any]:
    """Azure's answer: protected or not, by which vault, under which names."""
    async with asking(f"read the backup status of {vm.name}"):
        found = await azure.backup(vm.subscription_id).backup_status.get(
            location, {"resourceType": "VM", "resourceId": vm.resource_id}
        )
    return found.as_dict()


async def backup_facts(azure: Azure, vm: VmRef, location: str) -> BackupFacts:
    """What a card shows of it."""
    status = await backup_status(azure, vm, location)
    return BackupFacts(
        protected=is_protected(status),
        vault_id=status.get("vaultId") or None,
        policy_name=str(status.get("policyName") or ""),
    )


def is_protected(status: dict[str, Any]) -> bool:
    """Whether a backup status says so."""
    return str(status.get("protectionStatus") or "").lower() == "protected"


async def find_vault(azure: Azure, vault_id: str) -> dict[str, Any] | None:
    """The vault, or ``None`` if there is none."""
    vault = ArmId.parse(vault_id)
    try:
        async with asking(f"read the vault {vault.name}"):
            found = await azure.vaults(vault.subscription_id).vaults.get(vault.group, vault.name)
    except NotFound:
        return None
    return found.as_dict()


async def reads_back_protected(azure: Azure, vm: VmRef, item: Item) -> bool:
    """Whether the item exists and says that it is protected."""
    try:
        async with asking(f"read the protected item of {vm.name}"):
            found = await azure.backup(vm.subscription_id).protected_items.get(*item.path)
    except NotFound:
        return False
    properties = found.as_dict().get("properties") or {}
    return str(properties.get("protectionState") or "").lower() in PROTECTED_STATES
