"""NICs, NSGs, subnets and public IPs, as the JSON that Azure sent.

The SDK's models keep what they don't know, and ``as_dict`` gives back all that came: what is written again
loses nothing.
"""

import contextlib
from collections.abc import Mapping
from typing import Any

from workers.arm.ids import ArmId, group_id, same
from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking
from workers.arm.session.pages import NETWORK_VERSION, pages
from workers.domain.errors import NotFound

SUCCEEDED = "Succeeded"
FAILED = "Failed"


async def read_nic(azure: Azure, nic_id: str) -> dict[str, Any]:
    """A NIC, with its etag."""
    nic = ArmId.parse(nic_id)
    async with asking(f"read the NIC {nic.name}"):
        found = await azure.network(nic.subscription_id).network_interfaces.get(nic.group, nic.name)
    return found.as_dict()


async def read_nsg(azure: Azure, nsg_id: str) -> dict[str, Any]:
    """An NSG with its own and the default rules."""
    nsg = ArmId.parse(nsg_id)
    async with asking(f"read the NSG {nsg.name}"):
        found = await azure.network(nsg.subscription_id).network_security_groups.get(nsg.group, nsg.name)
    return found.as_dict()


async def find_nsg(azure: Azure, nsg_id: str) -> dict[str, Any] | None:
    """The NSG, or ``None`` if there is none."""
    try:
        return await read_nsg(azure, nsg_id)
    except NotFound:
        return None


async def nsgs_of_region(azure: Azure, nic: Mapping[str, Any], *, most: int) -> list[str]:
    """Ids of NSGs that a NIC could take, those of its own group first.

    Args:
        azure: the clients.
        nic: as it was read.
        most: so many at most; a subscription may have thousands.
    """
    where, found = ArmId.parse(nic["id"]), dict[str, str]()
    own = group_id(where.subscription_id, where.group)
    for scope in (own, f"/subscriptions/{where.subscription_id}"):
        listed = pages(azure, f"{scope}/providers/Microsoft.Network/networkSecurityGroups", NETWORK_VERSION)
        async with asking("list the NSGs of the region"), contextlib.aclosing(listed):
            async for page in listed:
                mine = (nsg["id"] for nsg in page if same(nsg.get("location"), nic["location"]))
                found |= {nsg_id.lower(): nsg_id for nsg_id in mine}
                if len(found) >= most:
                    break
    return list(found.values())[:most]


async def read_subnet(azure: Azure, subnet_id: str) -> dict[str, Any]:
    """A subnet; its NSG is only named."""
    subnet = ArmId.parse(subnet_id)
    async with asking(f"read the subnet {subnet.name}"):
        found = await azure.network(subnet.subscription_id).subnets.get(subnet.group, *subnet.names)
    return found.as_dict()


async def read_public_ip(azure: Azure, public_ip_id: str) -> dict[str, Any]:
    """A public IP address."""
    public_ip = ArmId.parse(public_ip_id)
    async with asking(f"read the public IP {public_ip.name}"):
        found = await azure.network(public_ip.subscription_id).public_ip_addresses.get(
            public_ip.group, public_ip.name
        )
    return found.as_dict()


async def read_balancer(azure: Azure, balancer_id: str) -> dict[str, Any]:
    """A load balancer with its frontends, rules and NAT rules."""
    where = ArmId.parse(balancer_id)
    async with asking(f"read the load balancer {where.name}"):
        found = await azure.network(where.subscription_id).load_balancers.get(where.group, where.name)
    balancer: dict[str, Any] = found.as_dict()
    return balancer


async def read_route_table(azure: Azure, table_id: str) -> dict[str, Any]:
    """A route table with its routes."""
    table = ArmId.parse(table_id)
    async with asking(f"read the route table {table.name}"):
        found = await azure.network(table.subscription_id).route_tables.get(table.group, table.name)
    routes: dict[str, Any] = found.as_dict()
    return routes


def nsg_of(resource: Mapping[str, Any]) -> str | None:
    """The id of the NSG on a NIC or a subnet."""
    group = (resource.get("properties") or {}).get("networkSecurityGroup") or {}
    return group.get("id") or None


def settled(resource: Mapping[str, Any]) -> bool:
    """Whether Azure has finished writing it, well."""
    return same_state(resource, SUCCEEDED)


def same_state(resource: Mapping[str, Any], state: str) -> bool:
    """Whether it is in this provisioning state, in whatever spelling."""
    return same(state_of(resource), state)


def state_of(resource: Mapping[str, Any]) -> str:
    """Its provisioning state: Succeeded, Updating, Failed and others."""
    return str((resource.get("properties") or {}).get("provisioningState") or "")
