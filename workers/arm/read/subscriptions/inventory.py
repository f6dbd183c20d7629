"""Every VM of every subscription that this identity sees."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from datetime import datetime
from typing import Any

import structlog

from workers.arm.read import classic
from workers.arm.read.machine import power_of
from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking
from workers.arm.session.pages import COMPUTE_VERSION, pages
from workers.domain.errors import StartgateError
from workers.domain.ports.azure.start_log import Subscription
from workers.domain.ports.azure.vm_lister import Listing
from workers.domain.starts.vm import KnownVm, PowerState, VmRef

LIST_TIMEOUT_S = 120.0
"""Of one whole list, all its pages."""

READABLE = frozenset({"enabled", "warned", "pastdue"})
"""States of subscriptions whose resources can be read, in lower case."""

log = structlog.get_logger(__name__)


async def list_vms(azure: Azure, now: datetime) -> AsyncIterator[Listing]:
    """Subscription by subscription, all its VMs with their power states.

    Each list fails alone: a subscription whose classic VMs are refused still shows its others.

    Raises:
        DependencyAway: the subscriptions can't be listed.
        StepFailed: we may not list them.
    """
    for subscription in await subscriptions(azure):
        yield await _listing(azure, subscription.id, subscription.name, now)


async def subscriptions(azure: Azure) -> list[Subscription]:
    """Those that this identity sees and whose resources can be read.

    Raises:
        DependencyAway: they can't be listed.
        StepFailed: we may not list them.
    """
    async with asking("list the subscriptions", timeout_s=LIST_TIMEOUT_S):
        seen = [one.as_dict() async for one in azure.subscriptions().subscriptions.list()]
    return [
        Subscription(str(one["subscriptionId"]), str(one.get("displayName") or ""))
        for one in seen
        if str(one.get("state") or "").lower() in READABLE
    ]


async def _listing(azure: Azure, subscription_id: str, name: str, now: datetime) -> Listing:
    (vms, unread), (classics, classics_unread) = await asyncio.gather(
        _or_why_not(_vms(azure, subscription_id, name, now), f"VMs of {name}"),
        _or_why_not(_classics(azure, subscription_id, name, now), f"classic VMs of {name}"),
    )
    return Listing(subscription_id, [*vms, *classics], unread, classics_unread)


async def _or_why_not(listing: Awaitable[list[KnownVm]], what: str) -> tuple[list[KnownVm], str]:
    try:
        return await listing, ""
    except StartgateError as error:
        log.warning("VMs not listed", what=what, error=error.diagnostics())
        return [], f"{what} not listed: {error.diagnostics()}"


async def _vms(azure: Azure, subscription_id: str, name: str, now: datetime) -> list[KnownVm]:
    machines, states = await asyncio.gather(
        _list(azure, subscription_id), _list(azure, subscription_id, "?statusOnly=true")
    )
    power = {machine["id"].lower(): power_of(machine) for machine in states}
    return [
        _known(machine, name, now, power.get(machine["id"].lower(), PowerState.UNKNOWN))
        for machine in machines
    ]


async def _classics(azure: Azure, subscription_id: str, name: str, now: datetime) -> list[KnownVm]:
    machines = await classic.list_machines(azure, subscription_id)
    return [_known(machine, name, now, classic.machine_facts(machine).power) for machine in machines]


async def _list(azure: Azure, subscription_id: str, parameters: str = "") -> list[dict[str, Any]]:
    path = f"/subscriptions/{subscription_id}/providers/Microsoft.Compute/virtualMachines{parameters}"
    async with asking("list the VMs", timeout_s=LIST_TIMEOUT_S):
        return [machine async for page in pages(azure, path, COMPUTE_VERSION) for machine in page]


def _known(machine: dict[str, Any], subscription: str, now: datetime, power: PowerState) -> KnownVm:
    return KnownVm(
        ref=VmRef.parse(machine["id"]),
        subscription_name=subscription,
        location=str(machine.get("location") or ""),
        tags=machine.get("tags") or {},
        power=power,
        seen_at=now,
    )
