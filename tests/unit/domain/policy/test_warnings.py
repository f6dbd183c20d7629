"""What a valid policy is warned about: rules that are too easy to match, and rules that never do."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.domain.policy.cel.conditions import Condition, activation
from workers.domain.policy.reading.file import load_policy, policy_warnings

APP = 'caller.app_id == "7d5b"'
TAG = 'vm.tags["env"] == "dev"'


def warned(*rules: tuple[str, str]) -> list[str]:
    """The warnings about rules, each given as its verdict and its condition."""
    text = "oncall: {usergroup: S0ONCALL1}\nrules:\n" + "".join(
        f"  - name: rule {n}\n    verdict: {verdict}\n    when: >-\n      {when}\n"
        for n, (verdict, when) in enumerate(rules, 1)
    )
    return [str(finding) for finding in policy_warnings(load_policy(text), text)]


@pytest.mark.parametrize(
    ("when", "by"),
    [
        (TAG, "vm.tags"),
        (f'({TAG}) && caller.kind == "user"', "vm.tags"),
        ('"a@b.c" in owner.emails', "owner.emails"),
        ("now.getHours() < 6", "now"),
        (f"{TAG} && now.getHours() < 6", "now, vm.tags"),
        (f"{APP} || {TAG}", "vm.tags"),
        ("caller.email in owner.emails", "owner.emails"),
        ('caller.email == vm.tags["owner"]', "vm.tags"),
        (f"({APP} || ({TAG}))", "vm.tags"),
        ('vm . tags["caller.app_id"] == "x"', "vm.tags"),
    ],
)
def test_a_rule_that_passes_by_what_the_caller_can_set(when: str, by: str) -> None:
    (said,) = warned(("pass", when))
    assert f"rules[0].when: lets a start pass by {by} alone, which its caller can set or choose." in said
    assert warned(("ask", when)) == [], "asking is safe"


@pytest.mark.parametrize("when", ["true", 'caller.kind == "user"', f"true || {APP}"])
def test_a_rule_that_lets_everybody_pass(when: str) -> None:
    (said,) = warned(("pass", when))
    assert "lets everybody's start pass" in said


@pytest.mark.parametrize(
    ("when", "problem"),
    [
        (
            TAG,
            "contains a VM by vm.tags alone: whoever can change the VM, or start it, can have it contained",
        ),
        ("true", "contains every VM that is started"),
        ('caller.kind == "user"', "contains every VM that is started"),
    ],
)
def test_a_rule_that_contains_too_easily(when: str, problem: str) -> None:
    (said,) = warned(("contain", when))
    assert problem in said
    assert "on_silence: contain" in said
    assert warned(("contain", f"{when} && {APP}")) == []


@pytest.mark.parametrize(
    "when",
    [
        APP,
        f"{TAG} && {APP}",
        f'{TAG} && vm.resource_group == "dev"',
        f'{APP} || vm.name == "a"',
        'vm.tags_before["env"] == "dev"',
        'caller.email == vm.tags_before["owner"]',
        'caller.email in owner.emails && vm.resource_group == "dev"',
        f'{TAG} && risk.level == "low"',
    ],
)
def test_a_rule_that_rests_on_something_else_too_is_fine(when: str) -> None:
    assert warned(("pass", when)) == []


@pytest.mark.parametrize(
    ("earlier", "later", "why"),
    [
        ("true", TAG, "always holds"),
        ("1 < 2", TAG, "always holds"),
        (TAG, TAG, "holds whenever this one does"),
        (TAG, '(vm.tags [ "env" ]=="dev")', "holds whenever this one does"),
        (TAG, f"{APP} && {TAG}", "holds whenever this one does"),
        (f"{APP} || {TAG}", TAG, "holds whenever this one does"),
        (f"{APP} || {TAG}", f"({TAG} && vm.classic) || {APP}", "holds whenever this one does"),
    ],
)
def test_a_rule_that_never_matches_after_an_earlier_one(earlier: str, later: str, why: str) -> None:
    (said,) = warned(("ask", earlier), ("ask", later))
    assert f"9:5: rules[1].when: never matches: the rule 'rule 1' before it {why}." in said


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (TAG, APP),
        (f"{APP} && {TAG}", TAG),
        (TAG, f"{APP} || {TAG}"),
        ('vm.tags["env"] == "d ev"', TAG),
        (f"{APP} ? {TAG} : true", TAG),
        ("false", "vm.classic"),
    ],
)
def test_a_rule_that_may_match_after_an_earlier_one(earlier: str, later: str) -> None:
    assert warned(("ask", earlier), ("ask", later)) == []


def test_an_asking_rule_may_match_where_a_missing_fact_makes_a_passing_one_doubtful() -> None:
    risky = 'risk.level == "high"'
    assert warned(("ask", risky), ("pass", APP), ("ask", APP)) == []
    assert len(warned(("ask", risky), ("pass", APP), ("pass", APP))) == 1
    assert len(warned(("ask", "vm.classic"), ("pass", APP), ("ask", APP))) == 1
    assert warned(("pass", risky), ("contain", APP), ("ask", APP)) == []


ATOMS = {"vm.classic": (True, False), "caller.mfa": (True, False), "vm.name": ("a", "b")}
EXPRESSIONS = st.recursive(
    st.sampled_from(["vm.classic", "caller.mfa", 'vm.name == "a"', "true", "false"]),
    lambda inner: st.one_of(
        st.builds("{} && {}".format, inner, inner),
        st.builds("{} || {}".format, inner, inner),
        st.builds("({})".format, inner),
        st.builds("!({})".format, inner),
        st.builds("({}) ? ({}) : ({})".format, inner, inner, inner),
    ),
    max_leaves=6,
)


@given(EXPRESSIONS, EXPRESSIONS)
def test_a_rule_that_is_said_never_to_match_never_does(earlier: str, later: str) -> None:
    if not any("never matches" in said for said in warned(("ask", earlier), ("ask", later))):
        return
    for known in product(*ATOMS.values()):
        values = activation(dict(zip(ATOMS, known, strict=True)))
        assert Condition(earlier).holds(values) or not Condition(later).holds(values)
