"""The NICs of a VM, and what the Internet reaches through them, from what was read about them. No I/O."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from workers.arm import network
from workers.arm.rules import Guard
from workers.domain.exposure import SecurityGroup, open_ports
from workers.domain.facts import NetworkFacts
from workers.domain.vm import Nic, OpenPort

_Json = dict[str, Any]


class Around(NamedTuple):
    """What stands around NICs, as far as it was read, by id in lower case."""

    guards: Mapping[str, Guard]
    subnets: Mapping[str, _Json]
    public_ips: Mapping[str, _Json]


def network_facts(nics: Sequence[_Json], found: Around) -> NetworkFacts:
    """What a card shows of these NICs, in the order of the VM."""
    return NetworkFacts(
        nics=tuple(
            Nic(
                id=nic["id"],
                name=nic["name"],
                nsg_id=network.nsg_of(nic),
                subnet_nsg_id=_subnet_group(nic, found),
                public_ips=_addresses(nic, found),
                private_ips=_private_ips(nic),
            )
            for nic in nics
        ),
        open_ports=tuple(port for nic in nics for port in _open_ports(nic, found)),
    )


def _addresses(nic: _Json, found: Around) -> tuple[str, ...]:
    read = [found.public_ips.get(ip.lower(), {}) for ip in linked(nic, "publicIPAddress")]
    given = [public_ip.get("properties") or {} for public_ip in read]
    return tuple(properties["ipAddress"] for properties in given if properties.get("ipAddress"))


def _subnet_group(nic: _Json, found: Around) -> str | None:
    groups = (network.nsg_of(found.subnets.get(subnet.lower(), {})) for subnet in linked(nic, "subnet"))
    return next((group for group in groups if group), None)


def _open_ports(nic: _Json, found: Around) -> Sequence[OpenPort]:
    """Of a NIC with a public IP whose rules are all known; the others are named as missing elsewhere."""
    public_ips = linked(nic, "publicIPAddress")
    if not public_ips:
        return ()
    groups = (_subnet_group(nic, found), network.nsg_of(nic))
    if any(subnet.lower() not in found.subnets for subnet in linked(nic, "subnet")):
        return ()
    if any(group.lower() not in found.guards for group in groups if group):
        return ()
    if groups == (None, None):
        return _unguarded(nic["name"], public_ips, found)
    addresses = _private_ips(nic)
    return open_ports(nic["name"], *(_group(group, addresses, found) for group in groups))


def _unguarded(nic: str, public_ips: Sequence[str], found: Around) -> Sequence[OpenPort]:
    """Without any NSG, a public IP of the Basic SKU is open; one of the Standard SKU is closed."""
    read = [found.public_ips.get(ip.lower(), {}) for ip in public_ips]
    skus = [str((public_ip.get("sku") or {}).get("name")).lower() for public_ip in read]
    return [OpenPort(nic=nic, ports="*")] if "basic" in skus else []


def _group(group_id: str | None, addresses: tuple[str, ...], found: Around) -> SecurityGroup | None:
    return found.guards[group_id.lower()].towards(addresses) if group_id else None


def linked(nic: _Json, kind: str) -> tuple[str, ...]:
    """Ids of what the IP configurations of a NIC point at, each once."""
    configurations = nic["properties"].get("ipConfigurations") or []
    links = [((item.get("properties") or {}).get(kind) or {}).get("id") for item in configurations]
    return tuple(dict.fromkeys(link for link in links if link))


def _private_ips(nic: _Json) -> tuple[str, ...]:
    configurations = nic["properties"].get("ipConfigurations") or []
    found = [(item.get("properties") or {}).get("privateIPAddress") for item in configurations]
    return tuple(address for address in found if address)
