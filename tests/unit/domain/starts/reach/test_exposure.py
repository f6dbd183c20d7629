"""Which ports the Internet reaches, against an oracle that asks port by port."""

from hypothesis import given
from hypothesis import strategies as st

from workers.arm.read.networking.nsg import Guard
from workers.domain.starts.reach.exposure import InboundRule, SecurityGroup, open_ports
from workers.domain.starts.reach.sources import FAMILIES, Family

MOST = 24
DENY_ALL = InboundRule(name="DenyAllInBound", priority=65500, allow=False)


def group(*rules: InboundRule, name: str = "nsg") -> SecurityGroup:
    return SecurityGroup(id=f"/{name}", name=name, rules=(*rules, DENY_ALL))


def allow(ports: str, priority: int = 200, **changes: object) -> InboundRule:
    return InboundRule.model_validate(
        {"name": f"allow-{priority}", "priority": priority, "allow": True, "ports": (ports,), **changes}
    )


def shown(*groups: SecurityGroup | None) -> list[tuple[str, str, str]]:
    subnet, nic = groups
    return [(port.ports, port.protocol, port.rule) for port in open_ports("nic", subnet, nic)]


def test_a_port_opened_to_the_internet_is_open() -> None:
    assert shown(None, group(allow("22", protocol="Tcp"))) == [("22", "Tcp", "allow-200")]


def test_an_earlier_deny_wins() -> None:
    deny = InboundRule(name="deny", priority=100, allow=False, ports=("22",))

    assert shown(None, group(deny, allow("22-23"))) == [("23", "*", "allow-200")]


def test_both_groups_must_allow() -> None:
    assert shown(group(allow("20-30")), group(allow("22"), allow("443", 210))) == [("22", "*", "allow-200")]


def test_a_rule_for_some_addresses_opens_nothing_to_the_internet() -> None:
    assert shown(None, group(allow("22", sources=("203.0.113.0/24",)))) == []


def test_every_port_is_written_as_a_star() -> None:
    assert shown(None, group(allow("*", sources=("Internet",)))) == [("*", "*", "allow-200")]


def test_without_any_group_nothing_is_reported() -> None:
    assert shown(None, None) == []


_spans = st.tuples(st.integers(0, MOST), st.integers(0, MOST)).map(lambda pair: f"{min(pair)}-{max(pair)}")
_ports = st.one_of(st.integers(0, MOST).map(str), _spans, st.just("*"))
_rules = st.lists(
    st.builds(
        lambda allow, protocol, source, ports: {
            "allow": allow,
            "protocol": protocol,
            "sources": (source,),
            "ports": tuple(ports),
        },
        st.booleans(),
        st.sampled_from(["*", "Tcp", "UDP", "Icmp"]),
        st.sampled_from(["*", "Internet", "0.0.0.0/0", "::/0", "10.0.0.0/8", "VirtualNetwork"]),
        st.lists(_ports, min_size=1, max_size=3),
    ),
    max_size=6,
)


@st.composite
def _groups(draw: st.DrawFn) -> SecurityGroup | None:
    if draw(st.booleans()) and draw(st.booleans()):
        return None
    rules = draw(_rules)
    priorities = draw(st.permutations(range(100, 100 + len(rules))))
    return group(
        *(
            InboundRule.model_validate({"name": f"r{priority}", "priority": priority, **rule})
            for rule, priority in zip(rules, priorities, strict=True)
        )
    )


def _in_span(port: int, ports: str) -> bool:
    if ports == "*":
        return True
    low, _, high = ports.partition("-")
    return int(low) <= port <= int(high or low)


def _deciding(one: SecurityGroup, port: int, protocol: str, family: Family) -> InboundRule:
    """Azure's way, the slow way: the first rule by priority that matches this one packet."""
    return next(
        rule
        for rule in sorted(one.rules, key=lambda r: r.priority)
        if rule.protocol.lower() in ("*", protocol)
        and family in rule.families
        and any(_in_span(port, ports) for ports in rule.ports)
    )


@given(_groups(), _groups())
def test_ranges_say_the_same_as_asking_port_by_port(
    subnet: SecurityGroup | None, nic: SecurityGroup | None
) -> None:
    present = [one for one in (subnet, nic) if one is not None]
    expected: set[tuple[int, str, str]] = set()
    for port in [*range(MOST + 2), 65535]:
        for protocol in ("tcp", "udp"):
            for family in FAMILIES:
                deciding = [_deciding(one, port, protocol, family) for one in present]
                if deciding and all(rule.allow for rule in deciding):
                    expected.add((port, protocol, deciding[-1].name))

    found = {
        (port, protocol, opened.rule)
        for opened in open_ports("nic", subnet, nic)
        for protocol in (("tcp", "udp") if opened.protocol == "*" else (opened.protocol.lower(),))
        for port in [*range(MOST + 2), 65535]
        if _in_span(port, opened.ports)
    }

    assert found == expected


# From ARM's JSON


def arm_rule(access: str, priority: int, **changes: object) -> dict[str, object]:
    return {
        "name": f"{access.lower()}-{priority}",
        "properties": {
            "direction": "Inbound",
            "access": access,
            "priority": priority,
            "protocol": "*",
            "sourceAddressPrefix": "*",
            "sourcePortRange": "*",
            "destinationAddressPrefix": "*",
            "destinationPortRange": "*",
            **changes,
        },
    }


def from_arm(*rules: dict[str, object], addresses: tuple[str, ...] = ("10.0.0.4",)) -> list[tuple[str, str]]:
    nsg = {
        "id": "/nsg",
        "name": "nsg",
        "properties": {"securityRules": list(rules), "defaultSecurityRules": [arm_rule("Deny", 65500)]},
    }
    return [(port.ports, port.rule) for port in open_ports("nic", None, Guard(nsg).towards(addresses))]


def test_lists_of_ports_and_sources_are_read() -> None:
    rule = arm_rule(
        "Allow",
        100,
        destinationPortRange=None,
        destinationPortRanges=["22", "80-81"],
        sourceAddressPrefix="",
        sourceAddressPrefixes=["10.0.0.0/8", "Internet"],
    )

    assert from_arm(rule) == [("22", "allow-100"), ("80-81", "allow-100")]


def test_a_deny_for_another_machine_guards_nothing() -> None:
    rules = (
        arm_rule("Deny", 100, destinationAddressPrefix="10.0.0.9"),
        arm_rule("Allow", 200, destinationPortRange="22"),
    )

    assert from_arm(*rules) == [("22", "allow-200")]


def test_one_nsg_guards_each_nic_by_its_own_addresses() -> None:
    guard = Guard(
        {
            "id": "/nsg",
            "name": "nsg",
            "properties": {
                "securityRules": [arm_rule("Allow", 100, destinationAddressPrefix="10.0.0.4")],
                "defaultSecurityRules": [arm_rule("Deny", 65500)],
            },
        }
    )

    for address, ports in (("10.0.0.4", ["*"]), ("10.0.0.5", []), ("10.0.0.4", ["*"])):
        assert [port.ports for port in open_ports("nic", None, guard.towards([address]))] == ports


def test_an_nsg_that_asks_for_no_address_is_worked_out_once() -> None:
    guard = Guard({"id": "/nsg", "name": "nsg", "properties": {"securityRules": [arm_rule("Allow", 100)]}})

    assert guard.towards(["10.0.0.4"]) is guard.towards(["10.0.0.5"])


def test_a_deny_for_this_machine_guards_it() -> None:
    rules = (
        arm_rule("Deny", 100, destinationAddressPrefix="10.0.0.0/24"),
        arm_rule("Allow", 200, destinationPortRange="22"),
    )

    assert from_arm(*rules) == []


def test_an_allow_for_another_machine_opens_nothing_here() -> None:
    assert from_arm(arm_rule("Allow", 100, destinationAddressPrefix="10.0.0.9")) == []


def test_a_deny_that_covers_only_one_of_our_addresses_guards_nothing() -> None:
    rules = (
        arm_rule("Deny", 100, destinationAddressPrefix="10.0.0.4"),
        arm_rule("Allow", 200, destinationPortRange="22"),
    )

    assert from_arm(*rules, addresses=("10.0.0.4", "10.0.0.5")) == [("22", "allow-200")]


def test_outbound_rules_and_application_groups_as_sources_open_nothing() -> None:
    rules = (
        arm_rule("Allow", 100, direction="Outbound"),
        arm_rule("Allow", 110, sourceAddressPrefix=None, sourceApplicationSecurityGroups=[{"id": "/asg"}]),
    )

    assert from_arm(*rules) == []
