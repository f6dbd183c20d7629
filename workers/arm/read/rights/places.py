"""Where the steps of a containment write: the resource groups of VMs, NICs, and of what NICs join."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from workers.arm.ids import ArmId
from workers.arm.read import classic
from workers.arm.read.disks import disks_of
from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking
from workers.arm.session.pages import COMPUTE_VERSION, NETWORK_VERSION, pages

LIST_TIMEOUT_S = 120.0
"""Of one whole list, all its pages."""


class Place(StrEnum):
    """What lies in a resource group."""

    VM = "VMs"
    CLASSIC_VM = "classic VMs"
    NIC = "network interfaces"
    SUBNET = "subnets"
    FORMER_NSG = "security groups on network interfaces"
    APPLICATION_GROUP = "application security groups"
    POOL = "backend pools"
    GATEWAY_POOL = "backend pools of application gateways"
    NAT_RULE = "inbound NAT rules"
    PUBLIC_IP = "public IP addresses"
    LOCKDOWN_NSG = "security groups of lockdowns"
    RULE_GROUP = "application security groups in exceptions of lockdowns"
    MADE_NSG = "security groups that lockdowns make"
    VAULT = "vaults of lockdowns"
    MADE_VAULT = "vaults that lockdowns make"
    DISK = "disks"
    MADE_SNAPSHOT = "snapshots that lockdowns take"
    KNOWN_VAULT = "vaults that protect VMs already"


class Group(NamedTuple):
    """A resource group; both parts in lower case."""

    subscription_id: str
    name: str


_JOINED = {
    "subnet": Place.SUBNET,
    "publicIPAddress": Place.PUBLIC_IP,
    "applicationSecurityGroups": Place.APPLICATION_GROUP,
    "loadBalancerBackendAddressPools": Place.POOL,
    "applicationGatewayBackendAddressPools": Place.GATEWAY_POOL,
    "loadBalancerInboundNatRules": Place.NAT_RULE,
}
"""Property of an IP configuration → what it refers to, which may lie in any group."""


async def places_of(azure: Azure, subscription_id: str) -> Mapping[Place, frozenset[Group]]:
    """The groups of each kind, for the VMs of a subscription. What lockdowns use, their profiles say."""
    network = f"/subscriptions/{subscription_id}/providers/Microsoft.Network/networkInterfaces"
    compute = f"/subscriptions/{subscription_id}/providers/Microsoft.Compute/virtualMachines"
    found: defaultdict[Place, set[Group]] = defaultdict(set)
    for machine in await _list(azure, "list the VMs", compute, COMPUTE_VERSION):
        found[Place.VM].add(group_of(machine["id"]))
        found[Place.DISK].update(group_of(disk.id) for disk in disks_of(machine) if disk.id)
    for machine in await classic.list_machines(azure, subscription_id):
        found[Place.CLASSIC_VM].add(group_of(machine["id"]))
    for nic in await _list(azure, "list the network interfaces", network, NETWORK_VERSION):
        if nic["properties"].get("virtualMachine"):
            found[Place.NIC].add(group_of(nic["id"]))
            for place, resource_id in _joined(nic["properties"]):
                found[place].add(group_of(resource_id))
    return {place: frozenset(groups) for place, groups in found.items()}


async def places_by_vm(azure: Azure, subscription_id: str) -> Mapping[str, Mapping[Place, frozenset[Group]]]:
    """The same for each VM with NICs, by its id in lower case: one list for all of them."""
    network = f"/subscriptions/{subscription_id}/providers/Microsoft.Network/networkInterfaces"
    by_vm: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for nic in await _list(azure, "list the network interfaces", network, NETWORK_VERSION):
        if machine := nic["properties"].get("virtualMachine"):
            by_vm[machine["id"].lower()].append(nic)
    return {vm: places_of_nics(nics) for vm, nics in by_vm.items()}


def places_of_nics(nics: Iterable[Mapping[str, Any]]) -> Mapping[Place, frozenset[Group]]:
    """The groups of these NICs, and of what they join."""
    found: defaultdict[Place, set[Group]] = defaultdict(set)
    for nic in nics:
        found[Place.NIC].add(group_of(nic["id"]))
        for place, resource_id in _joined(nic["properties"]):
            found[place].add(group_of(resource_id))
    return {place: frozenset(groups) for place, groups in found.items()}


async def _list(azure: Azure, doing: str, path: str, version: str) -> list[dict[str, Any]]:
    async with asking(doing, timeout_s=LIST_TIMEOUT_S):
        return [item async for page in pages(azure, path, version) for item in page]


def _joined(properties: Mapping[str, Any]) -> Iterator[tuple[Place, str]]:
    if nsg := properties.get("networkSecurityGroup"):
        yield Place.FORMER_NSG, nsg["id"]
    for configuration in properties.get("ipConfigurations") or []:
        for name, place in _JOINED.items():
            given = configuration["properties"].get(name) or []
            for one in given if isinstance(given, list) else [given]:
                yield place, one["id"]


def group_of(resource_id: str) -> Group:
    """The group that a resource lies in."""
    one = ArmId.parse(resource_id)
    return Group(one.subscription_id.lower(), one.group.lower())
