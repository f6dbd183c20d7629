"""Load balancers as ARM shows them: which of their public ports lead to a NIC. No I/O.

Seen is what a NIC refers to, its pools and inbound NAT rules. A pool may also list addresses instead of NICs;
that is seen nowhere on the NIC, so a VM that is only in such a pool looks as if it were behind none.
Source: https://learn.microsoft.com/rest/api/load-balancer/load-balancers/get
"""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from workers.arm.ids import name_of

_Json = Mapping[str, Any]
_BALANCER_PARTS = 9
"""An id of something in a load balancer begins with so many parts of the load balancer's own."""


class Frontend(NamedTuple):
    """A frontend that the Internet reaches: by a public IP, or by a prefix of several (``None``)."""

    public_ip_id: str | None


class Forward(NamedTuple):
    """A port of a frontend that leads to a port of machines.

    Attributes:
        rule: the name of the load-balancing or NAT rule.
        rule_id: in lower case.
        frontend_id: in lower case.
        pool_ids: of the machines, in lower case; a NAT rule of one machine has none.
        ports: at the frontend, in Azure's notation.
        to: at the machine.
        protocol: ``Tcp``, ``Udp`` or ``*``.
    """

    rule: str
    rule_id: str
    frontend_id: str
    pool_ids: frozenset[str]
    ports: str
    to: str
    protocol: str


class Balancer(NamedTuple):
    """A load balancer.

    Attributes:
        standard: of the Standard SKU, which lets nothing in without an NSG. Any other may.
        frontends: those that the Internet reaches, by id in lower case.
        members: of each backend pool, by its id in lower case: ids of NICs in lower case, or addresses.
    """

    id: str
    name: str
    standard: bool
    frontends: Mapping[str, Frontend]
    forwards: tuple[Forward, ...]
    members: Mapping[str, frozenset[str]] = MappingProxyType({})

    def leading_to(self, part_ids: Sequence[str]) -> Iterator[Forward]:
        """From the Internet to a NIC that refers to these pools and NAT rules."""
        mine = {part_id.lower() for part_id in part_ids}
        for forward in self.forwards:
            if forward.frontend_id in self.frontends and (forward.rule_id in mine or forward.pool_ids & mine):
                yield forward

    def lacks(self, part_id: str) -> bool:
        """Whether this is the id of a NAT rule that the load balancer does not show."""
        is_nat = "/inboundnatrules/" in part_id.lower()
        return is_nat and part_id.lower() not in {forward.rule_id for forward in self.forwards}


def balancer(found: _Json) -> Balancer:
    """A load balancer as ARM shows it.

    Raises:
        KeyError, TypeError, AttributeError: it is none.
    """
    properties = found["properties"]
    rules = properties.get("loadBalancingRules") or []
    nats = properties.get("inboundNatRules") or []
    return Balancer(
        id=found["id"],
        name=found["name"],
        standard=str((found.get("sku") or {}).get("name")).lower() == "standard",
        frontends={
            item["id"].lower(): Frontend((given.get("publicIPAddress") or {}).get("id"))
            for item in properties.get("frontendIPConfigurations") or []
            if _is_public(given := item.get("properties") or {})
        },
        forwards=tuple(_forward(item) for item in (*rules, *nats)),
        members={
            item["id"].lower(): _members(item.get("properties") or {})
            for item in properties.get("backendAddressPools") or []
        },
    )


def balancer_id(part_id: str) -> str:
    """The load balancer that a pool or a NAT rule belongs to.

    Raises:
        ValueError: it is not the id of one.
    """
    parts = part_id.split("/")
    if len(parts) <= _BALANCER_PARTS or parts[_BALANCER_PARTS - 2].lower() != "loadbalancers":
        raise ValueError(f"not in a load balancer: {part_id[:300]!r}")
    return "/".join(parts[:_BALANCER_PARTS])


def _forward(item: _Json) -> Forward:
    given = item["properties"]
    pools = [given.get("backendAddressPool"), *(given.get("backendAddressPools") or [])]
    first, last = given.get("frontendPortRangeStart"), given.get("frontendPortRangeEnd")
    front = f"{first}-{last}" if first and last else _port(given.get("frontendPort"))
    return Forward(
        rule=item["name"],
        rule_id=item["id"].lower(),
        frontend_id=((given.get("frontendIPConfiguration") or {}).get("id") or "").lower(),
        pool_ids=frozenset(pool["id"].lower() for pool in pools if pool and pool.get("id")),
        ports=front,
        # With a floating IP, the machine is reached at the frontend's own port.
        to=front if given.get("enableFloatingIP") else _port(given.get("backendPort")),
        protocol=_protocol(given.get("protocol")),
    )


def _members(pool: _Json) -> frozenset[str]:
    """Who is in a pool: NICs, by the IP configurations that refer to it, and addresses that it lists."""
    found = {_nic_of(one["id"]) for one in pool.get("backendIPConfigurations") or []}
    for address in pool.get("loadBalancerBackendAddresses") or []:
        given = address.get("properties") or {}
        configuration = (given.get("networkInterfaceIPConfiguration") or {}).get("id")
        found.add(_nic_of(configuration) if configuration else str(given.get("ipAddress") or address["name"]))
    return frozenset(found)


def _nic_of(configuration_id: str) -> str:
    return configuration_id.lower().partition("/ipconfigurations/")[0]


def _port(port: object) -> str:
    """0 stands for every port, and one that is not told could be any."""
    return str(port) if port else "*"


def _protocol(protocol: object) -> str:
    word = str(protocol).capitalize()
    return word if word in ("Tcp", "Udp") else "*"


def _is_public(frontend: _Json) -> bool:
    """A private one lies in a subnet. What says neither could be public."""
    named = frontend.get("publicIPAddress") or frontend.get("publicIPPrefix")
    return bool(named) or not (frontend.get("subnet") or frontend.get("privateIPAddress"))


def gateway_of(pool_id: str) -> str:
    """The name of the application gateway that a pool belongs to."""
    parts = pool_id.split("/")
    return parts[_BALANCER_PARTS - 1] if len(parts) > _BALANCER_PARTS else name_of(pool_id)
