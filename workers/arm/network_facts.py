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
    shown = [_shown(nic, found) for nic in nics]
    return NetworkFacts(
        nics=tuple(nic for nic, _ in shown), open_ports=tuple(port for _, ports in shown for port in ports)
    )


def _shown(nic: _Json, found: Around) -> tuple[Nic, Sequence[OpenPort]]:
    subnet_ids, public_ip_ids = linked(nic, "subnet"), linked(nic, "publicIPAddress")
    subnets = [found.subnets.get(subnet_id.lower()) for subnet_id in subnet_ids]
    public_ips = [found.public_ips.get(public_ip_id.lower(), {}) for public_ip_id in public_ip_ids]
    groups = (network.nsg_of(subnet) for subnet in subnets if subnet is not None)
    shown = Nic(
        id=nic["id"],
        name=nic["name"],
        nsg_id=network.nsg_of(nic),
        subnet_nsg_id=next((group for group in groups if group), None),
        public_ips=tuple(filter(None, map(_address, public_ips))),
        private_ips=_private_ips(nic),
    )
    # Of a NIC with a public IP whose rules are all known; the others are named as missing elsewhere.
    if not public_ips or None in subnets:
        return shown, ()
    return shown, _open_ports(shown, public_ips, found.guards)


def _address(public_ip: _Json) -> str | None:
    return (public_ip.get("properties") or {}).get("ipAddress")


def _open_ports(nic: Nic, public_ips: Sequence[_Json], guards: Mapping[str, Guard]) -> Sequence[OpenPort]:
    if nic.nsg_id is None and nic.subnet_nsg_id is None:
        return _unguarded(nic.name, public_ips)
    groups: list[SecurityGroup | None] = []
    for group_id in (nic.subnet_nsg_id, nic.nsg_id):
        guard = guards.get(group_id.lower()) if group_id else None
        if group_id and guard is None:
            return ()
        groups.append(guard.towards(nic.private_ips) if guard else None)
    return open_ports(nic.name, *groups)


def _unguarded(nic: str, public_ips: Sequence[_Json]) -> Sequence[OpenPort]:
    """Without any NSG, a public IP of the Basic SKU is open; one of the Standard SKU is closed."""
    skus = [str((public_ip.get("sku") or {}).get("name")).lower() for public_ip in public_ips]
    return [OpenPort(nic=nic, ports="*")] if "basic" in skus else []


def linked(nic: _Json, kind: str) -> tuple[str, ...]:
    """Ids of what the IP configurations of a NIC point at, each once."""
    configurations = nic["properties"].get("ipConfigurations") or []
    links = [((item.get("properties") or {}).get(kind) or {}).get("id") for item in configurations]
    return tuple(dict.fromkeys(link for link in links if link))


def _private_ips(nic: _Json) -> tuple[str, ...]:
    configurations = nic["properties"].get("ipConfigurations") or []
    found = [(item.get("properties") or {}).get("privateIPAddress") for item in configurations]
    return tuple(address for address in found if address)
