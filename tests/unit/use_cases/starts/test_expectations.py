"""Starts that somebody expects: they pass, on record with who expected them; at high risk they are asked."""

import asyncio
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.cards.blocks.card import approval_card
from tests import builders as a
from tests.rig import Rig
from workers.domain.asking.cards import CopyKind
from workers.domain.ids import EXPECTATIONS, partition_of_id
from workers.domain.policy.ahead.settings import AtHighRisk, ExpectPolicy
from workers.domain.policy.model import Rule, Verdict
from workers.domain.ports.store import Commit
from workers.domain.starts.ahead.expectations import Expectation, Expectations, expectation
from workers.domain.starts.ahead.windows import Window
from workers.domain.starts.events import StartEvent
from workers.domain.starts.facts import Facts, MissingFact
from workers.domain.starts.risk_settings import RiskSettings
from workers.domain.starts.vm import VmRef
from workers.use_cases.starts.outcome import Outcome

HOUR = timedelta(hours=1)
HIGH = RiskSettings(medium=1, high=1)
"""Everything that is found is of high risk."""


def expected(**given_: Any) -> Expectation:
    at = a.start_event().at
    values: dict[str, Any] = {
        "vm": a.vm_ref(),
        "by": "Olga Oncall (U0OLGA001)",
        "reason": "patch day",
        "at": at - HOUR,
        **given_,
    }
    span = values.pop("span", Window(at - HOUR, at + HOUR))
    return expectation("e1", span, **values)


async def announce(rig: Rig, *entries: Expectation) -> None:
    before = await rig.store.expectations()
    await rig.store.commit(
        Commit(partition=partition_of_id(EXPECTATIONS), documents=(before.changed(entries=entries),))
    )


async def opened(rig: Rig, event: StartEvent | None = None) -> Outcome:
    return (await rig.open(event or a.start_event())).outcome


@pytest.fixture
def calm(rig: Rig) -> Rig:
    """Nothing is of high risk."""
    rig.policy = a.policy(risk=RiskSettings(medium=999, high=1000))
    return rig


async def test_an_expected_start_passes_and_is_on_record_with_who_expected_it(calm: Rig) -> None:
    await announce(calm, expected())
    assert await opened(calm) is Outcome.PASSED
    assert calm.nudger.to_notices == []
    (record,) = await calm.audit()
    assert (record.kind, record.details["rule"], record.details["verdict"]) == (
        "start.passed",
        "expected",
        "pass",
    )
    assert record.details["expected"] == expected().summary
    assert "risk" in record.details


@pytest.mark.parametrize(
    "given_",
    [
        {"vm": a.vm_ref(name="vm-web-02")},
        {"span": Window(a.start_event().at - HOUR, a.start_event().at)},  # has just ended
        {"span": Window(a.start_event().at + timedelta(seconds=1), a.start_event().at + HOUR)},
        {"caller": "mallory@contoso.com"},
        {"caller": a.AZURE_CLI},  # the client of a person is not the person
        {"vm": None, "when": 'vm.name == "other"'},
        {"vm": None, "when": 'vm.tags["no-such-tag"] == "x"'},
    ],
)
async def test_another_vm_time_or_caller_is_asked_about(calm: Rig, given_: dict[str, Any]) -> None:
    await announce(calm, expected(**given_))
    assert await opened(calm) is Outcome.ASKED


@pytest.mark.parametrize(
    "given_",
    [
        {"caller": "ALICE@contoso.com"},
        {"vm": None, "when": 'vm.tags["env"] == "prod" && caller.email == "alice@contoso.com"'},
        {"vm": VmRef.parse(a.vm_ref().resource_id.upper())},
    ],
)
async def test_a_condition_or_a_caller_may_say_which_start_it_is(calm: Rig, given_: dict[str, Any]) -> None:
    await announce(calm, expected(**given_))
    assert await opened(calm) is Outcome.PASSED


async def test_at_high_risk_it_is_asked_about_and_the_card_says_who_expected_it(rig: Rig) -> None:
    rig.policy = a.policy(risk=HIGH)
    await announce(rig, expected())
    event = a.start_event(caller=a.caller(mfa=False))
    asked = await rig.open(event)
    assert asked.outcome is Outcome.ASKED
    approval = await rig.store.approval(asked.document_id)
    assert approval.expected == expected()
    said = str(approval_card(approval, None, kind=CopyKind.OWNER).blocks)
    assert "Expected by Olga Oncall (U0OLGA001)" in said
    assert "Patch day. It is asked about all the same, since its risk is high or not known." in said


async def test_a_missing_fact_that_could_raise_the_risk_counts_as_high(rig: Rig) -> None:
    rig.policy = a.policy(risk=RiskSettings(medium=60, high=60))
    rig.facts.answer = Facts(missing=(MissingFact(name="everything", reason="timeout"),))
    await announce(rig, expected())
    assert await opened(rig) is Outcome.ASKED


async def test_the_policy_may_let_pass_what_is_of_high_risk(rig: Rig) -> None:
    rig.policy = a.policy(risk=HIGH, expect=ExpectPolicy(at_high_risk=AtHighRisk.PASS))
    await announce(rig, expected())
    assert await opened(rig, a.start_event(caller=a.caller(mfa=False))) is Outcome.PASSED


async def test_a_contained_vm_is_contained_again_whoever_expects_its_start(calm: Rig) -> None:
    await calm.rejected()
    await announce(calm, expected(span=Window(a.NOW - HOUR, a.NOW + 9 * HOUR)))
    later = a.start_event(at=a.NOW + HOUR, correlation_id="later")
    calm.clock.to(a.NOW + HOUR)
    assert await opened(calm, later) is Outcome.RECONTAINED


async def test_a_rule_that_lets_it_pass_stays_the_reason(calm: Rig) -> None:
    calm.policy = a.policy(rules=(Rule(name="all", when='vm.name == "vm-web-01"', verdict=Verdict.PASS),))
    await announce(calm, expected())
    assert await opened(calm) is Outcome.PASSED
    (record,) = await calm.audit()
    assert record.details["rule"] == "all"


class Case(NamedTuple):
    """A window, from so many seconds after the start on, and what else differs."""

    begin_s: int
    lasts_s: int
    right_vm: bool
    caller: str
    risky: bool
    at_high_risk: AtHighRisk

    @property
    def passes(self) -> bool:
        inside = self.begin_s <= 0 < self.begin_s + self.lasts_s
        silent = not self.risky or self.at_high_risk is AtHighRisk.PASS
        return inside and self.right_vm and self.caller != "mallory@contoso.com" and silent


CASES = st.builds(
    Case,
    begin_s=st.integers(-7200, 7200) | st.integers(-1, 1),
    lasts_s=st.integers(1, 7200),
    right_vm=st.sampled_from([True, True, False]),
    caller=st.sampled_from(["", "alice@contoso.com", "mallory@contoso.com"]),
    risky=st.booleans(),
    at_high_risk=st.sampled_from(AtHighRisk),
)


@settings(max_examples=100, deadline=None)
@given(CASES)
def test_a_start_passes_only_inside_its_window_for_its_vm_and_caller_and_never_silently_at_high_risk(
    case: Case,
) -> None:
    event = a.start_event(caller=a.caller(mfa=not case.risky))
    begin = event.at + timedelta(seconds=case.begin_s)
    one = expected(
        vm=a.vm_ref() if case.right_vm else a.vm_ref(name="other"),
        span=Window(begin, begin + timedelta(seconds=case.lasts_s)),
        caller=case.caller,
    )

    async def outcome() -> Outcome:
        risk = HIGH if case.risky else RiskSettings(medium=999, high=1000)
        rig = Rig(a.policy(risk=risk, expect=ExpectPolicy(at_high_risk=case.at_high_risk)))
        await announce(rig, one)
        return await opened(rig, event)

    assert asyncio.run(outcome()) is (Outcome.PASSED if case.passes else Outcome.ASKED)


def test_what_has_ended_is_not_current_any_more() -> None:
    now: datetime = a.NOW
    ended, on = expected(span=Window(now - 2 * HOUR, now)), expected(span=Window(now, now + HOUR))
    assert Expectations(entries=(ended, on)).current(now) == (on,)
