"""Which rights to write each step needs on Azure: a table for each step, for doctor to ask about.

Rights to read are not listed: whoever may read the VMs of a subscription has them by the role Reader. Writing
a NIC needs the right to join whatever it refers to, at the place of that: a NIC is written back whole.
Source: https://learn.microsoft.com/azure/role-based-access-control/resource-provider-operations
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from workers.arm.read.rights.places import Group, Place, group_of
from workers.domain.containment.profile import LockdownProfile
from workers.domain.containment.spec import StepName


class Use(StrEnum):
    """When a right is needed: for every VM, for some, or only to undo the step."""

    ALWAYS = "always"
    EPHEMERAL = "ephemeral OS disks"
    NOT_EPHEMERAL = "other OS disks"
    NOT_PROTECTED = "VMs without a backup"
    UNDO = "restores"


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
    use: Use = Use.ALWAYS


_VM = "Virtual Machine Contributor"
_NETWORK = "Network Contributor"
_BACKUP = "Backup Contributor"
_SECURITY = "Security Admin"
_SNAPSHOTS = "Disk Snapshot Contributor"
_DISKS = "Disk Backup Reader"
_CLASSIC = "Classic Virtual Machine Contributor"
_LOCKS = "Locks Contributor"
"""Source: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles#locks-contributor"""
_ITEM = "Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectedItems"


def _right(action: str, place: Place, role: str, use: Use = Use.ALWAYS) -> Right:
    return Right(action=action, place=place, role=role, use=use)


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
        _right(
            "Microsoft.Network/applicationSecurityGroups/joinNetworkSecurityRule/action",
            Place.RULE_GROUP,
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
        _right("Microsoft.Compute/virtualMachines/deallocate/action", Place.VM, _VM, Use.NOT_EPHEMERAL),
        _right("Microsoft.Compute/virtualMachines/powerOff/action", Place.VM, _VM, Use.EPHEMERAL),
        _right("Microsoft.Compute/virtualMachines/start/action", Place.VM, _VM, Use.UNDO),
        _right("Microsoft.ClassicCompute/virtualMachines/shutdown/action", Place.CLASSIC_VM, _CLASSIC),
        _right("Microsoft.ClassicCompute/virtualMachines/start/action", Place.CLASSIC_VM, _CLASSIC, Use.UNDO),
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
        _right("Microsoft.Compute/virtualMachines/write", Place.VM, _VM, Use.NOT_PROTECTED),
        _right("Microsoft.RecoveryServices/locations/backupStatus/action", Place.VM, _VM),
        _right("Microsoft.RecoveryServices/vaults/write", Place.MADE_VAULT, _VM, Use.NOT_PROTECTED),
        _right(f"{_ITEM}/write", Place.VAULT, _VM),
        _right(f"{_ITEM}/backup/action", Place.VAULT, _BACKUP),
    ),
    StepName.DEFENDER: (
        _right("Microsoft.Security/pricings/write", Place.VM, _SECURITY),
        _right("Microsoft.Security/pricings/delete", Place.VM, _SECURITY),
    ),
    StepName.ENCRYPT: (_right("Microsoft.Compute/virtualMachines/write", Place.VM, _VM),),
    StepName.JIT: (
        # Source: https://learn.microsoft.com/azure/defender-for-cloud/just-in-time-access-overview
        _right("Microsoft.Security/locations/jitNetworkAccessPolicies/write", Place.VM, _SECURITY),
        _right("Microsoft.Security/locations/jitNetworkAccessPolicies/delete", Place.VM, _SECURITY, Use.UNDO),
        _right("Microsoft.Compute/virtualMachines/write", Place.VM, _VM),
    ),
    StepName.LOCK: (
        _right("Microsoft.Authorization/locks/write", Place.VM, _LOCKS),
        _right("Microsoft.Authorization/locks/delete", Place.VM, _LOCKS, Use.UNDO),
        _right("Microsoft.Authorization/locks/write", Place.CLASSIC_VM, _LOCKS),
        _right("Microsoft.Authorization/locks/delete", Place.CLASSIC_VM, _LOCKS, Use.UNDO),
    ),
}
"""By step. Only the steps that a policy's lockdowns use are asked about."""


_Uses = Callable[[LockdownProfile], tuple[str | None, str | None]]


def _nsg(profile: LockdownProfile) -> tuple[str | None, str | None]:
    return profile.isolate.nsg, profile.resource_group


def _vault(profile: LockdownProfile) -> tuple[str | None, str | None]:
    return profile.backup.vault, profile.vault_group


def _snapshots(profile: LockdownProfile) -> tuple[str | None, str | None]:
    return None, profile.resource_group


_OF_LOCKDOWNS: Mapping[Place, _Uses] = {
    Place.LOCKDOWN_NSG: _nsg,
    Place.MADE_NSG: _nsg,
    Place.VAULT: _vault,
    Place.MADE_VAULT: _vault,
    Place.MADE_SNAPSHOT: _snapshots,
}
"""What a lockdown uses: the id of what is prepared; or the group where it is made, ``None`` for the VM's."""


def groups_needed(
    step: StepName,
    place: Place,
    places: Mapping[Place, frozenset[Group]],
    profiles: Sequence[LockdownProfile],
) -> Iterator[Group]:
    """The resource groups at which a right is needed.

    Args:
        step: whose right it is.
        place: where it is needed.
        places: of the VMs in question.
        profiles: every lockdown in question.
    """
    yield from places.get(place, ())
    if place is Place.VAULT and Place.KNOWN_VAULT in places:
        yield from places[Place.KNOWN_VAULT]
        return
    if place is Place.RULE_GROUP:
        yield from _of_exceptions(step, profiles)
    for profile in profiles:
        if step not in profile.steps or place not in _OF_LOCKDOWNS:
            continue
        prepared, made_in = _OF_LOCKDOWNS[place](profile)
        if prepared and place in (Place.LOCKDOWN_NSG, Place.VAULT):
            yield group_of(prepared)
        elif not prepared:
            for vms in places.get(Place.VM, ()):
                yield vms._replace(name=(made_in or vms.name).lower())


def _of_exceptions(step: StepName, profiles: Sequence[LockdownProfile]) -> Iterator[Group]:
    for profile in profiles:
        if step in profile.steps:
            yield from (group_of(rule.peer_group) for rule in profile.isolate.allow if rule.peer_group)
