"""Which rights to write each step needs on Azure: a table for each step, for doctor to ask about.

Rights to read are not listed: whoever may read the VMs of a subscription has them by the role Reader. Writing
a NIC needs the right to join whatever it refers to, at the place of that: a NIC is written back whole.
Source: https://learn.microsoft.com/azure/role-based-access-control/resource-provider-operations
"""

from collections.abc import Mapping
from dataclasses import dataclass

from workers.arm.read.places import Place
from workers.domain.containment.spec import StepName


@dataclass(frozen=True, kw_only=True, slots=True)
class Right:
    """One right.

    Attributes:
        action: as Azure spells it.
        place: needed at the resource groups of these.
        role: the built-in role that has it with the least else.
    """

    action: str
    place: Place
    role: str


_VM = "Virtual Machine Contributor"
_NETWORK = "Network Contributor"
_BACKUP = "Backup Contributor"
_SECURITY = "Security Admin"
_SNAPSHOTS = "Disk Snapshot Contributor"
_DISKS = "Disk Backup Reader"
_CLASSIC = "Classic Virtual Machine Contributor"
_ITEM = "Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectedItems"


def _right(action: str, place: Place, role: str) -> Right:
    return Right(action=action, place=place, role=role)


RIGHTS: Mapping[StepName, tuple[Right, ...]] = {
    StepName.ISOLATE: (
        _right("Microsoft.Network/networkInterfaces/write", Place.NIC, _VM),
        _right("Microsoft.Network/networkSecurityGroups/write", Place.MADE_NSG, _NETWORK),
        _right("Microsoft.Network/networkSecurityGroups/join/action", Place.LOCKDOWN_NSG, _VM),
        _right("Microsoft.Network/networkSecurityGroups/join/action", Place.FORMER_NSG, _VM),
        _right("Microsoft.Network/virtualNetworks/subnets/join/action", Place.SUBNET, _VM),
        _right(
            "Microsoft.Network/applicationSecurityGroups/joinIpConfiguration/action",
            Place.APPLICATION_GROUP,
            _NETWORK,
        ),
        _right("Microsoft.Network/loadBalancers/backendAddressPools/join/action", Place.POOL, _VM),
        _right("Microsoft.Network/loadBalancers/inboundNatRules/join/action", Place.NAT_RULE, _VM),
        _right(
            "Microsoft.Network/applicationGateways/backendAddressPools/join/action", Place.GATEWAY_POOL, _VM
        ),
        _right("Microsoft.Network/publicIPAddresses/join/action", Place.PUBLIC_IP, _VM),
        _right(
            "Microsoft.ClassicCompute/virtualMachines/associatedNetworkSecurityGroups/write",
            Place.CLASSIC_VM,
            _CLASSIC,
        ),
        _right(
            "Microsoft.ClassicCompute/virtualMachines/associatedNetworkSecurityGroups/delete",
            Place.CLASSIC_VM,
            _CLASSIC,
        ),
    ),
    StepName.STOP: (
        _right("Microsoft.Compute/virtualMachines/deallocate/action", Place.VM, _VM),
        _right("Microsoft.Compute/virtualMachines/powerOff/action", Place.VM, _VM),
        _right("Microsoft.Compute/virtualMachines/start/action", Place.VM, _VM),
        _right("Microsoft.ClassicCompute/virtualMachines/shutdown/action", Place.CLASSIC_VM, _CLASSIC),
        _right("Microsoft.ClassicCompute/virtualMachines/start/action", Place.CLASSIC_VM, _CLASSIC),
    ),
    StepName.SNAPSHOT: (
        _right("Microsoft.Compute/snapshots/write", Place.MADE_SNAPSHOT, _SNAPSHOTS),
        # Azure asks for it on the disk that a snapshot is taken of.
        # Source: https://learn.microsoft.com/azure/backup/backup-managed-disks
        _right("Microsoft.Compute/disks/beginGetAccess/action", Place.DISK, _DISKS),
    ),
    StepName.BACKUP: (
        # Azure Backup asks for it when a VM is first protected.
        # Source: https://learn.microsoft.com/azure/backup/backup-rbac-rs-vault
        _right("Microsoft.Compute/virtualMachines/write", Place.VM, _VM),
        _right("Microsoft.RecoveryServices/locations/backupStatus/action", Place.VM, _VM),
        _right("Microsoft.RecoveryServices/vaults/write", Place.MADE_VAULT, _VM),
        _right(f"{_ITEM}/write", Place.VAULT, _VM),
        _right(f"{_ITEM}/backup/action", Place.VAULT, _BACKUP),
    ),
    StepName.DEFENDER: (
        _right("Microsoft.Security/pricings/write", Place.VM, _SECURITY),
        _right("Microsoft.Security/pricings/delete", Place.VM, _SECURITY),
    ),
}
"""By step. Only the steps that a policy's lockdowns use are asked about."""
