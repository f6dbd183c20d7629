"""The NICs of a VM, and what they are connected to, side by side."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from workers.arm.ids import name_of
from workers.arm.read.networking.network_facts import Neighbours, NicLinks, network_facts
from workers.arm.read.sources import Dated, Sources
from workers.domain.starts.facts import NetworkFacts

_T = TypeVar("_T")

Fact = Callable[[str, Callable[[], Awaitable[None]]], Awaitable[None]]
"""Waits for one read under its name; whatever goes wrong with it is noted."""


class NetworkReads:
    """What has been read so far.

    Args:
        sources: where it is read.
        since: what was read after this may be used.
        fact: waits for one read.
        note: is told when something was read.
    """

    def __init__(
        self, sources: Sources, since: datetime | None, fact: Fact, note: Callable[[str, datetime], None]
    ) -> None:
        self._sources = sources
        self._since = since
        self._fact = fact
        self._note = note
        self._nics: dict[str, NicLinks] = {}
        self._neighbours = Neighbours({}, {}, {}, {}, {})

    def found(self, nic_ids: Sequence[str]) -> NetworkFacts | None:
        """What is known of these NICs; ``None`` if there are some and none was read."""
        if nic_ids and not self._nics:
            return None
        return network_facts([self._nics[one] for one in nic_ids if one in self._nics], self._neighbours)

    async def nic_and_neighbours(self, nic_id: str) -> None:
        """Read a NIC, then what it names."""

        async def read() -> None:
            self._nics[nic_id] = await self._sources.nic(nic_id, self._since)
            self._note("network", datetime.now(UTC))

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
        read: Callable[[str], Awaitable[Dated[_T]]],
        found: dict[str, _T],
        resource_ids: Iterable[str | None],
    ) -> list[Awaitable[None]]:
        """A read of each, kept under its id in lower case."""

        def keep(resource_id: str) -> Callable[[], Awaitable[None]]:
            async def into_found() -> None:
                found[resource_id.lower()], at = await read(resource_id)
                self._note("network", at)

            return into_found

        return [self._fact(f"{name} {name_of(one)}", keep(one)) for one in resource_ids if one]
