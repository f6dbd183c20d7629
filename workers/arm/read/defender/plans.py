"""The plan of Defender for Servers that holds for a VM or a subscription.

Source: https://learn.microsoft.com/rest/api/defenderforcloud/pricings
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from workers.arm.read.machine import power_of
from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking, clean
from workers.arm.session.pages import COMPUTE_VERSION, pages
from workers.domain.starts.vm import PowerState, VmRef

SERVERS = "VirtualMachines"
"""What Azure calls the plan for servers."""
_STANDARD = "Standard"
LIST_TIMEOUT_S = 120.0
"""Of one whole list, all its pages."""

_BILLED = frozenset({PowerState.RUNNING, PowerState.STOPPING, PowerState.STOPPED})
"""Source: https://learn.microsoft.com/azure/defender-for-cloud/faq-defender-for-servers (what is billed)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ServersPlan:
    """A plan as it was read.

    Attributes:
        sub_plan: ``P1`` or ``P2``; empty where Defender for Servers is off.
        own: a VM has it by itself, not from its subscription. Always so for a subscription.
        enforced: of a subscription: no VM in it can have another one.
        coverage: of a subscription: how many of its VMs are covered, in Azure's word.
        extensions: parts of the plan, as Azure takes them back.
        failed: after a write, what Azure could not set up, each with its reason.
    """

    sub_plan: str = ""
    own: bool = True
    enforced: bool = False
    coverage: str = ""
    extensions: tuple[Mapping[str, Any], ...] = ()
    failed: tuple[str, ...] = field(default=(), compare=False)

    @property
    def on(self) -> bool:
        """Whether Defender for Servers is on."""
        return bool(self.sub_plan)

    @property
    def words(self) -> str:
        """For people: ``off``, or ``Plan 1, from the subscription``."""
        return plan_words(self.sub_plan) + ("" if self.own else ", from the subscription")


def plan_words(sub_plan: str) -> str:
    """For people: ``Plan 1``, or ``off`` where there is none."""
    return f"Plan {sub_plan.removeprefix('P')}" if sub_plan else "off"


async def vm_plan(azure: Azure, vm: VmRef) -> ServersPlan:
    """The plan that holds for a VM.

    Raises:
        NotFound: there is no such VM.
        DependencyAway: Azure does not answer, or throttles.
        StepFailed: we may not read it.
    """
    async with asking(f"read the Defender plan of {vm.name}"):
        found = await azure.security(vm.subscription_id).pricings.get(scope_of(vm), SERVERS)
    return servers_plan(found)


async def subscription_plan(azure: Azure, subscription_id: str) -> ServersPlan:
    """The plan of a subscription; raises as ``vm_plan``."""
    async with asking(f"read the Defender plan of the subscription {subscription_id}"):
        found = await azure.security(subscription_id).pricings.get(
            f"subscriptions/{subscription_id}", SERVERS
        )
    return servers_plan(found)


def scope_of(vm: VmRef) -> str:
    """The VM's id as the scope of a path that begins with a slash by itself."""
    return vm.resource_id.lstrip("/")


def servers_plan(pricing: Any) -> ServersPlan:
    """What is kept of the SDK's ``Pricing``. Standard without a sub-plan is the full plan, P2."""
    on = str(pricing.pricing_tier) == _STANDARD
    extensions = pricing.extensions or []
    return ServersPlan(
        sub_plan=str(pricing.sub_plan or "P2") if on else "",
        own=str(pricing.inherited) != "True",
        enforced=str(pricing.enforce) == "True",
        coverage=str(pricing.resources_coverage_status or ""),
        extensions=tuple(_extension(one) for one in extensions),
        failed=tuple(
            clean(f"{one.name}: {one.operation_status.message or 'Azure gives no reason'}", longest=150)
            for one in extensions
            if one.operation_status is not None and str(one.operation_status.code) == "Failed"
        ),
    )


def _extension(one: Any) -> dict[str, Any]:
    more = one.additional_extension_properties
    return {
        "name": str(one.name),
        "isEnabled": str(one.is_enabled),
        **({"additionalExtensionProperties": dict(more)} if more else {}),
    }


class Fleet(NamedTuple):
    """How many VMs a subscription has, and for how many of them Defender for Servers is billed right now."""

    vms: int
    billed: int


async def fleet_of(azure: Azure, subscription_id: str) -> Fleet:
    """Count the VMs of a subscription. Classic ones have no plan.

    Raises:
        DependencyAway: Azure does not answer, or throttles.
        StepFailed: we may not list them.
    """
    path = f"/subscriptions/{subscription_id}/providers/Microsoft.Compute/virtualMachines?statusOnly=true"
    async with asking("list the VMs", timeout_s=LIST_TIMEOUT_S):
        power = [power_of(one) async for page in pages(azure, path, COMPUTE_VERSION) for one in page]
    return Fleet(vms=len(power), billed=sum(state in _BILLED for state in power))
