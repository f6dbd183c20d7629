"""What leads to a NIC beside its own public address: seen, or said to be unknown; never taken for nothing."""

from typing import Any

import pytest

from workers.arm.read.networking.balancers import balancer, balancer_id
from workers.arm.read.networking.network_facts import Neighbours, PublicIp, Subnet, network_facts, nic_links
from workers.arm.read.networking.nsg import Guard
from workers.domain.starts.facts import NetworkFacts
from workers.domain.starts.reach.exposure import through
from workers.domain.starts.vm import Front, OpenPort, Pool

LB = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/loadBalancers/web-lb"
POOL, NAT, FRONT = (
    f"{LB}/backendAddressPools/p",
    f"{LB}/inboundNatRules/ssh",
    f"{LB}/frontendIPConfigurations/f",
)
GATEWAY = LB.replace("loadBalancers/web-lb", "applicationGateways/web-gw")
ADDRESS = "203.0.113.50"


def nic(**links: list[str]) -> Any:
    """A NIC with a private address only, and what it refers to."""
    refers = {key: [{"id": one} for one in ids] for key, ids in links.items()}
    return nic_links(
        {
            "id": "/nic",
            "name": "nic",
            "properties": {
                "ipConfigurations": [
                    {
                        "properties": {
                            "subnet": {"id": "/subnet"},
                            "privateIPAddress": "10.0.0.4",
                            **refers,
                        }
                    }
                ]
            },
        }
    )


def pooled() -> Any:
    return nic(loadBalancerBackendAddressPools=[POOL.upper()])


def nated() -> Any:
    return nic(loadBalancerInboundNatRules=[NAT])


def lb(
    *rules: dict[str, Any], nats: tuple[dict[str, Any], ...] = (), sku: str | None = "Standard", **front: Any
) -> dict[str, Any]:
    return {
        "id": LB,
        "name": "web-lb",
        **({"sku": {"name": sku}} if sku else {}),
        "properties": {
            "frontendIPConfigurations": [
                {"id": FRONT, "name": "f", "properties": front or {"publicIPAddress": {"id": "/ip"}}}
            ],
            "loadBalancingRules": [
                {"id": f"{LB}/loadBalancingRules/r", "name": "r", "properties": r} for r in rules
            ],
            "inboundNatRules": [{"id": NAT, "name": "ssh", "properties": n} for n in nats],
        },
    }


def rule(front: int, back: int, protocol: str = "Tcp", **more: Any) -> dict[str, Any]:
    return {
        "frontendIPConfiguration": {"id": FRONT},
        "backendAddressPool": {"id": POOL},
        "frontendPort": front,
        "backendPort": back,
        "protocol": protocol,
        **more,
    }


def guard(ports: str = "*", source: str = "*") -> Guard:
    given = {
        "priority": 100,
        "direction": "Inbound",
        "access": "Allow",
        "sourceAddressPrefix": source,
        "destinationAddressPrefix": "*",
        "destinationPortRange": ports,
    }
    return Guard(
        {"id": "/nsg", "name": "nsg", "properties": {"securityRules": [{"name": "in", "properties": given}]}}
    )


def facts(links: Any, found: dict[str, Any] | None, nsg: Guard | None = None) -> NetworkFacts:
    return network_facts(
        [links],
        Neighbours(
            guards={"/nsg": nsg} if nsg else {},
            subnets={"/subnet": Subnet(nsg_id="/nsg" if nsg else None)},
            public_ips={"/ip": PublicIp(address=ADDRESS, standard=True)},
            balancers={LB.lower(): balancer(found)} if found else {},
            routed={},
        ),
    )


def seen(shown: NetworkFacts) -> list[tuple[str, str, str, str]]:
    return [
        (port.ports, port.protocol, port.front.address, port.front.ports)
        for port in shown.open_ports
        if port.front
    ]


def test_a_vm_in_the_pool_of_a_public_load_balancer_is_open_by_its_rules() -> None:
    shown = facts(pooled(), lb(rule(443, 8443), rule(53, 53, "Udp")), guard())

    assert seen(shown) == [("8443", "Tcp", ADDRESS, "443"), ("53", "Udp", ADDRESS, "53")]
    assert shown.public_ips == (ADDRESS,)
    assert shown.unknown == ()


def test_a_nat_rule_leads_to_the_vm() -> None:
    shown = facts(nated(), lb(nats=(rule(50022, 22, backendAddressPool=None),)), guard("22"))

    assert seen(shown) == [("22", "Tcp", ADDRESS, "50022")]


def test_a_nat_rule_for_a_pool_leads_to_each_of_its_vms() -> None:
    many = rule(0, 22, frontendPortRangeStart=500, frontendPortRangeEnd=599)

    assert seen(facts(pooled(), lb(nats=(many,)), guard())) == [("22", "Tcp", ADDRESS, "500-599")]


def test_what_the_security_groups_close_is_not_open_through_it_either() -> None:
    found = lb(rule(443, 8443), rule(80, 8080))

    assert seen(facts(pooled(), found, guard("8080"))) == [("8080", "Tcp", ADDRESS, "80")]
    assert seen(facts(pooled(), found, guard("*", "203.0.113.0/24"))) == []


def test_with_a_floating_ip_the_vm_is_reached_at_the_ports_in_front() -> None:
    found = lb(rule(1433, 9999, enableFloatingIP=True))

    assert seen(facts(pooled(), found, guard("1433"))) == [("1433", "Tcp", ADDRESS, "1433")]


def test_every_port_at_once_is_written_as_a_star() -> None:
    assert seen(facts(pooled(), lb(rule(0, 0, "All")), guard("22"))) == [("22", "*", ADDRESS, "*")]


@pytest.mark.parametrize(
    ("sku", "ports"), [("Standard", []), ("Basic", ["22"]), (None, ["22"]), ("Gateway", ["22"])]
)
def test_without_a_security_group_only_the_standard_sku_is_closed(sku: str | None, ports: list[str]) -> None:
    shown = facts(pooled(), lb(rule(22, 22), sku=sku))

    assert [port.ports for port in shown.open_ports] == ports


def test_the_others_in_a_pool_are_counted_however_it_lists_them() -> None:
    configurations = ["/nic/ipConfigurations/a", "/NIC/ipConfigurations/b", "/other/ipConfigurations/a"]
    given = {
        "backendIPConfigurations": [{"id": one} for one in configurations],
        "loadBalancerBackendAddresses": [
            {"name": "by-nic", "properties": {"networkInterfaceIPConfiguration": {"id": configurations[2]}}},
            {"name": "by-ip", "properties": {"ipAddress": "10.0.0.9"}},
        ],
    }
    found = lb(rule(443, 443))
    found["properties"]["backendAddressPools"] = [{"id": POOL, "name": "p", "properties": given}]
    mine = nic(loadBalancerBackendAddressPools=[POOL])
    assert facts(mine, found).nics[0].pools == (Pool(balancer="web-lb", name="p", others=2),)


def test_a_pool_of_an_application_gateway_says_that_its_others_are_not_known() -> None:
    gateway = nic(applicationGatewayBackendAddressPools=[f"{GATEWAY}/backendAddressPools/p"])
    assert facts(gateway, None).nics[0].pools == (Pool(balancer="web-gw", name="p", gateway=True),)


def test_an_internal_load_balancer_opens_nothing() -> None:
    inner = lb(rule(443, 443), privateIPAddress="10.0.0.9", subnet={"id": "/subnet"})

    found = facts(pooled(), inner, guard())
    assert (found.open_ports, found.unknown, found.nics[0].fronts) == ((), (), ())
    assert [(pool.name, pool.others) for pool in found.nics[0].pools] != []


def test_a_prefix_of_public_addresses_is_a_front_without_a_known_address() -> None:
    shown = facts(pooled(), lb(rule(443, 443), publicIPPrefix={"id": "/prefix"}), guard())

    assert seen(shown) == [("443", "Tcp", "", "443")]


def test_a_load_balancer_that_was_not_read_is_unknown_and_not_none() -> None:
    both = nic(loadBalancerBackendAddressPools=[POOL.swapcase()], loadBalancerInboundNatRules=[NAT])

    shown = facts(both, None, guard())

    assert shown.open_ports == ()
    assert shown.unknown == ("load balancer web-lb was not read",)


def test_a_nat_rule_that_is_not_found_is_unknown() -> None:
    assert facts(nated(), lb(), guard()).unknown == ("NAT rule ssh of load balancer web-lb was not found",)


def test_an_application_gateway_in_front_is_unknown() -> None:
    behind = nic(applicationGatewayBackendAddressPools=[f"{GATEWAY}/backendAddressPools/p"])

    assert facts(behind, None, guard()).unknown == ("application gateway web-gw leads to it",)


def test_security_groups_that_were_not_read_are_unknown_behind_a_load_balancer() -> None:
    read = Neighbours(
        guards={},
        subnets={"/subnet": Subnet(nsg_id="/x/nsg-1")},
        public_ips={"/ip": PublicIp(address=ADDRESS, standard=True)},
        balancers={LB.lower(): balancer(lb(rule(443, 443)))},
        routed={},
    )

    assert network_facts([pooled()], read).unknown == ("NSG nsg-1 was not read",)
    assert network_facts([pooled()], read._replace(subnets={})).unknown == ("subnet subnet was not read",)
    assert network_facts([nic()], read._replace(subnets={})).unknown == (), "nothing leads there"


@pytest.mark.parametrize("part", ["", "/x", LB, POOL.replace("loadBalancers", "virtualNetworks")])
def test_what_is_in_no_load_balancer_is_refused(part: str) -> None:
    with pytest.raises(ValueError, match="not in a load balancer"):
        balancer_id(part)


@pytest.mark.parametrize(
    ("opening", "front", "found"),
    [
        (("*", "*"), ("22", "Tcp"), [("22", "Tcp")]),
        (("20-30", "Tcp"), ("22", "*"), [("22", "Tcp")]),
        (("20-30", "Tcp"), ("25-99", "Tcp"), [("25-30", "Tcp")]),
        (("22", "Tcp"), ("22", "Udp"), []),
        (("22", "Tcp"), ("23", "Tcp"), []),
    ],
)
def test_an_opening_and_a_front_meet_in_ports_and_protocol(
    opening: tuple[str, str], front: tuple[str, str], found: list[tuple[str, str]]
) -> None:
    port = OpenPort(nic="nic", ports=opening[0], protocol=opening[1])
    leads = Front(balancer="lb", to=front[0], protocol=front[1])

    assert [(one.ports, one.protocol) for one in through(leads, [port])] == found
