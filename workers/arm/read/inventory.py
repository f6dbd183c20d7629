"""Every VM of every subscription that this identity sees."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import structlog

from workers.arm.read import classic
from workers.arm.read.machine import power_of
from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking
from workers.arm.session.pages import COMPUTE_VERSION, pages
from workers.domain.errors import StartgateError
from workers.domain.starts.vm import KnownVm, PowerState, VmRef

LIST_TIMEOUT_S = 120.0
"""Of one whole list, all its pages."""

_READABLE = frozenset({"enabled", "warned", "pastdue"})

log = structlog.get_logger(__name__)


async def list_vms(azure: Azure, now: datetime) -> AsyncIterator[tuple[str, list[KnownVm]]]:
    """Subscription by subscription, its id and all its VMs with their power states.

    A subscription that can't be read is logged and left out, so that nobody takes its VMs for deleted.

    Raises:
        DependencyAway: the subscriptions can't be listed.
        StepFailed: we may not list them.
    """
    async with asking("list the subscriptions", timeout_s=LIST_TIMEOUT_S):
        seen = [one.as_dict() async for one in azure.subscriptions().subscriptions.list()]
    for subscription in seen:
        subscription_id, name = subscription["subscriptionId"], str(subscription.get("displayName") or "")
        if str(subscription.get("state") or "").lower() not in _READABLE:
            continue
        try:
            vms = await _vms(azure, subscription_id, name, now)
        except StartgateError as error:
            log.warning("subscription not listed", subscription=name, error=error.diagnostics())
            continue
        yield subscription_id, vms


async def _vms(azure: Azure, subscription_id: str, name: str, now: datetime) -> list[KnownVm]:
    machines, states, classics = await asyncio.gather(
        _list(azure, subscription_id),
        _list(azure, subscription_id, "?statusOnly=true"),
        classic.list_machines(azure, subscription_id),
    )
    power = {machine["id"].lower(): power_of(machine) for machine in states}
    known = [
        _known(machine, name, now, power.get(machine["id"].lower(), PowerState.UNKNOWN))
        for machine in machines
    ]
    known += [_known(machine, name, now, classic.machine_facts(machine).power) for machine in classics]
    return known


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
