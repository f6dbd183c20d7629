"""However the Internet is written as the source of a rule, it is taken for the Internet."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.domain.starts.reach.exposure import InboundRule, SecurityGroup, open_ports
from workers.domain.starts.reach.sources import kept_out, let_in

BOTH = {4, 6}


@pytest.mark.parametrize(
    ("sources", "families"),
    [
        (("*",), BOTH),
        (("Internet",), BOTH),
        (("any",), BOTH),
        (("0.0.0.0/0",), {4}),
        (("1.2.3.4/0",), {4}),
        (("1.2.3.4/0.0.0.0",), {4}),
        (("0.0.0.0/1", "128.0.0.0/1"), {4}),
        (("0.0.0.0/1",), {4}),
        (("13.0.0.0/8",), {4}),
        (("8.0.0.0/6",), {4}),
        (("::/0",), {6}),
        (("2001::/16",), {6}),
        (("::/0", "0.0.0.0/0"), BOTH),
        (("AzureCloud",), BOTH),
        (("azurecloud.westeurope",), BOTH),
        (("300.1.1.1/24",), BOTH),
        (("2001:zz::/16",), BOTH),
        (("203.0.113.7", "*"), BOTH),
        (tuple(f"20.{number}.0.0/16" for number in range(256)), {4}),
    ],
)
def test_an_allow_from_the_internet_is_seen_however_it_is_written(
    sources: tuple[str, ...], families: set[int]
) -> None:
    assert let_in(sources) == families


@pytest.mark.parametrize(
    "sources",
    [
        ("203.0.113.0/24",),
        ("203.0.113.7",),
        ("20.50.0.0/16",),
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"),
        ("fd00::/8", "fe80::/10"),
        ("2001:db8::/32",),
        ("VirtualNetwork", "AzureLoadBalancer", "ApplicationSecurityGroup", "GatewayManager"),
        tuple(f"20.50.{number}.0/24" for number in range(256)),
        (),
    ],
)
def test_some_addresses_are_not_the_internet(sources: tuple[str, ...]) -> None:
    assert let_in(sources) == frozenset()


@pytest.mark.parametrize(
    ("sources", "families"),
    [
        (("*",), BOTH),
        (("Internet",), BOTH),
        (("9.9.9.9/0",), {4}),
        (("0.0.0.0/1", "128.0.0.0/1"), {4}),
        (("::/1", "8000::/1"), {6}),
        (("0.0.0.0/1",), set()),
        (("0.0.0.0/1", "128.0.0.0/2"), set()),
        (("AzureCloud",), set()),
        (("300.1.1.1/0",), set()),
        (("10.0.0.0/8",), set()),
    ],
)
def test_a_deny_counts_only_where_it_keeps_everybody_out(
    sources: tuple[str, ...], families: set[int]
) -> None:
    assert kept_out(sources) == families


def opened(*rules: tuple[bool, tuple[str, ...]]) -> bool:
    made = tuple(
        InboundRule(name=f"r{number}", priority=100 + number, allow=allow, sources=sources)
        for number, (allow, sources) in enumerate(rules)
    )
    deny_all = InboundRule(name="DenyAllInBound", priority=65500, allow=False)
    return bool(open_ports("nic", None, SecurityGroup(id="/n", name="n", rules=(*made, deny_all))))


def test_a_deny_for_one_family_guards_nothing_of_the_other() -> None:
    assert opened((False, ("::/0",)), (True, ("*",)))
    assert opened((False, ("0.0.0.0/0",)), (True, ("*",)))
    assert not opened((False, ("0.0.0.0/0", "::/0")), (True, ("*",)))


def test_a_deny_of_half_of_the_internet_guards_nothing() -> None:
    assert opened((False, ("0.0.0.0/1",)), (True, ("0.0.0.0/0",)))


_prefixes = st.builds(
    lambda address, length: f"{ipaddress.IPv4Address(address)}/{length}",
    st.integers(0, 2**32 - 1),
    st.integers(0, 32),
)


@given(st.lists(_prefixes, max_size=6), st.lists(_prefixes, max_size=6))
def test_more_sources_never_let_less_in_nor_keep_less_out(some: list[str], more: list[str]) -> None:
    assert let_in(some) <= let_in([*some, *more])
    assert kept_out(some) <= kept_out([*some, *more])


@given(st.lists(st.text(max_size=20), max_size=4))
def test_any_text_is_a_source(sources: list[str]) -> None:
    assert let_in(sources) <= BOTH
    assert kept_out(sources) <= BOTH
