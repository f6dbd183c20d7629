"""The NICs of a VM, and what the Internet reaches through them, from what was read about them. No I/O."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from workers.arm.read import network
from workers.arm.read.nsg import Guard
from workers.domain.starts.exposure import SecurityGroup, open_ports
from workers.domain.starts.facts import NetworkFacts
from workers.domain.starts.vm import Nic, OpenPort

_Json = Mapping[str, Any]
_STANDARD = frozenset({"standard", "standardv2"})


class NicLinks(NamedTuple):
    """A NIC, and the ids of what it is connected to, each once."""

    id: str
    name: str
    nsg_id: str | None
    subnet_ids: tuple[str, ...]
    public_ip_ids: tuple[str, ...]
    private_ips: tuple[str, ...]


class Subnet(NamedTuple):
    """Of a subnet, what concerns its NICs."""

    nsg_id: str | None


class PublicIp(NamedTuple):
    """A public IP. One of the Standard SKU lets nothing in without an NSG; any other may.

    Source: https://learn.microsoft.com/azure/virtual-network/ip-services/public-ip-addresses#sku
    """

    address: str | None
    standard: bool


class Neighbours(NamedTuple):
    """What NICs are connected to, as far as it was read, by id in lower case."""

    guards: dict[str, Guard]
    subnets: dict[str, Subnet]
    public_ips: dict[str, PublicIp]


def nic_links(nic: _Json) -> NicLinks:
    """A NIC as ARM shows it.

    Raises:
        KeyError, TypeError, AttributeError: it is none.
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
    )


def subnet(found: _Json) -> Subnet:
    """A subnet as ARM shows it."""
    return Subnet(network.nsg_of(found))


def public_ip(found: _Json) -> PublicIp:
    """A public IP as ARM shows it."""
    return PublicIp(
        address=(found.get("properties") or {}).get("ipAddress"),
        standard=str((found.get("sku") or {}).get("name")).lower() in _STANDARD,
    )


def network_facts(nics: Sequence[NicLinks], found: Neighbours) -> NetworkFacts:
    """What a card shows of these NICs, in the order of the VM."""
    shown = [_shown(nic, found) for nic in nics]
    return NetworkFacts(
        nics=tuple(nic for nic, _ in shown), open_ports=tuple(port for _, ports in shown for port in ports)
    )


def _shown(nic: NicLinks, found: Neighbours) -> tuple[Nic, Sequence[OpenPort]]:
    subnets = [found.subnets.get(subnet_id.lower()) for subnet_id in nic.subnet_ids]
    read = (found.public_ips.get(public_ip_id.lower()) for public_ip_id in nic.public_ip_ids)
    public_ips = [one for one in read if one is not None]
    shown = Nic(
        id=nic.id,
        name=nic.name,
        nsg_id=nic.nsg_id,
        subnet_nsg_id=next((one.nsg_id for one in subnets if one is not None and one.nsg_id), None),
        public_ips=tuple(one.address for one in public_ips if one.address),
        private_ips=nic.private_ips,
    )
    # Of a NIC with a public IP whose rules are all known; the others are named as missing elsewhere.
    if not nic.public_ip_ids or None in subnets:
        return shown, ()
    return shown, _open_ports(shown, public_ips, found.guards)


def _open_ports(nic: Nic, public_ips: Sequence[PublicIp], guards: Mapping[str, Guard]) -> Sequence[OpenPort]:
    if nic.nsg_id is None and nic.subnet_nsg_id is None:
        # Without any NSG, a public IP of the Standard SKU is closed. One without a known SKU counts as open.
        return [OpenPort(nic=nic.name, ports="*")] if not all(one.standard for one in public_ips) else []
    groups: list[SecurityGroup | None] = []
    for group_id in (nic.subnet_nsg_id, nic.nsg_id):
        guard = guards.get(group_id.lower()) if group_id else None
        if group_id and guard is None:
            return ()
        groups.append(guard.towards(nic.private_ips) if guard else None)
    return open_ports(nic.name, *groups)


def _linked(configurations: Sequence[_Json], kind: str) -> tuple[str, ...]:
    links = ((configuration.get(kind) or {}).get("id") for configuration in configurations)
    return tuple(dict.fromkeys(link for link in links if link))
