"""Addresses of callers: which network one is in, and whether it lies in ranges that a policy names."""

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NEIGHBOURS = {4: 24, 6: 48}
"""The prefix of what counts as one place: a provider gives a site or a customer about so much."""


@lru_cache(maxsize=4096)
def read_address(text: str) -> _Address | None:
    """The address in a text, which may name a port, too; ``None`` if there is none.

    An IPv4 address that is written as IPv6 counts as IPv4.
    """
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


@lru_cache(maxsize=4096)
def network_of(text: str) -> str:
    """The network of an address, such as ``198.51.100.0/24``; empty if the text holds no address."""
    address = read_address(text)
    if address is None:
        return ""
    return str(ipaddress.ip_network((address, _NEIGHBOURS[address.version]), strict=False))


def range_of(text: str, ranges: Iterable[str]) -> str:
    """The first of these ranges (CIDR) that holds the address; empty if none does."""
    address = read_address(text)
    if address is None:
        return ""
    return next((each for each in ranges if address in _range(each)), "")


@lru_cache(maxsize=1024)
def _range(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(text, strict=False)
