"""Re-reads VMs that are contained: does each still carry its lockdown NSG and its lock, and is it stopped?

Azure's lists answer that for many at once: the VMs with their power states, the NICs, which name their VM and
their NSG, the NSGs, and the locks. Four lists a subscription, however many VMs are contained in it. The
instance view of each VM comes only with ``statusOnly``, which only the list of a whole subscription takes.
Source: https://learn.microsoft.com/rest/api/compute/virtual-machines/list-all

What looks otherwise than contained there is read by itself, as is a classic VM. Nothing is written.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from workers.arm.ids import name_of, same
from workers.arm.read import classic, network
from workers.arm.read.locks import found_in, locks_of_subscription, locks_on
from workers.arm.read.machine import nic_ids, power_of, read_machine
from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking
from workers.arm.session.pages import COMPUTE_VERSION, NETWORK_VERSION, pages
from workers.arm.steps.isolation.lockdown import is_lockdown_nsg, locks_down
from workers.domain.containment.containment import Containment
from workers.domain.containment.spec import StepName
from workers.domain.containment.standing import held
from workers.domain.containment.steps import Step
from workers.domain.errors import NotFound
from workers.domain.starts.facts import LockFact
from workers.domain.starts.vm import PowerState

LIST_TIMEOUT_S = 120.0
"""Of one whole list, all its pages."""

_UNDER_WAY = frozenset({PowerState.STOPPING, PowerState.DEALLOCATING, PowerState.UNKNOWN})
"""Somebody stops it, or Azure does not say: no sign that it runs. The next look tells."""

_Json = dict[str, Any]


class _Seen(NamedTuple):
    """One VM as Azure shows it.

    Attributes:
        power: its power state.
        groups_of_nics: the id of each NIC on it, and of the NSG on that.
        groups: NSGs by their ids in lower case: those that may be ours.
        locks: those that hold for it, or more.
    """

    power: PowerState
    groups_of_nics: Mapping[str, str | None]
    groups: Mapping[str, _Json]
    locks: Sequence[LockFact] = ()


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
        locked = any(map(_locked, listed))
        power, nics, groups, locks = await asyncio.gather(
            self._powers(subscription_id, wanted),
            self._nics(subscription_id, wanted),
            self._groups(subscription_id, {nsg for one in listed for nsg in _given(one).values()}),
            locks_of_subscription(self._azure, subscription_id) if locked else _no_locks(),
        )

        def looks_well(one: Containment) -> bool:
            key = one.vm.key
            if one.vm.classic or key not in power:
                return False
            return not _drift(one, _Seen(power[key], nics.get(key, {}), groups, locks))

        return [one for one in standing if not looks_well(one)]

    async def drift(self, containment: Containment) -> dict[StepName, str]:
        """What no longer holds, each resource read by itself. See the port."""
        try:
            if containment.vm.classic:
                return await self._classic_drift(containment)
            machine, locks = await asyncio.gather(
                read_machine(self._azure, containment.vm), self._locks(containment)
            )
        except NotFound:
            return {step.name: "the VM no longer exists" for step in held(containment)}
        nics = await asyncio.gather(*(self._nic(nic_id) for nic_id in nic_ids(machine)))
        on_nics = {nic["id"]: network.nsg_of(nic) for nic in nics if nic is not None}
        given = {*_given(containment).values()}
        ours = {
            nsg_id
            for nsg_id in on_nics.values()
            if nsg_id is not None and (is_lockdown_nsg(nsg_id) or nsg_id.lower() in given)
        }
        groups = await asyncio.gather(*(network.find_nsg(self._azure, nsg_id) for nsg_id in ours))
        by_id = {group["id"].lower(): group for group in groups if group is not None}
        return _drift(containment, _Seen(power_of(machine), on_nics, by_id, locks))

    async def _locks(self, containment: Containment) -> Sequence[LockFact]:
        return await locks_on(self._azure, containment.vm) if _locked(containment) else ()

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
                found[step.name] = f"the VM has {_named(group)}, not {name_of(wanted)}"
            elif (step.name is StepName.STOP and (said := _not_stopped(step, facts.power))) or (
                step.name is StepName.LOCK and (said := _not_locked(step, locks))
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


def _drift(containment: Containment, seen: _Seen) -> dict[StepName, str]:
    found: dict[StepName, str] = {}
    for step in held(containment):
        said = ""
        if step.name is StepName.ISOLATE:
            said = _not_isolated(containment, step, seen)
        elif step.name is StepName.STOP:
            said = _not_stopped(step, seen.power)
        elif step.name is StepName.LOCK:
            said = _not_locked(step, seen.locks)
        if said:
            found[step.name] = said
    return found


def _not_isolated(containment: Containment, step: Step, seen: _Seen) -> str:
    """Every NIC of the VM has the NSG that it was given, and the NSG its rules; else what is wrong."""
    given = _of_nics(step)
    wrong: list[str] = []
    for nic_id, nsg_id in seen.groups_of_nics.items():
        wanted = given.get(nic_id.lower())
        if wanted is None and not is_lockdown_nsg(nsg_id):
            wrong.append(f"NIC {name_of(nic_id)} was attached since and has {_named(nsg_id)}")
        elif wanted is not None and not same(nsg_id, wanted):
            wrong.append(f"NIC {name_of(nic_id)} has {_named(nsg_id)}, not {name_of(wanted)}")
        elif nsg_id is not None:
            group = seen.groups.get(nsg_id.lower())
            if group is None or not locks_down(group, containment.profile):
                wrong.append(f"the rules of {name_of(nsg_id)} were changed")
    return "; ".join(dict.fromkeys(wrong))


def _given(containment: Containment) -> dict[str, str]:
    """What the isolation gave to each NIC, if that is held; both ids in lower case."""
    isolate = [step for step in held(containment) if step.name is StepName.ISOLATE]
    return {nic_id: nsg_id.lower() for step in isolate for nic_id, nsg_id in _of_nics(step).items()}


def _of_nics(step: Step) -> dict[str, str]:
    """NIC id in lower case → the NSG that it was given."""
    return {nic_id.lower(): str(nsg) for nic_id, nsg in (step.change.after if step.change else {}).items()}


def _not_stopped(step: Step, power: PowerState) -> str:
    """Empty while it is off, as it was left."""
    wanted = (step.change.after if step.change else {}).get("power", PowerState.DEALLOCATED)
    off = {PowerState.DEALLOCATED, wanted}
    return "" if power in off or power in _UNDER_WAY else f"the VM is {power}"


def _locked(containment: Containment) -> bool:
    """Whether locks have to be read for it."""
    return any(step.name is StepName.LOCK for step in held(containment))


def _not_locked(step: Step, locks: Sequence[LockFact]) -> str:
    """Empty while the lock on record is there, and forbids every change."""
    wanted = str((step.change.after if step.change else {}).get("lock", ""))
    found = found_in(locks, wanted)
    if found is None:
        return f"the lock {name_of(wanted)} was taken off"
    return "" if found.read_only else f"the lock {found.name} was changed: its level is {found.level[:40]}"


async def _no_locks() -> Sequence[LockFact]:
    return ()


def _named(nsg_id: str | None) -> str:
    return f"the NSG {name_of(nsg_id)}" if nsg_id else "no NSG"
