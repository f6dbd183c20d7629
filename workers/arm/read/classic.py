"""Machines of the classic deployment model, over plain ARM calls: no SDK client speaks to them any more.

Azure retired them in 2023 and published few of their bodies, so what is read here is read tolerantly, and
nothing of it could be tried against the service.
"""

from collections.abc import Mapping
from typing import Any

from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking
from workers.arm.session.pages import pages
from workers.domain.errors import NotFound, StepFailed
from workers.domain.starts.facts import MachineFacts
from workers.domain.starts.vm import PowerState, VmRef

API_VERSION = "2017-04-01"
GROUPS = "associatedNetworkSecurityGroups"
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


def machine_facts(machine: Mapping[str, Any]) -> MachineFacts:
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
    """Every classic VM of a subscription; none where the provider is not registered: nothing can be there."""
    path = f"/subscriptions/{subscription_id}/providers/Microsoft.ClassicCompute/virtualMachines"
    try:
        async with asking("list the classic VMs"):
            return [machine async for page in pages(azure, path, API_VERSION) for machine in page]
    except NotFound:
        return []
    except StepFailed as error:
        if error.code == "MissingSubscriptionRegistration":
            return []
        raise


async def associated_group(azure: Azure, vm: VmRef) -> str | None:
    """The id of the classic NSG on the VM, or ``None``."""
    try:
        async with asking(f"read the NSG of the classic VM {vm.name}"):
            response = await azure.send("GET", f"{vm.resource_id}/{GROUPS}", api_version=API_VERSION)
    except NotFound:
        return None
    for item in response.json().get("value") or []:
        group = ((item.get("properties") or {}).get("networkSecurityGroup") or {}).get("id")
        if group:
            return str(group)
    return None
