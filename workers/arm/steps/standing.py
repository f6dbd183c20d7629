"""Re-reads VMs that are contained: does each still carry its lockdown NSG and its lock, and is it stopped?

Azure's lists answer that for many at once: the VMs with their power states, the NICs, which name their VM and
their NSG, the NSGs, and the locks. Four lists a subscription, however many VMs are contained in it; one more
each where VMs are encrypted at their host, or have snapshots. The instance view of each VM comes only with
``statusOnly``, which only the list of a whole subscription takes, and brings little else.
Source: https://learn.microsoft.com/rest/api/compute/virtual-machines/list-all

What looks otherwise than contained there is read by itself, as is a classic VM. Nothing is written.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from workers.arm.ids import name_of, same
from workers.arm.read import classic
from workers.arm.read.disks import find_snapshot, snapshots_of_subscription
from workers.arm.read.locks import locks_of_subscription, locks_on
from workers.arm.read.machine import host_encrypted, nic_ids, power_of, read_machine
from workers.arm.read.networking import network
from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking
from workers.arm.session.pages import COMPUTE_VERSION, NETWORK_VERSION, pages
from workers.arm.steps.drift import (
    Seen,
    any_holds,
    drift_of,
    given_to_nics,
    named,
    not_locked,
    not_stopped,
    snapshots_of,
)
from workers.arm.steps.isolation.lockdown import is_lockdown_nsg
from workers.domain.containment.afterwards.standing import held
from workers.domain.containment.containment import Containment
from workers.domain.containment.spec import StepName
from workers.domain.errors import NotFound
from workers.domain.starts.facts import LockFact
from workers.domain.starts.vm import PowerState

LIST_TIMEOUT_S = 120.0
"""Of one whole list, all its pages."""

_Json = dict[str, Any]
_T = TypeVar("_T")


class ArmStanding:
    """``workers.domain.ports.StandingReader`` on Azure."""

    def __init__(self, azure: Azure) -> None:
        self._azure = azure

    async def suspects(self, subscription_id: str, standing: Sequence[Containment]) -> list[Containment]:
        """Those that the lists of their subscription show otherwise than contained; classic VMs in any case.

        See the port.
        """
        listed = [one for one in standing if not one.vm.classic]
        if not listed:
            return list(standing)
        wanted = {one.vm.key for one in listed}
        power, nics, groups, locks, encrypted, snapshots = await asyncio.gather(
            self._powers(subscription_id, wanted),
            self._nics(subscription_id, wanted),
            self._groups(subscription_id, {nsg for one in listed for nsg in given_to_nics(one).values()}),
            locks_of_subscription(self._azure, subscription_id)
            if any_holds(listed, StepName.LOCK)
            else _nothing(()),
            self._encrypted(subscription_id, wanted)
            if any_holds(listed, StepName.ENCRYPT)
            else _nothing(wanted),
            snapshots_of_subscription(self._azure, subscription_id)
            if any_holds(listed, StepName.SNAPSHOT)
            else _nothing(None),
        )

        def looks_well(one: Containment) -> bool:
            key = one.vm.key
            if one.vm.classic or key not in power:
                return False
            seen = Seen(power[key], nics.get(key, {}), groups, locks, key in encrypted, snapshots)
            return not drift_of(one, seen)

        return [one for one in standing if not looks_well(one)]

    async def drift(self, containment: Containment) -> dict[StepName, str]:
        """What no longer holds, each resource read by itself. See the port."""
        try:
            if containment.vm.classic:
                return await self._classic_drift(containment)
            machine, locks, snapshots = await asyncio.gather(
                read_machine(self._azure, containment.vm),
                self._locks(containment),
                self._snapshots(containment),
            )
        except NotFound:
            return {step.name: "the VM no longer exists" for step in held(containment)}
        nics = await asyncio.gather(*(self._nic(nic_id) for nic_id in nic_ids(machine)))
        on_nics = {nic["id"]: network.nsg_of(nic) for nic in nics if nic is not None}
        given = {*given_to_nics(containment).values()}
        ours = {
            nsg_id
            for nsg_id in on_nics.values()
            if nsg_id is not None and (is_lockdown_nsg(nsg_id) or nsg_id.lower() in given)
        }
        groups = await asyncio.gather(*(network.find_nsg(self._azure, nsg_id) for nsg_id in ours))
        by_id = {group["id"].lower(): group for group in groups if group is not None}
        seen = Seen(power_of(machine), on_nics, by_id, locks, host_encrypted(machine), snapshots)
        return drift_of(containment, seen)

    async def _locks(self, containment: Containment) -> Sequence[LockFact]:
        holds = any_holds([containment], StepName.LOCK)
        return await locks_on(self._azure, containment.vm) if holds else ()

    async def _snapshots(self, containment: Containment) -> frozenset[str]:
        """Those of its snapshots that are there."""
        ids = [
            snapshot_id
            for step in held(containment)
            if step.name is StepName.SNAPSHOT
            for snapshot_id in snapshots_of(step).values()
        ]
        found = await asyncio.gather(*(find_snapshot(self._azure, one) for one in ids))
        return frozenset(one.lower() for one, there in zip(ids, found, strict=True) if there is not None)

    async def _nic(self, nic_id: str) -> _Json | None:
        try:
            return await network.read_nic(self._azure, nic_id)
        except NotFound:
            return None  # taken off and deleted since the VM was read

    async def _classic_drift(self, containment: Containment) -> dict[StepName, str]:
        vm = containment.vm
        facts, group, locks = await asyncio.gather(
            classic.read_machine(self._azure, vm),
            classic.associated_group(self._azure, vm),
            self._locks(containment),
        )
        found: dict[StepName, str] = {}
        for step in held(containment):
            wanted = (step.change.after if step.change else {}).get("nsg")
            if step.name is StepName.ISOLATE and wanted and not same(group, wanted):
                found[step.name] = f"the VM has {named(group)}, not {name_of(wanted)}"
            elif (step.name is StepName.STOP and (said := not_stopped(step, facts.power))) or (
                step.name is StepName.LOCK and (said := not_locked(step, locks))
            ):
                found[step.name] = said
        return found

    async def _powers(self, subscription_id: str, wanted: set[str]) -> dict[str, PowerState]:
        """VM id in lower case → power state."""
        found: dict[str, PowerState] = {}

        def take(machine: _Json) -> None:
            if (key := str(machine["id"]).lower()) in wanted:
                found[key] = power_of(machine)

        path = "Microsoft.Compute/virtualMachines?statusOnly=true"
        await self._list("the VMs", subscription_id, path, COMPUTE_VERSION, take)
        return found

    async def _encrypted(self, subscription_id: str, wanted: set[str]) -> set[str]:
        """The ids, in lower case, of those that are encrypted at their host."""
        found: set[str] = set()

        def take(machine: _Json) -> None:
            if host_encrypted(machine):
                found.add(str(machine["id"]).lower())

        path = "Microsoft.Compute/virtualMachines"
        await self._list("the VMs' settings", subscription_id, path, COMPUTE_VERSION, take)
        return found & wanted

    async def _nics(self, subscription_id: str, wanted: set[str]) -> dict[str, dict[str, str | None]]:
        """VM id in lower case → its NICs and the NSG on each."""
        found: dict[str, dict[str, str | None]] = {}

        def take(nic: _Json) -> None:
            machine = (nic.get("properties") or {}).get("virtualMachine") or {}
            if (key := str(machine.get("id") or "").lower()) in wanted:
                found.setdefault(key, {})[nic["id"]] = network.nsg_of(nic)

        await self._list(
            "the NICs", subscription_id, "Microsoft.Network/networkInterfaces", NETWORK_VERSION, take
        )
        return found

    async def _groups(self, subscription_id: str, prepared: set[str]) -> dict[str, _Json]:
        """The NSGs that are ours by name, or that a VM was given, by their ids in lower case."""
        found: dict[str, _Json] = {}

        def take(group: _Json) -> None:
            if is_lockdown_nsg(group["id"]) or group["id"].lower() in prepared:
                found[group["id"].lower()] = group

        await self._list(
            "the NSGs", subscription_id, "Microsoft.Network/networkSecurityGroups", NETWORK_VERSION, take
        )
        return found

    async def _list(
        self, what: str, subscription_id: str, path: str, api_version: str, take: Callable[[_Json], None]
    ) -> None:
        """Every page is gone through as it comes, so that no whole fleet is held at once."""
        whole = f"/subscriptions/{subscription_id}/providers/{path}"
        async with (
            asking(f"list {what}", timeout_s=LIST_TIMEOUT_S),
            contextlib.aclosing(pages(self._azure, whole, api_version)) as listed,
        ):
            async for page in listed:
                for resource in page:
                    take(resource)


async def _nothing(found: _T) -> _T:
    """In the place of a list that nobody needs."""
    return found
