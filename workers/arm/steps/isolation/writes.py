"""What is written to the network: another NSG on a NIC, and the lockdown NSG itself."""

from typing import Any

from workers.arm.ids import ArmId
from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking


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
