"""The NICs of a VM, and what the Internet reaches through them, from what was read about them. No I/O."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from workers.arm.ids import name_of
from workers.arm.read.networking import network
from workers.arm.read.networking.balancers import Balancer, balancer_id, gateway_of
from workers.arm.read.networking.nsg import Guard
from workers.domain.starts.facts import NetworkFacts
from workers.domain.starts.reach.exposure import open_ports, through
from workers.domain.starts.reach.sources import Family, let_in
from workers.domain.starts.vm import Front, Nic, OpenPort, Pool

_Json = Mapping[str, Any]
_STANDARD = frozenset({"standard", "standardv2"})


class NicLinks(NamedTuple):
    """A NIC, and the ids of what it is connected to, each once.

    Attributes:
        balancer_parts: pools and inbound NAT rules of load balancers.
        gateway_pools: pools of application gateways.
    """

    id: str
    name: str
    nsg_id: str | None
    subnet_ids: tuple[str, ...]
    public_ip_ids: tuple[str, ...]
    private_ips: tuple[str, ...]
    balancer_parts: tuple[str, ...] = ()
    gateway_pools: tuple[str, ...] = ()

    @property
    def balancer_ids(self) -> tuple[str, ...]:
        """The load balancers that it is behind."""
        ids = (balancer_id(part) for part in self.balancer_parts)
        return tuple({one.lower(): one for one in ids}.values())


class Subnet(NamedTuple):
    """Of a subnet, what concerns its NICs."""

    nsg_id: str | None
    route_table_id: str | None = None


class PublicIp(NamedTuple):
    """A public IP. One of the Standard SKU lets nothing in without an NSG; any other may.

    A dynamic one is given back when its VM is deallocated.
    Source: https://learn.microsoft.com/azure/virtual-network/ip-services/public-ip-addresses#sku
    """

    address: str | None
    standard: bool
    dynamic: bool = False


class Neighbours(NamedTuple):
    """What NICs are connected to, as far as it was read, by id in lower case.

    Attributes:
        routed: by the id of a route table, for which family it routes the Internet; see ``routed``.
    """

    guards: dict[str, Guard]
    subnets: dict[str, Subnet]
    public_ips: dict[str, PublicIp]
    balancers: dict[str, Balancer]
    routed: dict[str, frozenset[Family]]


def nic_links(nic: _Json) -> NicLinks:
    """A NIC as ARM shows it.

    Raises:
        KeyError, TypeError, AttributeError, ValueError: it is none.
    """
    configurations = [
        item.get("properties") or {} for item in nic["properties"].get("ipConfigurations") or []
    ]
    addresses = (configuration.get("privateIPAddress") for configuration in configurations)
    return NicLinks(
        id=nic["id"],
        name=nic["name"],
        nsg_id=network.nsg_of(nic),
        subnet_ids=_linked(configurations, "subnet"),
        public_ip_ids=_linked(configurations, "publicIPAddress"),
        private_ips=tuple(address for address in addresses if address),
        balancer_parts=_referred(
            configurations, "loadBalancerBackendAddressPools", "loadBalancerInboundNatRules"
        ),
        gateway_pools=_referred(configurations, "applicationGatewayBackendAddressPools"),
    )


def subnet(found: _Json) -> Subnet:
    """A subnet as ARM shows it."""
    table = (found.get("properties") or {}).get("routeTable") or {}
    return Subnet(network.nsg_of(found), table.get("id"))


def routed(found: _Json) -> frozenset[Family]:
    """For which family a route table, as ARM shows it, has a route for the Internet.

    The service tag VirtualNetwork holds what a subnet's own routes name. So with a route for 0.0.0.0/0, such
    as the one to a firewall, it holds the Internet, and the default rule AllowVnetInBound lets that in. A
    default route that a gateway learns does the same, and is seen nowhere here.
    Source: https://learn.microsoft.com/azure/virtual-network/service-tags-overview#available-service-tags
    """
    routes = (found.get("properties") or {}).get("routes") or []
    prefixes = ((route.get("properties") or {}).get("addressPrefix") for route in routes)
    return let_in(prefix for prefix in prefixes if prefix)


def public_ip(found: _Json) -> PublicIp:
    """A public IP as ARM shows it."""
    return PublicIp(
        address=(found.get("properties") or {}).get("ipAddress"),
        standard=str((found.get("sku") or {}).get("name")).lower() in _STANDARD,
        dynamic=str((found.get("properties") or {}).get("publicIPAllocationMethod")).lower() == "dynamic",
    )


def network_facts(nics: Sequence[NicLinks], found: Neighbours) -> NetworkFacts:
    """What a card shows of these NICs, in the order of the VM."""
    mine = frozenset(nic.id.lower() for nic in nics)
    shown = [_shown(nic, found, mine) for nic in nics]
    return NetworkFacts(
        nics=tuple(one.nic for one in shown),
        open_ports=tuple(port for one in shown for port in one.open_ports),
        unknown=tuple(dict.fromkeys(why for one in shown for why in one.unknown)),
    )


class _Shown(NamedTuple):
    nic: Nic
    open_ports: Sequence[OpenPort]
    unknown: Sequence[str]


def _shown(links: NicLinks, found: Neighbours, mine: frozenset[str]) -> _Shown:
    subnets = [found.subnets.get(subnet_id.lower()) for subnet_id in links.subnet_ids]
    read = [found.public_ips.get(public_ip_id.lower()) for public_ip_id in links.public_ip_ids]
    balancers = [one for of in links.balancer_ids if (one := found.balancers.get(of.lower())) is not None]
    nic = Nic(
        id=links.id,
        name=links.name,
        nsg_id=links.nsg_id,
        subnet_nsg_id=next((one.nsg_id for one in subnets if one is not None and one.nsg_id), None),
        public_ips=tuple(one.address for one in read if one is not None and one.address),
        private_ips=links.private_ips,
        fronts=tuple(front for one in balancers for front in _fronts(one, links, found)),
        passing_ips=tuple(one.address for one in read if one is not None and one.address and one.dynamic),
        pools=tuple(_pools(links, found, mine)),
    )
    unknown = [*_unknown_ways(links, found)]
    if not links.public_ip_ids and not nic.fronts:
        return _Shown(nic, (), unknown)
    tables = [one.route_table_id for one in subnets if one is not None and one.route_table_id]
    unknown += _not_read("route table", tables, found.routed)
    guards = _Guards(nic, found.guards, routed=any(found.routed.get(one.lower()) for one in tables))
    unread = [*_not_read("subnet", links.subnet_ids, found.subnets), *guards.unread]
    if unread:
        return _Shown(nic, (), [*unread, *unknown])
    # What is not told about a public IP counts as open.
    ports = list(guards.let_in(without_any=not all(one and one.standard for one in read))) if read else []
    for one in balancers:
        openings = guards.let_in(without_any=not one.standard)
        ports += [port for front in _fronts(one, links, found) for port in through(front, openings)]
    return _Shown(nic, ports, unknown)


def _pools(links: NicLinks, found: Neighbours, mine: frozenset[str]) -> Iterator[Pool]:
    """The backend pools that a NIC refers to, and how many members each has beside this VM's NICs."""
    for part in links.balancer_parts:
        if "/backendaddresspools/" in part.lower():
            one = found.balancers.get(balancer_id(part).lower())
            members = one.members.get(part.lower()) if one is not None else None
            others = len(members - mine) if members is not None else None
            yield Pool(balancer=name_of(balancer_id(part)), name=name_of(part), others=others)
    for pool in links.gateway_pools:
        yield Pool(balancer=gateway_of(pool), name=name_of(pool), gateway=True)


def _unknown_ways(links: NicLinks, found: Neighbours) -> Iterator[str]:
    """What leads to a NIC, or could, and is not known."""
    yield from _not_read("public IP", links.public_ip_ids, found.public_ips)
    yield from _not_read("load balancer", links.balancer_ids, found.balancers)
    for part in links.balancer_parts:
        one = found.balancers.get(balancer_id(part).lower())
        if one is not None and one.lacks(part):
            yield f"NAT rule {name_of(part)} of load balancer {one.name} was not found"
    for pool in links.gateway_pools:
        yield f"application gateway {gateway_of(pool)} leads to it"


def _fronts(one: Balancer, links: NicLinks, found: Neighbours) -> list[Front]:
    """The ports of a load balancer that lead from the Internet to this NIC."""
    fronts = []
    for forward in one.leading_to(links.balancer_parts):
        public_ip_id = one.frontends[forward.frontend_id].public_ip_id
        address = found.public_ips.get(public_ip_id.lower()) if public_ip_id else None
        fronts.append(
            Front(
                balancer=one.name,
                address=(address.address if address else None) or "",
                rule=forward.rule,
                ports=forward.ports,
                to=forward.to,
                protocol=forward.protocol,
            )
        )
    return fronts


class _Guards:
    """The NSGs between the Internet and a NIC.

    Attributes:
        unread: which of them were not read, for people.
    """

    def __init__(self, nic: Nic, guards: Mapping[str, Guard], *, routed: bool) -> None:
        self._nic = nic
        ids = [group_id for group_id in (nic.subnet_nsg_id, nic.nsg_id) if group_id]
        read = {group_id: guards.get(group_id.lower()) for group_id in ids}
        self.unread = _not_read("NSG", ids, guards)
        self._groups = [
            guard.towards(nic.private_ips, routed=routed) for guard in read.values() if guard is not None
        ]

    def let_in(self, *, without_any: bool) -> Sequence[OpenPort]:
        """What they let in from the Internet; where there are none, everything or nothing."""
        if not self._groups:
            return [OpenPort(nic=self._nic.name, ports="*")] if without_any else []
        outer = self._groups[0] if len(self._groups) > 1 else None
        return open_ports(self._nic.name, outer, self._groups[-1])


def _not_read(kind: str, ids: Sequence[str], found: Mapping[str, object]) -> list[str]:
    return [f"{kind} {name_of(one)} was not read" for one in ids if one.lower() not in found]


def _linked(configurations: Sequence[_Json], kind: str) -> tuple[str, ...]:
    links = ((configuration.get(kind) or {}).get("id") for configuration in configurations)
    return tuple(dict.fromkeys(link for link in links if link))


def _referred(configurations: Sequence[_Json], *keys: str) -> tuple[str, ...]:
    """The ids in these lists of references."""
    links = (
        (reference or {}).get("id")
        for configuration in configurations
        for key in keys
        for reference in configuration.get(key) or []
    )
    return tuple(dict.fromkeys(link for link in links if link))
