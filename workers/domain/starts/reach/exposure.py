"""Which ports can the Internet reach? Evaluates the rules of one or two security groups as Azure does.

Inbound traffic has to pass the subnet's NSG and then the NIC's; in each, the matching rule with the lowest
priority number wins. A public IP of the Standard SKU is closed where no NSG opens it. In doubt a port counts
as open: who is told "None" does not look again.
Source: https://learn.microsoft.com/azure/virtual-network/network-security-group-how-it-works
"""

from collections.abc import Iterable
from functools import cached_property
from typing import NamedTuple

from workers.domain.model import Model
from workers.domain.starts.reach.sources import FAMILIES, Family, kept_out, let_in
from workers.domain.starts.vm import Front, OpenPort

_ALL_PORTS = (0, 65535)
_Kind = tuple[str, Family]
_KINDS: tuple[_Kind, ...] = tuple((protocol, family) for protocol in ("tcp", "udp") for family in FAMILIES)


class InboundRule(Model):
    """An inbound security rule, defaults included. Ports and sources are Azure's notation, each a list."""

    name: str
    priority: int
    allow: bool
    protocol: str = "*"
    sources: tuple[str, ...] = ("*",)
    ports: tuple[str, ...] = ("*",)

    @cached_property
    def families(self) -> frozenset[Family]:
        """For which family it decides about the Internet; a rule for some addresses only does for none."""
        return let_in(self.sources) if self.allow else kept_out(self.sources)


class _Range(NamedTuple):
    low: int
    high: int


class _Opening(NamedTuple):
    range: _Range
    rule: str


class SecurityGroup(Model):
    """An NSG's inbound side."""

    id: str
    name: str
    rules: tuple[InboundRule, ...] = ()

    @cached_property
    def openings(self) -> dict[_Kind, list[_Opening]]:
        """What it lets in from the Internet, by protocol in lower case and family."""
        return {kind: _openings(self.rules, *kind) for kind in _KINDS}


def open_ports(
    nic: str, subnet_group: SecurityGroup | None, nic_group: SecurityGroup | None
) -> tuple[OpenPort, ...]:
    """Port ranges that the Internet reaches through this NIC, each with its protocol and allowing rule."""
    groups = [group for group in (subnet_group, nic_group) if group is not None]
    if not groups:
        return ()
    found: dict[tuple[_Range, str], list[str]] = {}
    for kind in _KINDS:
        openings = groups[0].openings[kind]
        for group in groups[1:]:
            openings = [
                _Opening(both, inner.rule)
                for outer in openings
                for inner in group.openings[kind]
                if (both := _common(outer.range, inner.range)) is not None
            ]
        for opening in openings:
            protocols = found.setdefault((opening.range, opening.rule), [])
            if kind[0] not in protocols:
                protocols.append(kind[0])
    guard = groups[-1]
    return tuple(
        OpenPort(
            nic=nic,
            ports=_written(span),
            protocol="*" if len(protocols) > 1 else protocols[0].capitalize(),
            nsg=guard.name,
            rule=rule,
        )
        for (span, rule), protocols in sorted(found.items())
    )


def through(front: Front, openings: Iterable[OpenPort]) -> tuple[OpenPort, ...]:
    """Which of a NIC's openings the Internet reaches through this port of a load balancer.

    Rules of an NSG see the port at the NIC, and the client's own address.
    """
    found = []
    for opening in openings:
        span = _common(_read(opening.ports), _read(front.to))
        protocols = {opening.protocol.lower(), front.protocol.lower()}
        if span is None or len(protocols - {"*"}) > 1:
            continue
        protocol = front.protocol if opening.protocol == "*" else opening.protocol
        found.append(opening.changed(ports=_written(span), protocol=protocol, front=front))
    return tuple(found)


def _openings(rules: Iterable[InboundRule], protocol: str, family: Family) -> list[_Opening]:
    """What rules let in from the Internet: the first rule that matches a port decides about it."""
    undecided = [_Range(*_ALL_PORTS)]
    openings: list[_Opening] = []
    for rule in sorted(rules, key=lambda r: r.priority):
        if rule.protocol.lower() not in ("*", protocol) or family not in rule.families:
            continue
        for span in map(_read, rule.ports):
            taken = [common for rest in undecided if (common := _common(rest, span)) is not None]
            if rule.allow:
                openings.extend(_Opening(part, rule.name) for part in taken)
            undecided = [left for rest in undecided for left in _without(rest, span)]
    return openings


def _read(ports: str) -> _Range:
    if ports.strip() in ("*", ""):
        return _Range(*_ALL_PORTS)
    low, _, high = ports.partition("-")
    return _Range(int(low), int(high or low))


def _common(one: _Range, other: _Range) -> _Range | None:
    low, high = max(one.low, other.low), min(one.high, other.high)
    return _Range(low, high) if low <= high else None


def _without(one: _Range, cut: _Range) -> list[_Range]:
    parts = (_Range(one.low, min(one.high, cut.low - 1)), _Range(max(one.low, cut.high + 1), one.high))
    return [part for part in parts if part.low <= part.high]


def _written(span: _Range) -> str:
    if span == _ALL_PORTS:
        return "*"
    return str(span.low) if span.low == span.high else f"{span.low}-{span.high}"
