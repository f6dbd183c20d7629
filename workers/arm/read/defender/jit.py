"""Just-in-time access policies: which VMs they list, and one policy whole, as it has to be written back.

A policy lies in a resource group and a region. Azure publishes no entity tag for it, and a PUT replaces it.
Source: https://learn.microsoft.com/rest/api/defenderforcloud/jit-network-access-policies
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from workers.arm.ids import ArmId, group_id, same
from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking
from workers.domain.errors import NotFound
from workers.domain.starts.vm import VmRef

Policy = Mapping[str, Any]
"""A policy as Azure sent it."""

LIST_TIMEOUT_S = 60.0
"""Of all pages of a subscription's policies."""
USUAL_NAME = "default"
"""What the portal calls the policy of a group and region."""


def policy_id_for(vm: VmRef, location: str) -> str:
    """The policy into which a VM of this region is put."""
    group = group_id(vm.subscription_id, vm.resource_group)
    return f"{group}/providers/Microsoft.Security/locations/{location}/jitNetworkAccessPolicies/{USUAL_NAME}"


async def policies_in(azure: Azure, subscription_id: str, location: str) -> dict[str, tuple[str, ...]]:
    """Every policy of a subscription in a region: its id → the ids of the VMs that it lists."""
    async with asking(f"list the just-in-time policies in {location}"):
        listed = azure.security(subscription_id).jit_network_access_policies.list_by_region(location)
        return {
            str(policy.id): tuple(str(machine.id) for machine in policy.virtual_machines or ())
            async for policy in listed
        }


async def policies_by_vm(azure: Azure, subscription_id: str) -> dict[str, tuple[str, ...]]:
    """The VMs of a subscription that have just-in-time access: id in lower case → names of its policies."""
    found: dict[str, list[str]] = {}
    async with asking("list the just-in-time policies", timeout_s=LIST_TIMEOUT_S):
        async for policy in azure.security(subscription_id).jit_network_access_policies.list():
            for machine in policy.virtual_machines or ():
                found.setdefault(str(machine.id).lower(), []).append(str(policy.name))
    return {vm: tuple(names) for vm, names in found.items()}


async def find_policy(azure: Azure, policy_id: str) -> Policy | None:
    """The whole policy, with what the SDK's model of it leaves out; ``None`` if there is none.

    Raises:
        DependencyAway: Azure does not answer, or throttles.
        StepFailed: we may not read it.
    """
    where = ArmId.parse(policy_id)
    location, name = where.names
    try:
        async with asking(f"read the just-in-time policy {name} of {where.group}"):
            found: Policy = await azure.security(where.subscription_id).jit_network_access_policies.get(
                where.group, location, name, cls=_as_sent
            )
    except NotFound:
        return None
    return found


def entries(policy: Policy | None) -> Sequence[Mapping[str, Any]]:
    """The VMs that a policy lists, each with its ports."""
    return ((policy or {}).get("properties") or {}).get("virtualMachines") or ()


def entry_of(policy: Policy | None, vm: VmRef) -> Mapping[str, Any] | None:
    """The entry of a VM in a policy, if it has one."""
    return next((one for one in entries(policy) if same(str(one.get("id")), vm.resource_id)), None)


def _as_sent(response: Any, *_read: object) -> Policy:
    """For ``cls`` of the SDK's operations: the JSON of the answer."""
    found = json.loads(response.http_response.text())
    if not isinstance(found, dict):
        raise ValueError("the answer is not a just-in-time policy")  # noqa: TRY004 - of its content
    return found
