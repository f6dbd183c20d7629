"""Which answers are alike, and which rule is drafted from them."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import builders as a
from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.asking.notices.drafts import as_yaml, drafted, habits, with_draft
from workers.domain.policy.insight import look_into
from workers.domain.policy.model import Rule, Verdict
from workers.domain.policy.reading.file import load_policy, policy_warnings
from workers.domain.policy.rules import Rules, Undecided
from workers.domain.starts.events import StartEvent
from workers.domain.starts.past.entries import Past
from workers.domain.starts.risk import Level
from workers.domain.starts.vm import VmRef

MIDNIGHT = a.NOW.replace(hour=0, minute=0)
HEAD = "oncall: {usergroup: S0ONCALL1}\nrules:\n"


def start(day: int, hour: int, *, name: str = "vm-web-01", who: str = "o-1", **caller: object) -> StartEvent:
    return a.start_event(
        vm=a.vm_ref(name=name),
        at=MIDNIGHT + timedelta(days=day, hours=hour, minutes=20),
        caller=a.caller(object_id=who, **caller),
        correlation_id=f"{day}-{hour}-{name}",
    )


def confirmed(event: StartEvent, **changes: object) -> Approval:
    return a.approval(state=ApprovalState.CONFIRMED, event=event, **changes)


def at(*hours: int, **of: str) -> list[Approval]:
    return [confirmed(start(day, hour, **of)) for day, hour in enumerate(hours)]


def passes(rule: Rule, event: StartEvent) -> bool:
    rules, policy = Rules([rule]), a.policy(rules=(rule,))
    ruling = rules.early(event, event.at)
    if isinstance(ruling, Undecided):
        ruling = ruling.decide(a.facts(), look_into(policy, event, a.facts(), past=Past()))
    return ruling.verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("hours", "window"),
    [((2, 3, 2), (2, 3)), ((23, 0, 22), (22, 0)), ((5, 5, 5), (5, 5)), ((0, 3, 1), (0, 3))],
)
def test_three_confirmations_at_like_hours_are_a_habit(hours: Sequence[int], window: tuple[int, int]) -> None:
    (habit,) = habits(at(*hours))
    assert (habit.hours, habit.one_vm, len(habit.confirmed)) == (window, True, 3)


@pytest.mark.parametrize(
    "approvals",
    [
        at(2, 3),
        at(2, 9, 2),
        at(0, 4, 2),
        [confirmed(start(0, hour)) for hour in (2, 3, 4)],
        [*at(2, 2), a.approval(state=ApprovalState.REJECTED, event=start(5, 2))],
        [*at(2, 2), a.approval(state=ApprovalState.EXPIRED, event=start(5, 2))],
        [*at(2, 2), confirmed(start(5, 2), level=Level.HIGH)],
        [*at(2, 2), confirmed(start(5, 2), joined_count=1)],
        [*at(2, 2), confirmed(start(5, 2, who="o-2"))],
        at(2, 2, 2, who=""),
    ],
    ids=[
        *("two", "unlike hours", "four hours apart", "one day", "a rejection", "silence", "high risk"),
        *("somebody else joined", "another caller", "nobody whom Azure names"),
    ],
)
def test_anything_else_is_none(approvals: list[Approval]) -> None:
    assert habits(approvals) == []


def test_several_vms_of_a_group_are_a_habit_of_the_group() -> None:
    (habit,) = habits([confirmed(start(day, 2, name=f"vm-{day}")) for day in range(3)])
    assert not habit.one_vm
    rule = drafted(habit)
    assert rule is not None
    assert passes(rule, start(9, 2, name="vm-new"))
    other = VmRef.parse(a.vm_ref(name="vm-0").resource_id.replace("/rg-web/", "/rg-other/"))
    assert other.resource_group == "rg-other"
    assert not passes(rule, start(9, 2).changed(vm=other))


def test_the_rule_passes_that_caller_that_vm_and_those_hours_only() -> None:
    (habit,) = habits(at(2, 3, 2))
    rule = drafted(habit)
    assert rule is not None
    assert passes(rule, start(9, 3))
    assert not passes(rule, start(9, 4))
    assert not passes(rule, start(9, 3, who="o-2"))
    assert not passes(rule, start(9, 3, name="vm-web-02"))


def test_a_start_of_high_risk_is_asked_about_all_the_same() -> None:
    (habit,) = habits(at(2, 3, 2))
    rule = drafted(habit)
    assert rule is not None
    caller = a.caller(object_id="o-1", mfa=False, ip="192.0.2.66", email="x@evil.example")
    event = start(9, 3).changed(caller=caller)
    seen = look_into(a.policy(rules=(rule,)), event, a.facts(), past=Past())
    assert seen.risk.level is Level.HIGH
    assert not passes(rule, event)


HOSTILE = st.text(max_size=60)


@settings(deadline=None, max_examples=50)
@given(who=HOSTILE, name=HOSTILE)
def test_what_is_offered_is_valid_and_never_rests_on_what_the_caller_can_set(who: str, name: str) -> None:
    caller = a.caller(object_id=who or "o", name=name, email="")
    approvals = [confirmed(start(day, 2).changed(caller=caller)) for day in range(3)]
    for habit in habits(approvals):
        rule = drafted(habit)
        if rule is None:  # it can't be written in the language of conditions
            continue
        text = HEAD + as_yaml(rule)
        policy = load_policy(text)
        assert policy_warnings(policy, text) == []
        (read,) = policy.rules
        assert (read.name, read.verdict) == (rule.name, Verdict.PASS)
        assert " ".join(read.when.split()) == " ".join(rule.when.split())
        assert "tags" not in read.when.replace(who.lower(), "")


def test_it_goes_before_the_rule_that_asked() -> None:
    asks = Rule(name="production", when="true")
    policy = a.policy(rules=(Rule(name="first", when="vm.classic"), asks))
    by_rule = [one.changed(terms=a.terms(rule="production")) for one in at(2, 2, 2)]
    (habit,) = habits(by_rule)
    rule = drafted(habit)
    assert rule is not None
    changed, before = with_draft(policy, habit, rule)
    assert ([one.name for one in changed.rules], before) == (["first", rule.name, "production"], "production")
    (by_defaults,) = habits(at(2, 2, 2))
    changed, before = with_draft(policy, by_defaults, rule)
    assert (changed.rules[-1], before) == (rule, "")
