"""Machines of the classic deployment model, over plain ARM calls: no SDK client speaks to them any more.

Azure retired them in 2023 and published few of their bodies, so what is read here is read tolerantly, and
nothing of it could be tried against the service.
"""

from typing import Any

from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking
from workers.arm.session.longrunning import CORRELATION_ID, Accepted, accepted_by
from workers.domain.errors import NotFound
from workers.domain.starts.facts import MachineFacts
from workers.domain.starts.vm import PowerState, VmRef

API_VERSION = "2017-04-01"
_GROUPS = "associatedNetworkSecurityGroups"
_POWER = {
    "starting": PowerState.STARTING,
    "started": PowerState.RUNNING,
    "running": PowerState.RUNNING,
    "readyrole": PowerState.RUNNING,
    "stopping": PowerState.STOPPING,
    "stopped": PowerState.STOPPED,
    "stoppedvm": PowerState.STOPPED,
    "stoppeddeallocated": PowerState.DEALLOCATED,
    "deallocated": PowerState.DEALLOCATED,
}


async def read_machine(azure: Azure, vm: VmRef) -> MachineFacts:
    """The VM; its tags, size and power state as far as Azure shows them."""
    async with asking(f"read the classic VM {vm.name}"):
        response = await azure.send("GET", vm.resource_id, api_version=API_VERSION)
    return machine_facts(response.json())


def machine_facts(machine: dict[str, Any]) -> MachineFacts:
    """What a card shows of it."""
    properties = machine.get("properties") or {}
    view = properties.get("instanceView") or {}
    hardware = properties.get("hardwareProfile") or {}
    state = str(view.get("powerState") or view.get("status") or "").lower()
    return MachineFacts(
        location=str(machine.get("location") or ""),
        size=str(hardware.get("size") or ""),
        power=_POWER.get(state, PowerState.UNKNOWN),
        tags=machine.get("tags") or {},
    )


async def list_machines(azure: Azure, subscription_id: str) -> list[dict[str, Any]]:
    """Every classic VM of a subscription; none where the provider is not registered."""
    url = f"/subscriptions/{subscription_id}/providers/Microsoft.ClassicCompute/virtualMachines"
    try:
        async with asking("list the classic VMs"):
            response = await azure.send("GET", url, api_version=API_VERSION)
    except NotFound:
        return []
    found: list[dict[str, Any]] = response.json().get("value") or []
    return found


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


async def associated_group(azure: Azure, vm: VmRef) -> str | None:
    """The id of the classic NSG on the VM, or ``None``."""
    try:
        async with asking(f"read the NSG of the classic VM {vm.name}"):
            response = await azure.send("GET", f"{vm.resource_id}/{_GROUPS}", api_version=API_VERSION)
    except NotFound:
        return None
    for item in response.json().get("value") or []:
        group = ((item.get("properties") or {}).get("networkSecurityGroup") or {}).get("id")
        if group:
            return str(group)
    return None


async def associate_group(azure: Azure, vm: VmRef, group_id: str) -> None:
    """Put a classic NSG on the VM, in the place of another."""
    name = group_id.rstrip("/").rpartition("/")[2]
    body = {"properties": {"networkSecurityGroup": {"id": group_id}}}
    async with asking(f"put the NSG {name} on the classic VM {vm.name}"):
        await azure.send("PUT", f"{vm.resource_id}/{_GROUPS}/{name}", api_version=API_VERSION, body=body)


async def dissociate_group(azure: Azure, vm: VmRef, group_id: str) -> None:
    """Take a classic NSG off the VM."""
    name = group_id.rstrip("/").rpartition("/")[2]
    async with asking(f"take the NSG {name} off the classic VM {vm.name}"):
        await azure.send("DELETE", f"{vm.resource_id}/{_GROUPS}/{name}", api_version=API_VERSION)
