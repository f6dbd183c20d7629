"""Every VM of every subscription that this identity sees."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any

import structlog

from workers.arm.read import classic
from workers.arm.read.machine import power_of
from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking
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
        seen = [subscription async for subscription in azure.subscriptions().subscriptions.list()]
    for subscription in seen:
        subscription_id, name = subscription.subscription_id, subscription.display_name or ""
        if not subscription_id or str(subscription.get("state") or "").lower() not in _READABLE:
            continue
        try:
            vms = await _vms(azure, subscription_id, name, now)
        except StartgateError as error:
            log.warning("subscription not listed", subscription=name, error=error.diagnostics())
            continue
        yield subscription_id, vms


async def _vms(azure: Azure, subscription_id: str, name: str, now: datetime) -> list[KnownVm]:
    known, power, classics = await asyncio.gather(
        _machines(azure, subscription_id, name, now),
        _power_states(azure, subscription_id),
        classic.list_machines(azure, subscription_id),
    )
    found = [vm.changed(power=power.get(vm.ref.key, PowerState.UNKNOWN)) for vm in known]
    return found + [_known(machine, name, now, classic.machine_facts(machine).power) for machine in classics]


async def _machines(azure: Azure, subscription_id: str, name: str, now: datetime) -> list[KnownVm]:
    """All VMs; the list of them doesn't tell their power states."""
    listed = azure.compute(subscription_id).virtual_machines.list_all()
    async with asking("list the VMs", timeout_s=LIST_TIMEOUT_S):
        return [_known(machine, name, now, PowerState.UNKNOWN) async for machine in listed]


async def _power_states(azure: Azure, subscription_id: str) -> dict[str, PowerState]:
    """The power state of each VM by its id in lower case; this list tells hardly anything else."""
    listed = azure.compute(subscription_id).virtual_machines.list_all(status_only="true")
    async with asking("list the power states", timeout_s=LIST_TIMEOUT_S):
        return {str(machine["id"]).lower(): power_of(machine) async for machine in listed}


def _known(machine: Mapping[str, Any], subscription: str, now: datetime, power: PowerState) -> KnownVm:
    return KnownVm(
        ref=VmRef.parse(machine["id"]),
        subscription_name=subscription,
        location=str(machine.get("location") or ""),
        tags=machine.get("tags") or {},
        power=power,
        seen_at=now,
    )
