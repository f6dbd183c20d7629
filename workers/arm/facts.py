"""What Azure knows about a VM, gathered at once and within a budget.

The VM itself comes first, since it names the rest; beside it the subscription's name. Then the backup status
and all NICs in parallel, then their NSGs, subnets and public IPs in parallel. With one NIC that is at most
eight reads for a first start, and three within ten minutes of another one.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import structlog

from workers.arm import classic, network
from workers.arm.backup import backup_facts
from workers.arm.cache import Cache
from workers.arm.clients import Azure
from workers.arm.errors import asking
from workers.arm.ids import name_of
from workers.arm.machine import machine_facts, read_machine
from workers.arm.rules import security_group
from workers.domain.errors import DependencyAway, NotFound, StartgateError
from workers.domain.exposure import SecurityGroup, open_ports
from workers.domain.facts import BackupFacts, Facts, MachineFacts, MissingFact, NetworkFacts
from workers.domain.vm import Nic, OpenPort, VmRef

BELIEVED_S = 600.0
"""Seconds for which an NSG, a subnet, a public IP and a subscription's name are not read again."""

log = structlog.get_logger(__name__)

_Json = dict[str, Any]
_Read = Callable[[Azure, str], Coroutine[Any, Any, _Json]]


class ArmFacts:
    """The ``FactsReader`` of the domain, over ARM."""

    def __init__(self, azure: Azure, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._azure = azure
        self._resources: Cache[_Json] = Cache(azure, ttl_s=BELIEVED_S, now=clock)
        self._names: Cache[str] = Cache(azure, ttl_s=BELIEVED_S, now=clock)

    async def gather(self, vm: VmRef, *, budget_s: float) -> Facts:
        """Everything about a VM that comes within ``budget_s`` seconds; the rest is named as missing.

        Raises:
            DependencyAway: Azure refuses the very first read for now, or can't be reached.
        """
        gathering = _Gathering(self._azure, self._resources, self._names, vm)
        try:
            async with asyncio.timeout(budget_s):
                await gathering.all()
        except TimeoutError:
            gathering.late(budget_s)
        return gathering.facts()


class _Gathering:
    """One gathering under way: what has arrived so far can be taken out at any moment."""

    def __init__(self, azure: Azure, resources: Cache[_Json], names: Cache[str], vm: VmRef) -> None:
        self._azure = azure
        self._resources = resources
        self._names = names
        self._vm = vm
        self._gone = False
        self._away: DependencyAway | None = None
        self._subscription_name = ""
        self._machine: MachineFacts | None = None
        self._backup: BackupFacts | None = None
        self._nics: dict[str, _Json] = {}
        self._found: dict[str, _Json] = {}
        self._missing: dict[str, str] = {}
        self._waiting: set[str] = set()
        self._took_ms: dict[str, float] = {}

    async def all(self) -> None:
        """Read everything; whoever cancels this finds in ``facts`` what had come by then."""
        await asyncio.gather(self._fact("subscription", self._read_subscription), self._from_machine_on())

    async def _from_machine_on(self) -> None:
        await self._fact("machine", self._read_machine)
        if self._machine is None or self._vm.classic:
            return
        started = time.monotonic()
        await asyncio.gather(
            self._fact("backup", self._read_backup, self._machine.location),
            *(self._nic(nic_id) for nic_id in self._machine.nic_ids),
        )
        self._took_ms["network"] = _ms_since(started)

    async def _nic(self, nic_id: str) -> None:
        await self._fact(f"NIC {name_of(nic_id)}", self._read_nic, nic_id)
        nic = self._nics.get(nic_id)
        if nic is None:
            return
        group_id, public_ips = network.nsg_of(nic), _linked(nic, "publicIPAddress")
        await asyncio.gather(
            *(self._around("NSG", network.read_nsg, one) for one in (group_id,) if one),
            *(self._subnet(subnet_id) for subnet_id in _linked(nic, "subnet")),
            *(self._around("public IP", network.read_public_ip, ip) for ip in public_ips),
        )

    async def _subnet(self, subnet_id: str) -> None:
        await self._around("subnet", network.read_subnet, subnet_id)
        group_id = network.nsg_of(self._found.get(subnet_id.lower(), {}))
        if group_id:
            await self._around("NSG", network.read_nsg, group_id)

    async def _around(self, kind: str, read: _Read, resource_id: str) -> None:
        async def keep() -> None:
            self._found[resource_id.lower()] = await self._resources.get(
                resource_id, lambda: read(self._azure, resource_id)
            )

        await self._fact(f"{kind} {name_of(resource_id)}", keep)

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
                self._machine = machine_facts(await read_machine(self._azure, self._vm))
        except NotFound:
            self._gone = True
        except DependencyAway as away:
            self._away = away
            raise

    async def _read_backup(self, location: str) -> None:
        self._backup = await backup_facts(self._azure, self._vm, location)

    async def _read_nic(self, nic_id: str) -> None:
        self._nics[nic_id] = await network.read_nic(self._azure, nic_id)

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
        self._nics = {nic_id: self._nics[nic_id] for nic_id in self._machine.nic_ids if nic_id in self._nics}
        return NetworkFacts(nics=self._shown_nics(), open_ports=self._open_ports())

    def _shown_nics(self) -> tuple[Nic, ...]:
        return tuple(
            Nic(
                id=nic["id"],
                name=nic["name"],
                nsg_id=network.nsg_of(nic),
                subnet_nsg_id=self._subnet_group(nic),
                public_ips=tuple(self._addresses(nic)),
                private_ips=_private_ips(nic),
            )
            for nic in self._nics.values()
        )

    def _addresses(self, nic: _Json) -> list[str]:
        found = (self._found.get(ip.lower(), {}) for ip in _linked(nic, "publicIPAddress"))
        return [
            ip["properties"]["ipAddress"] for ip in found if (ip.get("properties") or {}).get("ipAddress")
        ]

    def _subnet_group(self, nic: _Json) -> str | None:
        groups = (network.nsg_of(self._found.get(subnet.lower(), {})) for subnet in _linked(nic, "subnet"))
        return next((group for group in groups if group), None)

    def _open_ports(self) -> tuple[OpenPort, ...]:
        """Of the NICs with a public IP whose rules are all known; the others are named as missing."""
        ports: list[OpenPort] = []
        for nic in self._nics.values():
            subnets, public_ips = _linked(nic, "subnet"), _linked(nic, "publicIPAddress")
            groups = (self._subnet_group(nic), network.nsg_of(nic))
            needed = [*subnets, *(group for group in groups if group)]
            if not public_ips or any(one.lower() not in self._found for one in needed):
                continue
            if groups == (None, None):
                ports.extend(self._unguarded(nic["name"], public_ips))
                continue
            addresses = _private_ips(nic)
            ports.extend(open_ports(nic["name"], *(self._group(group, addresses) for group in groups)))
        return tuple(ports)

    def _unguarded(self, nic: str, public_ips: tuple[str, ...]) -> list[OpenPort]:
        """Without any NSG, a public IP of the Basic SKU is open; one of the Standard SKU is closed."""
        skus = [str((self._found.get(ip.lower(), {}).get("sku") or {}).get("name")) for ip in public_ips]
        return [OpenPort(nic=nic, ports="*")] if "basic" in [sku.lower() for sku in skus] else []

    def _group(self, group_id: str | None, addresses: tuple[str, ...]) -> SecurityGroup | None:
        return security_group(self._found[group_id.lower()], addresses) if group_id else None


def _linked(nic: _Json, kind: str) -> tuple[str, ...]:
    """Ids of what the IP configurations of a NIC point at, each once."""
    configurations = nic["properties"].get("ipConfigurations") or []
    links = [((item.get("properties") or {}).get(kind) or {}).get("id") for item in configurations]
    return tuple(dict.fromkeys(link for link in links if link))


def _private_ips(nic: _Json) -> tuple[str, ...]:
    configurations = nic["properties"].get("ipConfigurations") or []
    found = [(item.get("properties") or {}).get("privateIPAddress") for item in configurations]
    return tuple(address for address in found if address)


def _ms_since(started: float) -> float:
    return round((time.monotonic() - started) * 1000, 1)
