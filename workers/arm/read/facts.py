"""What Azure knows about a VM, gathered at once and within a budget.

The VM itself comes first, since it names the rest; beside it the subscription's name, its locks, what
Defender for Cloud has found, and what roles the caller has there. Then the backup status and all NICs in
parallel, then their NSGs, subnets and public IPs in parallel. With one NIC that is at most ten reads for a
first start, and four within ten minutes of another one by the same caller. A load balancer adds two, itself
and its public IP, and the route table of a NIC that the Internet reaches one.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

import structlog

from workers.arm.ids import name_of
from workers.arm.read.grants import Assignment, can_be_asked, grants_for
from workers.arm.read.network_facts import Neighbours, NicLinks, network_facts
from workers.arm.read.sources import Sources
from workers.arm.session.clients import Azure
from workers.domain.errors import DependencyAway, NotFound, StartgateError
from workers.domain.starts.events import StartEvent
from workers.domain.starts.facts import (
    BackupFacts,
    Facts,
    LockFact,
    MachineFacts,
    MissingFact,
    NetworkFacts,
)
from workers.domain.starts.vm import VmRef

if TYPE_CHECKING:
    from workers.domain.starts.defender import DefenderFacts

log = structlog.get_logger(__name__)

LONGEST_THROTTLED_S = 300.0
"""Whatever Azure asks for, it is asked again after this long."""

_T = TypeVar("_T")


class ArmFacts:
    """The ``FactsReader`` of the domain, over ARM.

    While Azure throttles a subscription, nothing is asked there: it counts what it refuses, too, and other
    subscriptions have budgets of their own.

    Args:
        azure: the clients; reads that outlast a budget go on there.
        sources: where facts are read; made here if not given.
    """

    def __init__(self, azure: Azure, sources: Sources | None = None) -> None:
        self._azure = azure
        self._sources = sources or Sources(azure)
        self._throttled: dict[str, float] = {}

    async def gather(
        self,
        vm: VmRef,
        *,
        budget_s: float,
        since: datetime | None = None,
        start: StartEvent | None = None,
    ) -> Facts:
        """Everything about a VM that comes within ``budget_s`` seconds; the rest is named as missing.

        What comes too late is read to its end all the same, for whoever asks next. The power state may be
        UNKNOWN while many are gathered at once: Azure's lists don't tell it.

        Raises:
            DependencyAway: Azure refuses the very first read for now, or can't be reached.
        """
        self._check_throttled(vm.subscription_id.lower())
        gathering = _Gathering(self._sources, vm, since, start)
        reading = self._azure.run(gathering.all())
        await asyncio.wait([reading], timeout=budget_s)
        if not reading.done():
            gathering.late(budget_s)
        try:
            return gathering.facts()
        except DependencyAway as away:
            if away.scope and away.retry_after_s is not None:
                wait = min(away.retry_after_s, LONGEST_THROTTLED_S)
                self._throttled[away.scope] = time.monotonic() + wait
            raise

    def _check_throttled(self, subscription_id: str) -> None:
        left = self._throttled.get(subscription_id, 0.0) - time.monotonic()
        if left > 0:
            raise DependencyAway(
                "azure",
                f"throttles reads in the subscription {subscription_id}",
                retry_after_s=left,
                scope=subscription_id,
            )
        self._throttled.pop(subscription_id, None)


class _Gathering:
    """One gathering under way: what has arrived so far can be taken out at any moment."""

    def __init__(self, sources: Sources, vm: VmRef, since: datetime | None, start: StartEvent | None) -> None:
        self._sources = sources
        self._vm = vm
        self._since = since
        self._start = start
        self._assignments: tuple[Assignment, ...] = ()
        self._gone = False
        self._away: DependencyAway | None = None
        self._subscription_name = ""
        self._machine: MachineFacts | None = None
        self._backup: BackupFacts | None = None
        self._defender: DefenderFacts | None = None
        self._locks: tuple[LockFact, ...] | None = None
        self._nics: dict[str, NicLinks] = {}
        self._neighbours = Neighbours({}, {}, {}, {}, {})
        self._missing: dict[str, str] = {}
        self._waiting: set[str] = set()
        self._took_ms: dict[str, float] = {}

    async def all(self) -> None:
        """Read everything; ``facts`` says what has come, at any moment."""
        await asyncio.gather(
            self._fact("subscription", self._read_subscription),
            *([] if self._vm.classic else [self._fact("Defender", self._read_defender)]),
            self._fact("locks", self._read_locks),
            *self._what_the_caller_may(),
            self._machine_and_what_it_names(),
        )

    async def _machine_and_what_it_names(self) -> None:
        await self._fact("machine", self._read_machine)
        machine = self._machine
        if machine is None or self._vm.classic:
            return
        started = time.monotonic()
        await asyncio.gather(
            self._fact("backup", lambda: self._read_backup(machine.location)),
            *(self._read_nic_and_neighbours(nic_id) for nic_id in machine.nic_ids),
        )
        self._took_ms["network"] = _ms_since(started)

    async def _read_nic_and_neighbours(self, nic_id: str) -> None:
        async def read() -> None:
            self._nics[nic_id] = await self._sources.nic(nic_id, self._since)

        await self._fact(f"NIC {name_of(nic_id)}", read)
        nic = self._nics.get(nic_id)
        if nic is None:
            return
        neighbours = self._neighbours
        await asyncio.gather(
            *self._each("NSG", self._sources.guard, neighbours.guards, [nic.nsg_id]),
            *self._each("public IP", self._sources.public_ip, neighbours.public_ips, nic.public_ip_ids),
            *(self._read_subnet(subnet_id, nic) for subnet_id in nic.subnet_ids),
            *(self._read_balancer(one, nic) for one in nic.balancer_ids),
        )

    async def _read_subnet(self, subnet_id: str, nic: NicLinks) -> None:
        neighbours = self._neighbours
        await asyncio.gather(*self._each("subnet", self._sources.subnet, neighbours.subnets, [subnet_id]))
        found = neighbours.subnets.get(subnet_id.lower())
        if found is None:
            return
        table_id = found.route_table_id if nic.public_ip_ids or nic.balancer_parts else None
        await asyncio.gather(
            *self._each("NSG", self._sources.guard, neighbours.guards, [found.nsg_id]),
            *self._each("route table", self._sources.routed, neighbours.routed, [table_id]),
        )

    async def _read_balancer(self, balancer_id: str, nic: NicLinks) -> None:
        neighbours = self._neighbours
        await asyncio.gather(
            *self._each("load balancer", self._sources.balancer, neighbours.balancers, [balancer_id])
        )
        found = neighbours.balancers.get(balancer_id.lower())
        if found is None:
            return
        fronts = [found.frontends[one.frontend_id] for one in found.leading_to(nic.balancer_parts)]
        public_ip_ids = dict.fromkeys(front.public_ip_id for front in fronts)
        await asyncio.gather(
            *self._each("public IP", self._sources.public_ip, neighbours.public_ips, public_ip_ids)
        )

    def _each(
        self,
        name: str,
        read: Callable[[str], Awaitable[_T]],
        found: dict[str, _T],
        resource_ids: Iterable[str | None],
    ) -> list[Awaitable[None]]:
        """A read of each, kept under its id in lower case."""

        def keep(resource_id: str) -> Callable[[], Awaitable[None]]:
            async def into_found() -> None:
                found[resource_id.lower()] = await read(resource_id)

            return into_found

        return [self._fact(f"{name} {name_of(one)}", keep(one)) for one in resource_ids if one]

    async def _fact(self, name: str, read: Callable[[], Awaitable[None]]) -> None:
        """Wait for one read; whatever goes wrong with it is noted, and harms no other."""
        started = time.monotonic()
        self._waiting.add(name)
        try:
            await read()
        except StartgateError as error:
            self._missing[name] = error.diagnostics()
        except Exception:
            # The ask must go out, whatever Azure answered: an unexpected answer costs one fact.
            log.exception("unexpected answer", fact=name, vm=self._vm.key)
            self._missing[name] = "Azure's answer was not understood"
        else:
            self._took_ms[name] = _ms_since(started)
        self._waiting.discard(name)

    async def _read_subscription(self) -> None:
        self._subscription_name = await self._sources.subscription_name(self._vm)

    def _what_the_caller_may(self) -> list[Awaitable[None]]:
        """The read of their role assignments, if they are known by an id."""
        start = self._start
        if start is None or not can_be_asked(start.caller.object_id):
            return []

        async def read() -> None:
            self._assignments = await self._sources.assignments(
                self._vm.subscription_id.lower(), start.caller.object_id.lower()
            )

        return [self._fact("the caller's role assignments", read)]

    async def _read_locks(self) -> None:
        locks = await self._sources.locks(self._vm.subscription_id)
        self._locks = tuple(one for one in locks if one.holds_for(self._vm.resource_id))

    async def _read_machine(self) -> None:
        try:
            self._machine = await self._sources.machine(self._vm, self._since)
        except NotFound:
            self._gone = True
        except DependencyAway as away:
            self._away = away
            raise

    async def _read_backup(self, location: str) -> None:
        self._backup = await self._sources.backup(self._vm, location)

    async def _read_defender(self) -> None:
        self._defender = await self._sources.defender(self._vm)

    def late(self, budget_s: float) -> None:
        """The budget is used up: what is still awaited is missing."""
        for name in self._waiting:
            self._missing.setdefault(name, f"did not come within {budget_s:g} s")

    def facts(self) -> Facts:
        """What is known now.

        Raises:
            DependencyAway: the read of the VM itself was refused for now.
        """
        if self._away is not None:
            raise self._away
        shown = self._network()
        self._explain(shown)
        return Facts(
            subscription_name=self._subscription_name,
            machine=self._machine,
            network=shown,
            backup=self._backup,
            defender=self._defender,
            locks=self._locks,
            grants=grants_for(self._start, self._assignments) if self._start else (),
            gone=self._gone,
            missing=tuple(MissingFact(name=name, reason=why) for name, why in self._missing.items()),
            took_ms=dict(self._took_ms),
            gathered_at=datetime.now(UTC),
        )

    def _explain(self, shown: NetworkFacts | None) -> None:
        """Say of everything that is not there why it is not."""
        if self._gone:
            self._missing["machine"] = "the VM does not exist"
        if self._vm.classic:
            self._missing["network"] = "not available for classic VMs"
            self._missing["backup"] = "Azure Backup does not protect classic VMs"
            self._missing["Defender"] = "not available for classic VMs"
        because = "the VM itself is not known" if self._machine is None else "did not come in time"
        parts = (
            ("network", shown),
            ("backup", self._backup),
            ("Defender", self._defender),
            ("locks", self._locks),
        )
        for name, there in parts:
            if there is None:
                self._missing.setdefault(name, because)

    def _network(self) -> NetworkFacts | None:
        if self._machine is None or self._vm.classic or (self._machine.nic_ids and not self._nics):
            return None
        nics = [self._nics[nic_id] for nic_id in self._machine.nic_ids if nic_id in self._nics]
        return network_facts(nics, self._neighbours)


def _ms_since(started: float) -> float:
    return round((time.monotonic() - started) * 1000, 1)
