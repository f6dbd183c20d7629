"""Which rules are in force on an interface, and which of its ports they open to the Internet."""

from typing import Any

from deploy.sandbox.azure.model import Estate, Resource
from deploy.sandbox.azure.network.nsg import all_rules, nsg_of
from deploy.sandbox.azure.network.rules import open_ports


def filters(estate: Estate, nic: Resource) -> tuple[Resource | None, Resource | None]:
    """The security groups on the way to an interface: its subnet's, and its own."""
    configurations = nic.properties["ipConfigurations"]
    subnet = estate.find(configurations[0]["properties"]["subnet"]["id"])
    return estate.find(nsg_of(subnet)) if subnet else None, estate.find(nsg_of(nic))


def open_to_internet(estate: Estate, nic: Resource) -> list[str]:
    """Ports of an interface that the rules open to the whole Internet, whether or not it has an address."""
    subnet_nsg, own_nsg = filters(estate, nic)
    return open_ports(*(None if nsg is None else all_rules(nsg) for nsg in (subnet_nsg, own_nsg)))


def effective_groups(estate: Estate, nic: Resource) -> list[dict[str, Any]]:
    """The answer of ``effectiveNetworkSecurityGroups``: one entry for each group on the way."""
    subnet_id = nic.properties["ipConfigurations"][0]["properties"]["subnet"]["id"]
    sides = ("subnet", subnet_id), ("networkInterface", nic.id)
    return [
        {
            "networkSecurityGroup": {"id": nsg.id},
            "association": {side: {"id": where}},
            "effectiveSecurityRules": [_effective_rule(item) for item in all_rules(nsg)],
        }
        for (side, where), nsg in zip(sides, filters(estate, nic), strict=True)
        if nsg is not None
    ]


def _effective_rule(item: dict[str, Any]) -> dict[str, Any]:
    part = item["type"].rpartition("/")[2]
    given = item["properties"]
    return {
        "name": f"{part}/{item['name']}",
        "protocol": "All" if given["protocol"] == "*" else given["protocol"],
        **{key: value for key, value in given.items() if key not in ("protocol", "provisioningState")},
    }
