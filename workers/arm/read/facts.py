"""What Azure knows about a VM, gathered at once and within a budget.

The VM itself comes first, since it names the rest; beside it the subscription's name. Then the backup status
and all NICs in parallel, then their NSGs, subnets and public IPs in parallel. With one NIC that is at most
eight reads for a first start, and three within ten minutes of another one. In a burst of starts, machines,
NICs, NSGs and public IPs of one group are listed instead of read one by one.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from datetime import UTC, datetime
from typing import Any, Generic, NamedTuple, TypeVar

import structlog

from workers.arm.ids import name_of
from workers.arm.read import classic, network
from workers.arm.read.backup import backup_facts
from workers.arm.read.cache import Cache
from workers.arm.read.kinds import MACHINES, NICS, NSGS, PUBLIC_IPS
from workers.arm.read.network_facts import Around, NicLinks, PublicIp, Subnet, network_facts, subnet
from workers.arm.read.rules import Guard
from workers.arm.read.together import Kind, Together
from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking
from workers.domain.errors import DependencyAway, NotFound, StartgateError
from workers.domain.starts.facts import BackupFacts, Facts, MachineFacts, MissingFact, NetworkFacts
from workers.domain.starts.vm import VmRef

BELIEVED_S = 600.0
"""Seconds for which an NSG, a subnet, a public IP and a subscription's name are not read again."""
BACKUP_BELIEVED_S = 60.0
"""The same for whether a VM is backed up. The step that protects it asks again before it acts."""

log = structlog.get_logger(__name__)

_T = TypeVar("_T")


class _Shared(NamedTuple):
    """What all gatherings of a process have in common."""

    azure: Azure
    together: Together
    guards: Cache[Guard]
    subnets: Cache[Subnet]
    public_ips: Cache[PublicIp]
    names: Cache[str]
    backups: Cache[BackupFacts]


class _Sort(NamedTuple, Generic[_T]):
    """A sort of what stands around NICs: how it is read, what is believed, what this start has found.

    ``read`` is no bound method, which would make a cycle of each gathering: thousands wait for the garbage
    collector then.
    """

    name: str
    read: "Callable[[_Gathering, str], Coroutine[Any, Any, _T]]"
    believed: Cache[_T]
    found: dict[str, _T]


class ArmFacts:
    """The ``FactsReader`` of the domain, over ARM."""

    def __init__(self, azure: Azure, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._shared = _Shared(
            azure=azure,
            together=Together(azure),
            guards=Cache(azure, ttl_s=BELIEVED_S, now=clock),
            subnets=Cache(azure, ttl_s=BELIEVED_S, now=clock),
            public_ips=Cache(azure, ttl_s=BELIEVED_S, now=clock),
            names=Cache(azure, ttl_s=BELIEVED_S, now=clock),
            backups=Cache(azure, ttl_s=BACKUP_BELIEVED_S, now=clock),
        )

    async def gather(self, vm: VmRef, *, budget_s: float, since: datetime | None = None) -> Facts:
        """Everything about a VM that comes within ``budget_s`` seconds; the rest is named as missing.

        The power state may be UNKNOWN while many are gathered at once: Azure's lists don't tell it.

        Raises:
            DependencyAway: Azure refuses the very first read for now, or can't be reached.
        """
        gathering = _Gathering(self._shared, vm, since)
        try:
            async with asyncio.timeout(budget_s):
                await gathering.all()
        except TimeoutError:
            gathering.late(budget_s)
        return gathering.facts()


class _Gathering:
    """One gathering under way: what has arrived so far can be taken out at any moment."""

    def __init__(self, shared: _Shared, vm: VmRef, since: datetime | None) -> None:
        self._azure, self._together, guards, subnets, public_ips, self._names, self._backups = shared
        self._nsgs = _Sort("NSG", _Gathering._read_nsg, guards, {})
        self._subnets = _Sort("subnet", _Gathering._read_subnet, subnets, {})
        self._public_ips = _Sort("public IP", _Gathering._read_public_ip, public_ips, {})
        self._vm = vm
        self._since = since
        self._gone = False
        self._away: DependencyAway | None = None
        self._subscription_name = ""
        self._machine: MachineFacts | None = None
        self._backup: BackupFacts | None = None
        self._nics: dict[str, NicLinks] = {}
        self._missing: dict[str, str] = {}
        self._waiting: set[str] = set()
        self._took_ms: dict[str, float] = {}

    async def all(self) -> None:
        """Read everything; whoever cancels this finds in ``facts`` what had come by then."""
        known = self._names.known(self._vm.subscription_id)
        self._subscription_name = known or ""
        await _side_by_side(
            self._from_machine_on(),
            *(() if known is not None else (self._fact("subscription", self._read_subscription),)),
        )

    async def _from_machine_on(self) -> None:
        await self._fact("machine", self._read_machine)
        if self._machine is None or self._vm.classic:
            return
        started = time.monotonic()
        self._backup = self._backups.known(self._vm.key)
        location = self._machine.location
        await _side_by_side(
            *(() if self._backup else (self._fact("backup", self._read_backup, location),)),
            *(self._nic(nic_id) for nic_id in self._machine.nic_ids),
        )
        self._took_ms["network"] = _ms_since(started)

    async def _nic(self, nic_id: str) -> None:
        await self._fact(f"NIC {name_of(nic_id)}", self._read_nic, nic_id)
        nic = self._nics.get(nic_id)
        if nic is None:
            return
        await _side_by_side(
            *self._unread(self._nsgs, nic.nsg_id),
            *(self._subnet(subnet_id) for subnet_id in nic.subnet_ids),
            *self._unread(self._public_ips, *nic.public_ip_ids),
        )

    async def _subnet(self, subnet_id: str) -> None:
        await _side_by_side(*self._unread(self._subnets, subnet_id))
        found = self._subnets.found.get(subnet_id.lower())
        await _side_by_side(*self._unread(self._nsgs, found.nsg_id if found is not None else None))

    def _unread(self, sort: _Sort[_T], *resource_ids: str | None) -> Iterator[Coroutine[Any, Any, None]]:
        """Reads of those that have to be read; what is believed is taken over."""
        for resource_id in filter(None, resource_ids):
            known = sort.believed.known(resource_id)
            if known is None:
                yield self._around(sort, resource_id)
            else:
                sort.found[resource_id.lower()] = known

    async def _around(self, sort: _Sort[_T], resource_id: str) -> None:
        async def keep() -> None:
            found = await sort.believed.get(resource_id, lambda: sort.read(self, resource_id))
            sort.found[resource_id.lower()] = found

        await self._fact(f"{sort.name} {name_of(resource_id)}", keep)

    async def _fact(self, name: str, read: Callable[..., Awaitable[None]], *args: str) -> None:
        """Wait for one read; whatever goes wrong with it is noted, and harms no other."""
        started = time.monotonic()
        self._waiting.add(name)
        try:
            await read(*args)
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
        async def read() -> str:
            async with asking("read the subscription's name"):
                found = await self._azure.subscriptions().subscriptions.get(self._vm.subscription_id)
            return str(found.display_name or "")

        self._subscription_name = await self._names.get(self._vm.subscription_id, read)

    async def _read_machine(self) -> None:
        try:
            if self._vm.classic:
                self._machine = await classic.read_machine(self._azure, self._vm)
            else:
                self._machine = await self._read(MACHINES, self._vm.resource_id)
        except NotFound:
            self._gone = True
        except DependencyAway as away:
            self._away = away
            raise

    async def _read_backup(self, location: str) -> None:
        self._backup = await self._backups.get(
            self._vm.key, lambda: backup_facts(self._azure, self._vm, location)
        )

    async def _read_nsg(self, nsg_id: str) -> Guard:
        return Guard(await self._read(NSGS, nsg_id))

    async def _read_public_ip(self, public_ip_id: str) -> PublicIp:
        return await self._read(PUBLIC_IPS, public_ip_id)

    async def _read_subnet(self, subnet_id: str) -> Subnet:
        return subnet(await network.read_subnet(self._azure, subnet_id))

    async def _read_nic(self, nic_id: str) -> None:
        self._nics[nic_id] = await self._read(NICS, nic_id)

    async def _read(self, kind: Kind[_T], resource_id: str) -> _T:
        return await self._together.get(kind, resource_id, since=self._since)

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
            gone=self._gone,
            missing=tuple(MissingFact(name=name, reason=why) for name, why in self._missing.items()),
            took_ms=self._took_ms,
            gathered_at=datetime.now(UTC),
        )

    def _explain(self, shown: NetworkFacts | None) -> None:
        """Say of everything that is not there why it is not."""
        if self._gone:
            self._missing["machine"] = "the VM does not exist"
        if self._vm.classic:
            self._missing["network"] = "the network of a classic VM is not read"
            self._missing["backup"] = "Azure Backup does not protect classic VMs"
        because = "the VM itself is not known" if self._machine is None else "did not come in time"
        for name, there in (("network", shown), ("backup", self._backup)):
            if there is None:
                self._missing.setdefault(name, because)

    def _network(self) -> NetworkFacts | None:
        if self._machine is None or self._vm.classic or (self._machine.nic_ids and not self._nics):
            return None
        nics = [self._nics[nic_id] for nic_id in self._machine.nic_ids if nic_id in self._nics]
        around = Around(self._nsgs.found, self._subnets.found, self._public_ips.found)
        return network_facts(nics, around)


async def _side_by_side(*reads: Coroutine[Any, Any, None]) -> None:
    """All of them; a lone one needs no task of its own, which counts in a burst."""
    if len(reads) == 1:
        await reads[0]
    elif reads:
        await asyncio.gather(*reads)


def _ms_since(started: float) -> float:
    return round((time.monotonic() - started) * 1000, 1)
