"""What is written to Azure Backup: a vault, a VM's protection, and a backup of now."""

from datetime import datetime
from typing import Any

from workers.arm.ids import ArmId
from workers.arm.read.backup import Item
from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking
from workers.arm.session.longrunning import Accepted, Receipt
from workers.domain.containment.options.backup_options import Redundancy
from workers.domain.starts.vm import VmRef

_REDUNDANCY = {
    Redundancy.LOCAL: "LocallyRedundant",
    Redundancy.ZONE: "ZoneRedundant",
    Redundancy.GEO: "GeoRedundant",
}


async def create_vault(
    azure: Azure, vault_id: str, location: str, tags: dict[str, str], redundancy: Redundancy | None
) -> Accepted:
    """A new vault with soft delete, and immutability that can still be taken back: never ``Locked``.

    Source: https://learn.microsoft.com/rest/api/recoveryservices/vaults/create-or-update
    """
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
    if redundancy is not None:
        settings = {"standardTierStorageRedundancy": _REDUNDANCY[redundancy]}
        body["properties"]["redundancySettings"] = settings
    async with asking(f"create the vault {vault.name}"):
        await azure.vaults(vault.subscription_id).vaults.begin_create_or_update(
            vault.group, vault.name, body, polling=False, raw_response_hook=receipt
        )
    return receipt.accepted


async def protect(azure: Azure, vm: VmRef, item: Item, policy: str) -> Accepted:
    """Have a vault protect a VM under one of its policies; where protection was stopped, it is resumed.

    Source: https://learn.microsoft.com/azure/backup/backup-azure-arm-userestapi-backupazurevms
    """
    body = {"policyId": f"{item.vault_id}/backupPolicies/{policy}"}
    return await _put(azure, vm, item, body, f"protect {vm.name} with {policy}")


async def undelete(azure: Azure, vm: VmRef, item: Item) -> Accepted:
    """Take back a soft deletion. Protection is stopped then, and has to be resumed.

    Source: https://learn.microsoft.com/azure/backup/backup-azure-arm-userestapi-backupazurevms#undo-the-deletion
    """
    body = {"protectionState": "ProtectionStopped", "isRehydrate": True}
    return await _put(azure, vm, item, body, f"undelete the backups of {vm.name}")


async def stop_protection(azure: Azure, vm: VmRef, item: Item) -> Accepted:
    """No further backups; the data is kept.

    Source: https://learn.microsoft.com/azure/backup/backup-azure-arm-userestapi-backupazurevms#stop-protection-but-retain-existing-data
    """
    body = {"protectionState": "ProtectionStopped", "policyId": ""}
    return await _put(azure, vm, item, body, f"stop the protection of {vm.name}")


async def _put(azure: Azure, vm: VmRef, item: Item, given: dict[str, Any], doing: str) -> Accepted:
    receipt = Receipt()
    kind = {"protectedItemType": "Microsoft.Compute/virtualMachines", "sourceResourceId": vm.resource_id}
    body: Any = {"properties": kind | given}
    async with asking(doing):
        await azure.backup(vm.subscription_id).protected_items.begin_create_or_update(
            *item.path, body, polling=False, raw_response_hook=receipt
        )
    return receipt.accepted


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
