"""Where each fact is read: from a single read or a shared list, and for how long an answer is believed."""

import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import UTC, datetime
from typing import Any, Generic, NamedTuple, ParamSpec, TypeVar

from async_lru import alru_cache

from workers.arm.read import classic
from workers.arm.read.backup import backup_facts
from workers.arm.read.defender.findings import Findings
from workers.arm.read.defender.jit import policies_by_vm
from workers.arm.read.defender.plans import ServersPlan, vm_plan
from workers.arm.read.locks import locks_of_subscription
from workers.arm.read.machine import machine_facts, read_machine
from workers.arm.read.networking import network
from workers.arm.read.networking.balancers import Balancer, balancer
from workers.arm.read.networking.network_facts import (
    NicLinks,
    PublicIp,
    Subnet,
    nic_links,
    public_ip,
    routed,
    subnet,
)
from workers.arm.read.networking.nsg import Guard
from workers.arm.read.rights.grants import Assignment, assignments_of
from workers.arm.read.shared_reads import Collection, SharedReads
from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking
from workers.arm.session.pages import COMPUTE_VERSION, NETWORK_VERSION
from workers.domain.errors import StartgateError
from workers.domain.starts.facts import BackupFacts, LockFact, MachineFacts
from workers.domain.starts.reach.sources import Family
from workers.domain.starts.vm import VmRef

BELIEVED_S = 600.0
"""Seconds for which an NSG, a subnet, a public IP, a load balancer, a name and a caller's roles are not read
again.

Nor are the findings of Defender for Cloud, which say how old they are.
"""
BACKUP_BELIEVED_S = 60.0
"""The same for whether a VM is backed up, and for locks. The steps ask again before they act."""
MOST_BELIEVED = 5000
PLANS_AT_ONCE = 4
"""Reads of VMs' Defender plans under way; the questions of a burst don't wait for more of them."""
_T = TypeVar("_T")
_P = ParamSpec("_P")
_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)
"""For what is believed for minutes: a list of a moment ago will do in any case."""


async def _read_machine(azure: Azure, vm_id: str) -> Mapping[str, Any]:
    return await read_machine(azure, VmRef.parse(vm_id))


MACHINES = Collection(
    name="VMs",
    read=_read_machine,
    path="Microsoft.Compute/virtualMachines",
    api_version=COMPUTE_VERSION,
    parse=machine_facts,
)
NICS = Collection(
    name="NICs",
    read=network.read_nic,
    path="Microsoft.Network/networkInterfaces",
    api_version=NETWORK_VERSION,
    parse=nic_links,
)
NSGS = Collection(
    name="NSGs",
    read=network.read_nsg,
    path="Microsoft.Network/networkSecurityGroups",
    api_version=NETWORK_VERSION,
    parse=Guard,
)
PUBLIC_IPS = Collection(
    name="public IPs",
    read=network.read_public_ip,
    path="Microsoft.Network/publicIPAddresses",
    api_version=NETWORK_VERSION,
    parse=public_ip,
)
BALANCERS = Collection(
    name="load balancers",
    read=network.read_balancer,
    path="Microsoft.Network/loadBalancers",
    api_version=NETWORK_VERSION,
    parse=balancer,
)


class Dated(NamedTuple, Generic[_T]):
    """What was read, and since when it is known."""

    value: _T
    at: datetime


class Sources:
    """Every read that facts are made of. One for a process, so that starts share what they read.

    What changes with a start (the VM, its NICs) is read anew for each; the rest is believed for a while.
    A read that failed is not kept, and all who want one thing at the same time wait for one read.

    Args:
        azure: the clients.
        believed_s: seconds for NSGs, subnets, public IPs, load balancers, names, findings, VMs'
            Defender plans and callers' roles.
        backup_believed_s: seconds for the backup status, and for locks.
    """

    def __init__(
        self,
        azure: Azure,
        *,
        believed_s: float = BELIEVED_S,
        backup_believed_s: float = BACKUP_BELIEVED_S,
    ) -> None:
        self._azure = azure
        self._shared = SharedReads(azure)
        self._findings = Findings(azure)
        believed = alru_cache(maxsize=MOST_BELIEVED, ttl=believed_s, key=_same_id)
        self.guard = believed(_dated(self._guard))
        self.subnet = believed(_dated(self._subnet))
        self.public_ip = believed(_dated(self._public_ip))
        self.balancer = believed(_dated(self._balancer))
        self.routed = believed(_dated(self._routed))
        self._subscription_name = believed(self._read_subscription_name)
        self.told = alru_cache(maxsize=MOST_BELIEVED, ttl=believed_s)(self._findings.of)
        self.just_in_time = believed(_dated(self._just_in_time))
        self.vm_plan = alru_cache(maxsize=MOST_BELIEVED, ttl=believed_s)(_dated(self._vm_plan))
        self._plans_under_way = 0
        self.assignments = alru_cache(maxsize=MOST_BELIEVED, ttl=believed_s)(_dated(self._assignments))
        self.backup = alru_cache(maxsize=MOST_BELIEVED, ttl=backup_believed_s)(_dated(self._backup))
        briefly = alru_cache(maxsize=MOST_BELIEVED, ttl=backup_believed_s, key=_same_id)
        self.locks = briefly(_dated(self._locks))

    async def machine(self, vm: VmRef, since: datetime | None) -> MachineFacts:
        """The VM. Its power state is UNKNOWN where a list told it."""
        if vm.classic:
            return await classic.read_machine(self._azure, vm)
        return await self._shared.get(MACHINES, vm.resource_id, since=since)

    async def nic(self, nic_id: str, since: datetime | None) -> NicLinks:
        """A NIC, and what it is connected to."""
        return await self._shared.get(NICS, nic_id, since=since)

    async def _guard(self, nsg_id: str) -> Guard:
        return await self._shared.get(NSGS, nsg_id, since=_ANY_TIME)

    async def _public_ip(self, public_ip_id: str) -> PublicIp:
        return await self._shared.get(PUBLIC_IPS, public_ip_id, since=_ANY_TIME)

    async def _balancer(self, balancer_id: str) -> Balancer:
        return await self._shared.get(BALANCERS, balancer_id, since=_ANY_TIME)

    async def _routed(self, table_id: str) -> frozenset[Family]:
        return routed(await network.read_route_table(self._azure, table_id))

    async def _subnet(self, subnet_id: str) -> Subnet:
        return subnet(await network.read_subnet(self._azure, subnet_id))

    async def subscription_name(self, vm: VmRef) -> str:
        """The name of its subscription: the query for Defender's findings tells it, or a read of its own."""
        names, key = self._findings.names, vm.subscription_id.lower()
        if key not in names and not vm.classic:
            with contextlib.suppress(StartgateError):
                await self.told(vm)
        return names.get(key) or await self._subscription_name(vm.subscription_id)

    async def _read_subscription_name(self, subscription_id: str) -> str:
        async with asking("read the subscription's name"):
            found = await self._azure.subscriptions().subscriptions.get(subscription_id)
        return str(found.display_name or "")

    async def _backup(self, vm: VmRef, location: str) -> BackupFacts:
        return await backup_facts(self._azure, vm, location)

    async def _just_in_time(self, subscription_id: str) -> Mapping[str, tuple[str, ...]]:
        """All of a subscription, like its locks."""
        return await policies_by_vm(self._azure, subscription_id)

    @property
    def many_plans_are_read(self) -> bool:
        """Whether the reads of VMs' Defender plans that are under way are enough for now."""
        return self._plans_under_way >= PLANS_AT_ONCE

    async def _vm_plan(self, vm: VmRef) -> ServersPlan:
        self._plans_under_way += 1
        try:
            return await vm_plan(self._azure, vm)
        finally:
            self._plans_under_way -= 1

    async def _assignments(self, subscription_id: str, object_id: str) -> tuple[Assignment, ...]:
        return await assignments_of(self._azure, subscription_id, object_id)

    async def _locks(self, subscription_id: str) -> tuple[LockFact, ...]:
        """All of a subscription: one list for a whole burst."""
        return await locks_of_subscription(self._azure, subscription_id)


def _dated(read: Callable[_P, Awaitable[_T]]) -> Callable[_P, Coroutine[Any, Any, Dated[_T]]]:
    """The same read, with the time at which it began."""

    async def reads(*given: _P.args, **named: _P.kwargs) -> Dated[_T]:
        at = datetime.now(UTC)
        return Dated(await read(*given, **named), at)

    return reads


def _same_id(resource_id: str) -> str:
    """Azure spells one id differently in different places."""
    return resource_id.lower()
