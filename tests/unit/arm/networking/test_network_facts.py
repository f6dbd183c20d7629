"""What a card shows of NICs, from what was read about them: nothing is open by what is not known."""

from typing import Any

import pytest

from tests import builders as a
from workers.arm.read.networking.network_facts import (
    Neighbours,
    NicLinks,
    PublicIp,
    Subnet,
    network_facts,
    nic_links,
    routed,
)
from workers.arm.read.networking.nsg import Guard
from workers.arm.steps.isolate import Isolate
from workers.domain.starts.vm import Nic

NSG: dict[str, Any] = {
    "id": "/nsg",
    "name": "nsg",
    "properties": {
        "securityRules": [
            {
                "name": "allow-22",
                "properties": {
                    "priority": 100,
                    "direction": "Inbound",
                    "access": "Allow",
                    "sourceAddressPrefix": "*",
                    "destinationAddressPrefix": "*",
                    "destinationPortRange": "22",
                },
            }
        ]
    },
}


def nic(*, public: bool = True) -> NicLinks:
    configuration: dict[str, Any] = {"subnet": {"id": "/Subnet"}, "privateIPAddress": "10.0.0.4"}
    if public:
        configuration["publicIPAddress"] = {"id": "/IP"}
    return nic_links(
        {
            "id": "/nic",
            "name": "nic",
            "properties": {
                "networkSecurityGroup": {"id": "/NSG"},
                "ipConfigurations": [{"properties": configuration}],
            },
        }
    )


def neighbours(*, guard: bool = True, subnet: bool = True) -> Neighbours:
    return Neighbours(
        guards={"/nsg": Guard(NSG)} if guard else {},
        subnets={"/subnet": Subnet(nsg_id=None)} if subnet else {},
        public_ips={"/ip": PublicIp(address="203.0.113.9", standard=True)},
        balancers={},
        routed={},
    )


GUARDED_SUBNET = neighbours()._replace(
    subnets={"/subnet": Subnet(nsg_id="/other")},
    guards={"/other": Guard(NSG)},
)
"""Its rules are known, those of the NIC's own NSG are not."""


def test_what_all_rules_let_in_is_open() -> None:
    facts = network_facts([nic()], neighbours())

    assert facts.public_ips == ("203.0.113.9",)
    assert [port.ports for port in facts.open_ports] == ["22"]


@pytest.mark.parametrize(
    ("links", "read", "unknown"),
    [
        (nic(public=False), neighbours(), ()),
        (nic(), neighbours(subnet=False), ("subnet Subnet was not read",)),
        (nic(), neighbours(guard=False), ("NSG NSG was not read",)),
        (nic(), GUARDED_SUBNET, ("NSG NSG was not read",)),
    ],
)
def test_without_a_public_address_nothing_is_open_and_without_all_rules_that_is_unknown(
    links: NicLinks, read: Neighbours, unknown: tuple[str, ...]
) -> None:
    facts = network_facts([links], read)

    assert facts.open_ports == ()
    assert facts.unknown == unknown


def test_a_public_address_that_was_not_read_counts_as_open_and_is_said_to_be_unknown() -> None:
    links = nic()._replace(nsg_id=None)

    facts = network_facts([links], neighbours()._replace(public_ips={}))

    assert [port.ports for port in facts.open_ports] == ["*"]
    assert facts.unknown == ("public IP IP was not read",)


@pytest.mark.parametrize(("address", "ports"), [("10.0.0.4", ["22"]), ("10.0.0.5", [])])
def test_a_rule_for_an_address_opens_the_nic_that_has_it(address: str, ports: list[str]) -> None:
    (rule,) = NSG["properties"]["securityRules"]
    only = {**rule, "properties": {**rule["properties"], "destinationAddressPrefix": address}}
    guard = Guard({**NSG, "properties": {"securityRules": [only]}})

    facts = network_facts([nic()], neighbours()._replace(guards={"/nsg": guard}))

    assert [port.ports for port in facts.open_ports] == ports


def defaults(prefix: str | None) -> Neighbours:
    """A NIC with an NSG that has the default rules alone, in a subnet with this one route."""
    rules = [
        {
            "name": name,
            "properties": {
                "priority": priority,
                "direction": "Inbound",
                "access": access,
                "sourceAddressPrefix": source,
                "destinationAddressPrefix": target,
                "destinationPortRange": "*",
            },
        }
        for name, priority, access, source, target in (
            ("AllowVnetInBound", 65000, "Allow", "VirtualNetwork", "VirtualNetwork"),
            ("DenyAllInBound", 65500, "Deny", "*", "*"),
        )
    ]
    guard = Guard({"id": "/nsg", "name": "nsg", "properties": {"defaultSecurityRules": rules}})
    routes = [{"name": "r", "properties": {"addressPrefix": prefix}}]
    table = routed({"properties": {"routes": routes if prefix else []}})
    return neighbours()._replace(
        guards={"/nsg": guard}, subnets={"/subnet": Subnet(None, "/Table")}, routed={"/table": table}
    )


@pytest.mark.parametrize(
    ("prefix", "ports"),
    [
        ("0.0.0.0/0", ["*"]),
        ("1.2.3.4/0", ["*"]),
        ("0.0.0.0/1", ["*"]),
        ("10.0.0.0/8", []),
        ("AzureMonitor", []),
        (None, []),
    ],
)
def test_with_a_route_for_the_internet_the_virtual_network_holds_it(
    prefix: str | None, ports: list[str]
) -> None:
    """So AllowVnetInBound, a default rule, lets it in."""
    facts = network_facts([nic()], defaults(prefix))

    assert [port.ports for port in facts.open_ports] == ports
    assert facts.unknown == ()


def test_routes_that_were_not_read_are_unknown() -> None:
    facts = network_facts([nic()], defaults("0.0.0.0/0")._replace(routed={}))

    assert facts.open_ports == ()
    assert facts.unknown == ("route table Table was not read",)
    assert network_facts([nic(public=False)], defaults(None)._replace(routed={})).unknown == ()


def test_what_several_configurations_of_a_nic_share_is_linked_once() -> None:
    configurations = [
        {"properties": {"subnet": {"id": "/subnet"}, "privateIPAddress": address}}
        for address in ("10.0.0.4", "10.0.0.5")
    ]
    links = nic_links({"id": "/nic", "name": "nic", "properties": {"ipConfigurations": configurations}})

    assert links.subnet_ids == ("/subnet",)
    assert links.private_ips == ("10.0.0.4", "10.0.0.5")


def test_a_nic_that_was_not_read_is_something_to_do() -> None:
    azure: Any = None
    known = a.facts()
    assert known.machine is not None
    assert known.network is not None
    profile = a.terms().lockdown
    target = Isolate(azure).plan(a.vm_ref(), known, profile).summary.rpartition(" ")[2]
    network = "/".join(known.machine.nic_ids[0].split("/")[:5])
    wanted = f"{network}/providers/Microsoft.Network/networkSecurityGroups/{target}"
    done = Nic(id=known.machine.nic_ids[0], name="nic", nsg_id=wanted)
    facts = known.changed(
        network=known.network.changed(nics=(done,)),
        machine=known.machine.changed(nic_ids=(done.id, f"{done.id}-2")),
    )
    alone = facts.changed(machine=known.machine.changed(nic_ids=(done.id,)))

    assert Isolate(azure).plan(a.vm_ref(), alone, profile).nothing_to_do
    assert not Isolate(azure).plan(a.vm_ref(), facts, profile).nothing_to_do
