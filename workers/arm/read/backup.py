"""Azure Backup: whether a VM is protected, and the calls that protect it and back it up.

Names follow the service's own scheme for VMs of Resource Manager.
Source: https://learn.microsoft.com/rest/api/backup/protected-items/create-or-update
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from workers.arm.ids import ArmId
from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking
from workers.arm.session.longrunning import Accepted, Receipt
from workers.arm.session.plain import plain
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
        return await plain(
            azure.backup(vm.subscription_id).backup_status.get(
                location, {"resourceType": "VM", "resourceId": vm.resource_id}, stream=True
            )
        )


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


async def create_vault(azure: Azure, vault_id: str, location: str, tags: dict[str, str]) -> Accepted:
    """A new vault with soft delete, and immutability that can still be taken back: never ``Locked``."""
    vault, receipt = ArmId.parse(vault_id), Receipt()
    body: Any = {
        "location": location,
        "tags": tags,
        "sku": {"name": "RS0", "tier": "Standard"},
        "properties": {
            "publicNetworkAccess": "Enabled",
            "securitySettings": {
                "immutabilitySettings": {"state": "Unlocked"},
                "softDeleteSettings": {
                    "softDeleteState": "Enabled",
                    "softDeleteRetentionPeriodInDays": 14,
                    "enhancedSecurityState": "Enabled",
                },
            },
        },
    }
    async with asking(f"create the vault {vault.name}"):
        await azure.vaults(vault.subscription_id).vaults.begin_create_or_update(
            vault.group, vault.name, body, polling=False, raw_response_hook=receipt
        )
    return receipt.accepted


async def protect(azure: Azure, vm: VmRef, item: Item, policy: str) -> Accepted:
    """Have a vault protect a VM under one of its policies."""
    receipt = Receipt()
    body: Any = {
        "properties": {
            "protectedItemType": "Microsoft.Compute/virtualMachines",
            "sourceResourceId": vm.resource_id,
            "policyId": f"{item.vault_id}/backupPolicies/{policy}",
        }
    }
    async with asking(f"protect {vm.name} with {policy}"):
        await azure.backup(vm.subscription_id).protected_items.begin_create_or_update(
            *item.path, body, polling=False, raw_response_hook=receipt
        )
    return receipt.accepted


async def reads_back_protected(azure: Azure, vm: VmRef, item: Item) -> bool:
    """Whether the item exists and says that it is protected."""
    try:
        async with asking(f"read the protected item of {vm.name}"):
            found = await azure.backup(vm.subscription_id).protected_items.get(*item.path)
    except NotFound:
        return False
    properties = found.as_dict().get("properties") or {}
    return str(properties.get("protectionState") or "").lower() in PROTECTED_STATES


async def trigger(azure: Azure, vm: VmRef, item: Item, keep_until: datetime) -> Accepted:
    """Back up now; the recovery point is kept until then."""
    receipt = Receipt()
    body: Any = {
        "properties": {
            "objectType": "IaasVMBackupRequest",
            "recoveryPointExpiryTimeInUTC": keep_until.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
    }
    async with asking(f"back {vm.name} up"):
        await azure.backup(vm.subscription_id).backups.trigger(*item.path, body, raw_response_hook=receipt)
    return receipt.accepted
