"""What is around a VM: who shares its availability set, how old its last backup is, and who is connected.

Four reads at most and one more for each Bastion host. The sessions of a Bastion host are told by a POST that
changes nothing, as a long-running operation.
Source: https://learn.microsoft.com/rest/api/virtualnetwork/get-active-sessions/get-active-sessions
"""

import asyncio
from collections.abc import Awaitable

from workers.arm.ids import ArmId, name_of, same
from workers.arm.read.backup import Item, find_item
from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking
from workers.domain.errors import StartgateError
from workers.domain.starts.facts import Facts
from workers.domain.starts.surroundings import OpenSession, Surroundings
from workers.domain.starts.vm import VmRef

MOST_BASTIONS = 5
"""A subscription has one for a network or two; each question about its sessions takes seconds."""
LOOK_AGAIN_S = 1


class ArmSurroundings:
    """``workers.domain.ports.SurroundingsReader`` on Azure."""

    def __init__(self, azure: Azure) -> None:
        self._azure = azure

    async def read(self, vm: VmRef, facts: Facts, *, budget_s: float) -> Surroundings:
        """See the port."""
        if vm.classic:
            return Surroundings(unknown=("surroundings: not available for classic VMs",))
        reading = _Reading(self._azure, vm, facts)
        work = self._azure.run(reading.all())
        await asyncio.wait([work], timeout=budget_s)
        return reading.found(late=not work.done(), budget_s=budget_s)


class _Reading:
    """One reading under way: what has arrived can be taken out at any moment."""

    def __init__(self, azure: Azure, vm: VmRef, facts: Facts) -> None:
        self._azure = azure
        self._vm = vm
        self._facts = facts
        self._so_far = Surroundings(availability_set=name_of(self._set_id) if self._set_id else "")
        self._unknown: dict[str, str] = {}
        self._waiting: set[str] = set()

    @property
    def _set_id(self) -> str | None:
        return self._facts.machine.availability_set_id if self._facts.machine else None

    async def all(self) -> None:
        await asyncio.gather(
            self._one("availability set", self._neighbours()),
            self._one("last recovery point", self._recovery_point()),
            self._one("open sessions", self._sessions()),
        )

    def found(self, *, late: bool, budget_s: float) -> Surroundings:
        if late:
            self._unknown |= dict.fromkeys(self._waiting, f"did not come within {budget_s:g} s")
        return self._so_far.changed(unknown=tuple(f"{name}: {why}" for name, why in self._unknown.items()))

    async def _one(self, name: str, read: Awaitable[None]) -> None:
        """Wait for one read; whatever goes wrong with it harms no other."""
        self._waiting.add(name)
        try:
            await read
        except StartgateError as error:
            self._unknown[name] = error.diagnostics()
        except (KeyError, TypeError, AttributeError, ValueError):
            self._unknown[name] = "Azure's answer was not understood"
        self._waiting.discard(name)

    async def _neighbours(self) -> None:
        if self._set_id is None:
            return
        where = ArmId.parse(self._set_id)
        async with asking(f"read the availability set {where.name}"):
            found = await self._azure.compute(where.subscription_id).availability_sets.get(
                where.group, where.name
            )
        members = [one["id"] for one in found.as_dict()["properties"].get("virtualMachines") or []]
        others = sorted(name_of(one) for one in members if not same(one, self._vm.resource_id))
        self._so_far = self._so_far.changed(neighbours=tuple(others))

    async def _recovery_point(self) -> None:
        known = self._facts.backup
        if known is None or not known.vault_id:
            return
        item = await find_item(self._azure, self._vm, Item.of(self._vm, known.vault_id))
        if item is not None:
            self._so_far = self._so_far.changed(recovery_point_at=item.recovery_point_at)

    async def _sessions(self) -> None:
        subscription = self._vm.subscription_id
        async with asking("list the Bastion hosts"):
            hosts = [
                one.as_dict()["id"] async for one in self._azure.network(subscription).bastion_hosts.list()
            ]
        if len(hosts) > MOST_BASTIONS:
            left = len(hosts) - MOST_BASTIONS
            self._unknown[f"open sessions of {left} more Bastion hosts"] = f"{MOST_BASTIONS} are read at most"
        found = await asyncio.gather(*(self._through(host) for host in hosts[:MOST_BASTIONS]))
        self._so_far = self._so_far.changed(sessions=tuple(session for some in found for session in some))

    async def _through(self, host_id: str) -> list[OpenSession]:
        """The sessions to this VM through one Bastion host."""
        host = ArmId.parse(host_id)
        async with asking(f"read the open sessions of the Bastion host {host.name}"):
            poller = await self._azure.network(host.subscription_id).begin_get_active_sessions(
                host.group, host.name, polling_interval=LOOK_AGAIN_S
            )
            sessions = [one.as_dict() async for one in await poller.result()]
        return [
            OpenSession(
                user=str(one.get("userName") or ""),
                protocol=str(one.get("protocol") or ""),
                minutes=one.get("sessionDurationInMins"),
            )
            for one in sessions
            if same(one.get("targetResourceId"), self._vm.resource_id)
        ]
