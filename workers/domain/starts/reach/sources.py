"""Which sources of a security rule stand for the Internet: words, service tags, and address prefixes.

Prefixes are compared as networks, since there are many ways to write the Internet: ``1.2.3.4/0``, or
``0.0.0.0/1`` beside ``128.0.0.0/1``, or nearly all of it. So an Allow is taken for open where it lets in
more than anybody has, and a Deny for closed only where it keeps everybody out. IPv4 and IPv6 are told apart:
a rule for one of them says nothing about the other.

Source: https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview#security-rules
"""

import ipaddress
from collections.abc import Iterable
from typing import Literal

Family = Literal[4, 6]
FAMILIES: tuple[Family, ...] = (4, 6)

_WIDEST: dict[Family, int] = {4: 16, 6: 32}
"""The prefix of the widest network that counts as *some addresses*.

An NSG takes 4,000 prefixes, so that many of these don't make up the Internet:
https://learn.microsoft.com/azure/azure-resource-manager/management/azure-subscription-service-limits
"""
_MOST: dict[Family, int] = {4: 2**24, 6: 2**104}
"""So many addresses in one rule are no longer *some*, however small their networks are."""

_EVERYBODY = frozenset({"*", "any", "internet"})
_ANYBODYS = "azurecloud"
"""The public addresses of all of Azure, also by region: whoever rents a VM has one.

Source: https://learn.microsoft.com/azure/virtual-network/service-tags-overview
"""

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_WHOLE: dict[Family, _Network] = {4: ipaddress.ip_network("0.0.0.0/0"), 6: ipaddress.ip_network("::/0")}
_PUBLIC_6 = ipaddress.IPv6Network("2000::/3")
_NOT_PUBLIC_4 = tuple(
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "224.0.0.0/3",
    )
)
"""Source: https://www.iana.org/assignments/iana-ipv4-special-registry."""


def let_in(sources: Iterable[str]) -> frozenset[Family]:
    """Families of which an Allow with these sources lets the Internet in.

    What can't be placed counts as open.
    """
    networks, everybody = _read(sources)
    if everybody:
        return frozenset(FAMILIES)
    public = [network for network in networks if _is_public(network)]
    return frozenset(
        family
        for family in FAMILIES
        if any(network.prefixlen < _WIDEST[family] for network in _of(public, family))
        or sum(network.num_addresses for network in _of(public, family)) >= _MOST[family]
    )


def kept_out(sources: Iterable[str]) -> frozenset[Family]:
    """Of which family a Deny with these sources keeps all of the Internet out."""
    sources = tuple(sources)
    if any(source.strip().lower() in _EVERYBODY for source in sources):
        return frozenset(FAMILIES)
    networks, _ = _read(sources)
    return frozenset(family for family in FAMILIES if _of(networks, family) == [_WHOLE[family]])


def _read(sources: Iterable[str]) -> tuple[list[_Network], bool]:
    """Their networks, and whether one of them stands for everybody, or could."""
    networks: list[_Network] = []
    everybody = False
    for source in sources:
        word = source.strip().lower()
        try:
            networks.append(ipaddress.ip_network(word, strict=False))
        except ValueError:
            # A name is a service tag; what begins like an address is none that we understand.
            unread = word[:1].isdigit() or ":" in word
            anybodys = word == _ANYBODYS or word.startswith(f"{_ANYBODYS}.")
            everybody = everybody or word in _EVERYBODY or anybodys or unread
    return networks, everybody


def _of(networks: Iterable[_Network], family: Family) -> list[_Network]:
    """Those of one family, neighbours joined."""
    if family == 4:  # noqa: PLR2004 - IPv4
        return list(ipaddress.collapse_addresses(n for n in networks if isinstance(n, ipaddress.IPv4Network)))
    return list(ipaddress.collapse_addresses(n for n in networks if isinstance(n, ipaddress.IPv6Network)))


def _is_public(network: _Network) -> bool:
    """Whether any of it is."""
    if isinstance(network, ipaddress.IPv6Network):
        return network.overlaps(_PUBLIC_6)
    return not any(network.subnet_of(private) for private in _NOT_PUBLIC_4)
