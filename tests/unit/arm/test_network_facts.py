"""What a card shows of NICs, from what was read about them: nothing is open by what is not known."""

from typing import Any

import pytest

from tests import builders as a
from workers.arm.read.network_facts import Neighbours, NicLinks, PublicIp, Subnet, network_facts, nic_links
from workers.arm.read.nsg import Guard
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
    ("links", "read"),
    [
        (nic(public=False), neighbours()),
        (nic(), neighbours(subnet=False)),
        (nic(), neighbours(guard=False)),
        (nic(), GUARDED_SUBNET),
    ],
)
def test_without_a_public_address_or_all_rules_nothing_is_said_to_be_open(
    links: NicLinks, read: Neighbours
) -> None:
    assert network_facts([links], read).open_ports == ()


@pytest.mark.parametrize(("address", "ports"), [("10.0.0.4", ["22"]), ("10.0.0.5", [])])
def test_a_rule_for_an_address_opens_the_nic_that_has_it(address: str, ports: list[str]) -> None:
    (rule,) = NSG["properties"]["securityRules"]
    only = {**rule, "properties": {**rule["properties"], "destinationAddressPrefix": address}}
    guard = Guard({**NSG, "properties": {"securityRules": [only]}})

    facts = network_facts([nic()], neighbours()._replace(guards={"/nsg": guard}))

    assert [port.ports for port in facts.open_ports] == ports


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
