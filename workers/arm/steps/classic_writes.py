"""What is written to classic VMs, over plain ARM calls: no SDK client speaks to them any more."""

from workers.arm.read.classic import API_VERSION, GROUPS
from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking
from workers.arm.session.longrunning import Accepted, accepted_by
from workers.arm.session.noted import CORRELATION_ID
from workers.domain.starts.vm import VmRef


async def shutdown(azure: Azure, vm: VmRef) -> Accepted:
    """Stop and deallocate; ``stop`` alone would leave it billed."""
    async with asking(f"shut the classic VM {vm.name} down"):
        response = await azure.send("POST", f"{vm.resource_id}/shutdown", api_version=API_VERSION)
    return accepted_by(response.headers)


async def start(azure: Azure, vm: VmRef, correlation_id: str) -> Accepted:
    """Start it, by a request of this correlation id."""
    async with asking(f"start the classic VM {vm.name}"):
        response = await azure.send(
            "POST",
            f"{vm.resource_id}/start",
            api_version=API_VERSION,
            headers={CORRELATION_ID: correlation_id},
        )
    return accepted_by(response.headers)


async def associate_group(azure: Azure, vm: VmRef, group_id: str) -> None:
    """Put a classic NSG on the VM, in the place of another."""
    name = group_id.rstrip("/").rpartition("/")[2]
    body = {"properties": {"networkSecurityGroup": {"id": group_id}}}
    async with asking(f"put the NSG {name} on the classic VM {vm.name}"):
        await azure.send("PUT", f"{vm.resource_id}/{GROUPS}/{name}", api_version=API_VERSION, body=body)


async def dissociate_group(azure: Azure, vm: VmRef, group_id: str) -> None:
    """Take a classic NSG off the VM."""
    name = group_id.rstrip("/").rpartition("/")[2]
    async with asking(f"take the NSG {name} off the classic VM {vm.name}"):
        await azure.send("DELETE", f"{vm.resource_id}/{GROUPS}/{name}", api_version=API_VERSION)
