"""What built-in roles allow: those of their actions that the stand-in has anything to do with.

Source: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
"""

from typing import Any

ROLES: dict[str, dict[str, list[str]]] = {
    "Owner": {"actions": ["*"], "notActions": []},
    "Contributor": {
        "actions": ["*"],
        "notActions": [
            "Microsoft.Authorization/*/Delete",
            "Microsoft.Authorization/*/Write",
            "Microsoft.Authorization/elevateAccess/Action",
        ],
    },
    "Reader": {"actions": ["*/read"], "notActions": []},
    "Virtual Machine Contributor": {
        "actions": [
            "Microsoft.Authorization/*/read",
            "Microsoft.Compute/availabilitySets/*",
            "Microsoft.Compute/locations/*",
            "Microsoft.Compute/virtualMachines/*",
            "Microsoft.Compute/disks/write",
            "Microsoft.Compute/disks/read",
            "Microsoft.Compute/disks/delete",
            "Microsoft.Network/applicationGateways/backendAddressPools/join/action",
            "Microsoft.Network/loadBalancers/backendAddressPools/join/action",
            "Microsoft.Network/loadBalancers/inboundNatPools/join/action",
            "Microsoft.Network/loadBalancers/inboundNatRules/join/action",
            "Microsoft.Network/loadBalancers/read",
            "Microsoft.Network/locations/*",
            "Microsoft.Network/networkInterfaces/*",
            "Microsoft.Network/networkSecurityGroups/join/action",
            "Microsoft.Network/networkSecurityGroups/read",
            "Microsoft.Network/publicIPAddresses/join/action",
            "Microsoft.Network/publicIPAddresses/read",
            "Microsoft.Network/virtualNetworks/read",
            "Microsoft.Network/virtualNetworks/subnets/join/action",
            "Microsoft.RecoveryServices/locations/*",
            "Microsoft.RecoveryServices/Vaults/backupFabrics/protectionContainers/protectedItems/read",
            "Microsoft.RecoveryServices/Vaults/backupFabrics/protectionContainers/protectedItems/write",
            "Microsoft.RecoveryServices/Vaults/backupPolicies/read",
            "Microsoft.RecoveryServices/Vaults/read",
            "Microsoft.RecoveryServices/Vaults/write",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
        ],
        "notActions": [],
    },
    "Network Contributor": {
        "actions": [
            "Microsoft.Authorization/*/read",
            "Microsoft.Network/*",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
        ],
        "notActions": [],
    },
    "Backup Contributor": {
        "actions": [
            "Microsoft.RecoveryServices/locations/*",
            "Microsoft.RecoveryServices/Vaults/backupFabrics/protectionContainers/protectedItems/*",
            "Microsoft.RecoveryServices/Vaults/backupJobs/*",
            "Microsoft.RecoveryServices/Vaults/backupPolicies/*",
            "Microsoft.RecoveryServices/Vaults/read",
        ],
        "notActions": [],
    },
    "Security Admin": {
        "actions": [
            "Microsoft.Authorization/*/read",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
            "Microsoft.Security/*",
        ],
        "notActions": [],
    },
    "Disk Snapshot Contributor": {
        "actions": [
            "Microsoft.Authorization/*/read",
            "Microsoft.Compute/snapshots/delete",
            "Microsoft.Compute/snapshots/write",
            "Microsoft.Compute/snapshots/read",
            "Microsoft.Compute/snapshots/beginGetAccess/action",
            "Microsoft.Compute/snapshots/endGetAccess/action",
            "Microsoft.Compute/disks/beginGetAccess/action",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
        ],
        "notActions": [],
    },
    "Disk Backup Reader": {
        "actions": [
            "Microsoft.Authorization/*/read",
            "Microsoft.Compute/disks/read",
            "Microsoft.Compute/disks/beginGetAccess/action",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
        ],
        "notActions": [],
    },
    "Locks Contributor": {
        "actions": [
            "Microsoft.Authorization/locks/read",
            "Microsoft.Authorization/locks/write",
            "Microsoft.Authorization/locks/delete",
        ],
        "notActions": [],
    },
    "Classic Virtual Machine Contributor": {
        "actions": ["Microsoft.ClassicCompute/virtualMachines/*", "Microsoft.ClassicNetwork/*/join/action"],
        "notActions": [],
    },
}
"""By name: ``actions`` and ``notActions``, spelt as Azure spells them."""

GUARD_ROLES = (
    "Reader",
    "Virtual Machine Contributor",
    "Network Contributor",
    "Backup Contributor",
    "Security Admin",
    "Disk Snapshot Contributor",
    "Disk Backup Reader",
    "Locks Contributor",
    "Classic Virtual Machine Contributor",
)
"""What the product's own identity has, unless a test takes some away."""


def permission(role: str) -> dict[str, Any]:
    """A role as the permissions call shows it; roles that are not listed above allow nothing."""
    none: dict[str, list[str]] = {"actions": [], "notActions": []}
    return {**ROLES.get(role, none), "dataActions": [], "notDataActions": []}
