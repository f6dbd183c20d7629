"""The NICs of a VM, and what the Internet reaches through them, from what was read about them. No I/O."""

from collections.abc import Mapping, Sequence
from typing import Any

from workers.arm import network
from workers.arm.rules import security_group
from workers.domain.exposure import SecurityGroup, open_ports
from workers.domain.facts import NetworkFacts
from workers.domain.vm import Nic, OpenPort

_Json = dict[str, Any]
_Found = Mapping[str, _Json]


def network_facts(nics: Sequence[_Json], found: _Found) -> NetworkFacts:
    """What a card shows.

    Args:
        nics: in the order of the VM.
        found: NSGs, subnets and public IPs around them, as far as they were read, by id in lower case.
    """
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


def _addresses(nic: _Json, found: _Found) -> tuple[str, ...]:
    public_ips = [found.get(ip.lower(), {}).get("properties") or {} for ip in linked(nic, "publicIPAddress")]
    return tuple(ip["ipAddress"] for ip in public_ips if ip.get("ipAddress"))


def _subnet_group(nic: _Json, found: _Found) -> str | None:
    groups = (network.nsg_of(found.get(subnet.lower(), {})) for subnet in linked(nic, "subnet"))
    return next((group for group in groups if group), None)


def _open_ports(nic: _Json, found: _Found) -> Sequence[OpenPort]:
    """Of a NIC with a public IP whose rules are all known; the others are named as missing elsewhere."""
    public_ips = linked(nic, "publicIPAddress")
    if not public_ips:
        return ()
    groups = (_subnet_group(nic, found), network.nsg_of(nic))
    needed = [*linked(nic, "subnet"), *(group for group in groups if group)]
    if any(one.lower() not in found for one in needed):
        return ()
    if groups == (None, None):
        return _unguarded(nic["name"], public_ips, found)
    addresses = _private_ips(nic)
    return open_ports(nic["name"], *(_group(group, addresses, found) for group in groups))


def _unguarded(nic: str, public_ips: Sequence[str], found: _Found) -> Sequence[OpenPort]:
    """Without any NSG, a public IP of the Basic SKU is open; one of the Standard SKU is closed."""
    skus = [str((found.get(ip.lower(), {}).get("sku") or {}).get("name")).lower() for ip in public_ips]
    return [OpenPort(nic=nic, ports="*")] if "basic" in skus else []


def _group(group_id: str | None, addresses: tuple[str, ...], found: _Found) -> SecurityGroup | None:
    return security_group(found[group_id.lower()], addresses) if group_id else None


def linked(nic: _Json, kind: str) -> tuple[str, ...]:
    """Ids of what the IP configurations of a NIC point at, each once."""
    configurations = nic["properties"].get("ipConfigurations") or []
    links = [((item.get("properties") or {}).get(kind) or {}).get("id") for item in configurations]
    return tuple(dict.fromkeys(link for link in links if link))


def _private_ips(nic: _Json) -> tuple[str, ...]:
    configurations = nic["properties"].get("ipConfigurations") or []
    found = [(item.get("properties") or {}).get("privateIPAddress") for item in configurations]
    return tuple(address for address in found if address)
