"""Exceptions of the isolation: what Azure would refuse is refused in the policy file, with a remedy."""

from typing import Any

import pytest
from pydantic import ValidationError

from workers.domain.containment.options.allow_rules import (
    KNOWN_TAGS,
    AllowRule,
    Direction,
    address_or_tag,
    is_address,
    with_priorities,
)
from workers.domain.containment.profile import IsolateOptions
from workers.domain.errors import InvalidPolicy
from workers.domain.policy.reading.file import load_policy

GROUP = (
    "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg/providers/Microsoft.Network"
    "/applicationSecurityGroups/scanners"
)


def rule(**given: Any) -> AllowRule:
    return AllowRule.model_validate({"name": "a", "ports": ["22"], **given}, extra="forbid")


@pytest.mark.parametrize(
    ("given", "peers"),
    [
        ({"source": "10.0.9.1/26"}, ("10.0.9.0/26",)),
        ({"source": "AzureMonitor"}, ("AzureMonitor",)),
        ({"source": "Storage.WestEurope"}, ("Storage.WestEurope",)),
        ({"source": "2001:db8::/32"}, ("2001:db8::/32",)),
        ({"sources": ["10.0.0.0/24", "10.0.1.7"]}, ("10.0.0.0/24", "10.0.1.7/32")),
        ({"direction": "in", "source_group": GROUP}, ()),
        ({"direction": "out", "destination": "AzureMonitor"}, ("AzureMonitor",)),
        ({"direction": "out", "destinations": ["10.0.0.4", "10.0.0.5"]}, ("10.0.0.4/32", "10.0.0.5/32")),
        ({"direction": "out", "destination_group": GROUP}, ()),
        ({"source": "10.0.0.0/8", "protocol": "Icmp", "ports": []}, ("10.0.0.0/8",)),
        ({"source": "10.0.0.0/8", "priority": 4095}, ("10.0.0.0/8",)),
    ],
)
def test_what_azure_takes_is_taken(given: dict[str, Any], peers: tuple[str, ...]) -> None:
    made = rule(**given)
    assert made.peers == peers
    assert (made.peer_group == GROUP) is (not peers)
    assert AllowRule.model_validate_json(made.model_dump_json()) == made
    assert made.changed() == made


@pytest.mark.parametrize(
    ("given", "remedy"),
    [
        ({"source": "0.0.0.0/0"}, "the whole Internet is not an exception"),
        ({"source": "::/0"}, "the whole Internet is not an exception"),
        ({"source": "*"}, "the whole Internet is not an exception"),
        ({"source": "Internet"}, "the whole Internet is not an exception"),
        ({"direction": "out", "destination": "any"}, "the whole Internet is not an exception"),
        ({"source": "everywhere"}, "neither an address range, such as 10.0.9.0/26, nor a service tag"),
        ({"source": "10.0.9.0/33"}, "neither an address range"),
        ({"source": "Storge.WestEurope"}, "did you mean Storage.WestEurope?"),
        ({"source": "azuremonitor"}, "did you mean AzureMonitor?"),
        ({"source": "EventHubs"}, "did you mean EventHub?"),
        ({"sources": ["10.0.0.0/24", "AzureMonitor"]}, "give it a rule of its own"),
        ({"sources": ["10.0.0.0/24", "2001:db8::/32"]}, "make two of it"),
        ({"sources": ["10.0.0.0/24", "0.0.0.0/0"]}, "the whole Internet"),
        ({}, "exactly one of source, sources, source_group; none is given"),
        ({"source": ""}, "none is given"),
        ({"source": "10.0.0.0/24", "source_group": GROUP}, "source and source_group are given"),
        ({"destination": "10.0.0.0/24"}, "with direction: in, name the source and not the destination"),
        ({"direction": "out", "source": "10.0.0.0/24"}, "with direction: out, name the destination"),
        ({"direction": "sideways", "source": "10.0.0.0/24"}, "'in' or 'out'"),
        ({"source_group": "scanners"}, "write the whole resource id of an application security group"),
        ({"source": "10.0.0.0/24", "ports": []}, "at least one port"),
        ({"source": "10.0.0.0/24", "ports": ["70000"]}, "up to 65535"),
        ({"source": "10.0.0.0/24", "ports": ["90-80"]}, "not a port or a range"),
        ({"source": "10.0.0.0/24", "ports": ["ssh"]}, "write a port or a range"),
        ({"source": "10.0.0.0/24", "priority": 99}, "from 100 to 4095"),
        ({"source": "10.0.0.0/24", "priority": 4096}, "4096 is what denies everything else"),
        ({"source": "10.0.0.0/24", "protocol": "Gre"}, "'Tcp', 'Udp', 'Icmp', 'Esp', 'Ah' or '*'"),
        ({"source": "10.0.0.0/24", "sourcs": []}, "sourcs"),
    ],
)
def test_what_azure_would_refuse_is_refused_with_a_remedy(given: dict[str, Any], remedy: str) -> None:
    with pytest.raises(ValidationError) as refused:
        rule(**given)
    assert remedy in str(refused.value)
    assert refused.value.error_count() == 1


@pytest.mark.parametrize("tag", KNOWN_TAGS)
def test_every_known_tag_is_taken_but_that_of_everybody(tag: str) -> None:
    if tag == "Internet":
        with pytest.raises(ValueError, match="the whole Internet"):
            address_or_tag(tag)
        return
    assert address_or_tag(tag) == tag
    assert not is_address(tag)


def test_a_tag_that_azure_may_have_added_since_is_taken() -> None:
    assert address_or_tag("QuantumWorkspaces.WestEurope") == "QuantumWorkspaces.WestEurope"


class TestPriorities:
    def test_each_direction_counts_from_100_for_itself(self) -> None:
        rules = [
            rule(name="one", source="10.0.0.0/24"),
            rule(name="two", direction="out", destination="AzureMonitor"),
            rule(name="three", source="10.0.1.0/24"),
        ]
        assert [(at, one.name) for at, one in with_priorities(rules)] == [
            (100, "one"),
            (101, "three"),
            (100, "two"),
        ]

    def test_a_priority_that_is_given_is_kept_and_nobody_elses(self) -> None:
        rules = [
            rule(name="any", source="10.0.0.0/24"),
            rule(name="mine", source="10.0.1.0/24", priority=100),
            rule(name="other", source="10.0.2.0/24"),
        ]
        assert {one.name: at for at, one in with_priorities(rules)} == {"any": 101, "mine": 100, "other": 102}

    def test_two_of_one_direction_have_not_the_same(self) -> None:
        rules = (rule(source="10.0.0.0/24", priority=110), rule(source="10.0.1.0/24", priority=110))
        with pytest.raises(ValidationError, match=r"a and a both have priority 110 in the direction in"):
            IsolateOptions(allow=rules)

    def test_two_of_different_directions_may(self) -> None:
        out = rule(direction="out", destination="10.0.0.0/24", priority=110)
        options = IsolateOptions(allow=(rule(source="10.0.0.0/24", priority=110), out))
        assert [one.direction for one in options.allow] == [Direction.IN, Direction.OUT]


def test_each_bad_line_of_a_policy_file_is_named_where_it_stands() -> None:
    text = """oncall: {usergroup: S0ONCALL1}
lockdowns:
  standard:
    isolate:
      allow:
        - {name: bastion, source: 10.0.9.0/26, ports: ["22"]}
        - {name: all, source: "*", ports: ["22"]}
        - name: tags
          sources: [AzureMonitor, 10.0.0.0/8]
          ports: ["443"]
        - {name: slip, direction: out, destination: AzurMonitor, ports: ["443"]}
        - {name: both, source: 10.0.0.1, destination: 10.0.0.2, ports: ["443"]}
        - {name: last, source: 10.0.0.1, ports: ["443"], priority: 4096}
"""
    with pytest.raises(InvalidPolicy) as raised:
        load_policy(text)
    found = [
        (one.line, one.where.removeprefix("lockdowns.standard.isolate.")) for one in raised.value.findings
    ]
    assert found == [
        (7, "allow[1].source"),
        (9, "allow[2].sources"),
        (11, "allow[3].destination"),
        (12, "allow[4]"),
        (13, "allow[5].priority"),
    ]
    assert all(one.problem[-1] not in ".!" for one in raised.value.findings)
