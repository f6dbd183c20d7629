"""NICs, NSGs, subnets and public IPs: read and written as JSON, so that nothing in them is lost."""

from typing import Any

from workers.arm.ids import ArmId, same
from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking
from workers.arm.session.plain import plain
from workers.domain.errors import NotFound

SUCCEEDED = "Succeeded"


async def read_nic(azure: Azure, nic_id: str) -> dict[str, Any]:
    """A NIC, with its etag."""
    nic = ArmId.parse(nic_id)
    async with asking(f"read the NIC {nic.name}"):
        return await plain(
            azure.network(nic.subscription_id).network_interfaces.get(nic.group, nic.name, stream=True)
        )


async def read_nsg(azure: Azure, nsg_id: str) -> dict[str, Any]:
    """An NSG with its own and the default rules."""
    nsg = ArmId.parse(nsg_id)
    async with asking(f"read the NSG {nsg.name}"):
        return await plain(
            azure.network(nsg.subscription_id).network_security_groups.get(nsg.group, nsg.name, stream=True)
        )


async def find_nsg(azure: Azure, nsg_id: str) -> dict[str, Any] | None:
    """The NSG, or ``None`` if there is none."""
    try:
        return await read_nsg(azure, nsg_id)
    except NotFound:
        return None


async def read_subnet(azure: Azure, subnet_id: str) -> dict[str, Any]:
    """A subnet; its NSG is only named."""
    subnet = ArmId.parse(subnet_id)
    async with asking(f"read the subnet {subnet.name}"):
        return await plain(
            azure.network(subnet.subscription_id).subnets.get(subnet.group, *subnet.names, stream=True)
        )


async def read_public_ip(azure: Azure, public_ip_id: str) -> dict[str, Any]:
    """A public IP address."""
    public_ip = ArmId.parse(public_ip_id)
    async with asking(f"read the public IP {public_ip.name}"):
        return await plain(
            azure.network(public_ip.subscription_id).public_ip_addresses.get(
                public_ip.group, public_ip.name, stream=True
            )
        )


async def put_nsg_on_nic(azure: Azure, nic: dict[str, Any], nsg_id: str | None) -> None:
    """Write a NIC back as it was read, with another NSG (or none), if nobody wrote to it since.

    Returns when Azure has accepted it; reading the NIC back says how it went.

    Raises:
        Busy: its etag changed, or somebody else is writing.
    """
    changed: Any = {**nic, "properties": dict(nic["properties"])}
    if nsg_id is None:
        changed["properties"].pop("networkSecurityGroup", None)
    else:
        changed["properties"]["networkSecurityGroup"] = {"id": nsg_id}
    where = ArmId.parse(nic["id"])
    async with asking(f"write the NIC {where.name}"):
        await azure.network(where.subscription_id).network_interfaces.begin_create_or_update(
            where.group, where.name, changed, headers={"If-Match": nic["etag"]}, polling=False
        )


async def put_nsg(azure: Azure, nsg_id: str, body: Any, *, etag: str | None) -> None:
    """Create an NSG (``etag=None``: there must be none yet) or replace the version that was read."""
    nsg = ArmId.parse(nsg_id)
    condition = {"If-None-Match": "*"} if etag is None else {"If-Match": etag}
    async with asking(f"write the NSG {nsg.name}"):
        await azure.network(nsg.subscription_id).network_security_groups.begin_create_or_update(
            nsg.group, nsg.name, body, headers=condition, polling=False
        )


def nsg_of(resource: dict[str, Any]) -> str | None:
    """The id of the NSG on a NIC or a subnet."""
    group = (resource.get("properties") or {}).get("networkSecurityGroup") or {}
    return group.get("id") or None


def settled(resource: dict[str, Any]) -> bool:
    """Whether Azure has finished writing it, well."""
    return same(state_of(resource), SUCCEEDED)


def state_of(resource: dict[str, Any]) -> str:
    """Its provisioning state: Succeeded, Updating, Failed and others."""
    return str((resource.get("properties") or {}).get("provisioningState") or "")
