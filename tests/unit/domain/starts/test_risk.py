"""Risk: what signals weigh together, by threat and in sum; it is the same each time, and never falls."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import builders as a
from workers.domain.starts.facts import Facts
from workers.domain.starts.past.history import History
from workers.domain.starts.risk import Level, Risk, assess_risk
from workers.domain.starts.risk_settings import RiskSettings
from workers.domain.starts.signals.signal import Sight, Threat
from workers.domain.starts.signals.table import IDS

MALLORY = a.caller(
    name="Mallory", email="mallory@contoso.com", mfa=False, ip="192.0.2.66", signin_ip="203.0.113.7"
)


def risk(
    caller: object = None, *, facts: Facts | None = None, history: History | None = None, **settings: object
) -> Risk:
    event = a.start_event(caller=caller or a.caller())
    known = history or History(caller_known=True)
    return assess_risk(
        Sight(event, facts or a.facts(), a.owner(), RiskSettings.model_validate(settings), known)
    )


def ids(found: Risk) -> list[str]:
    return [one.id for one in found.signals]


def test_an_owner_who_starts_his_vm_is_of_low_risk_and_what_was_fine_is_told() -> None:
    usual = risk()
    assert (usual.level, ids(usual)) == (Level.LOW, ["management-port-open", "no-backup"])
    assert usual.by_threat == {Threat.MISCONFIGURED: Level.LOW}
    assert "signed in with MFA" in usual.harmless
    assert usual.unseen == {}


def test_a_stranger_without_mfa_whose_token_is_used_elsewhere_is_of_high_risk() -> None:
    found = risk(MALLORY)
    assert ids(found)[:3] == ["signin-elsewhere", "no-mfa", "not-owner"]
    assert (found.level, found.weight) == (Level.HIGH, 75)
    assert found.threat is Threat.UNAUTHORIZED
    assert found.by_threat == {
        Threat.UNAUTHORIZED: Level.MEDIUM,
        Threat.MALICIOUS: Level.LOW,
        Threat.MISCONFIGURED: Level.LOW,
    }


@pytest.mark.parametrize(
    ("medium", "high", "level"),
    [(76, 76, Level.LOW), (75, 76, Level.MEDIUM), (1, 75, Level.HIGH), (75, 75, Level.HIGH)],
)
def test_the_policy_says_from_which_weight_on_a_start_is_of_which_risk(
    medium: int, high: int, level: Level
) -> None:
    assert risk(MALLORY, medium=medium, high=high).level is level


def test_the_policy_weighs_a_signal_and_turns_it_off() -> None:
    heavy = risk(MALLORY, weights={"no-mfa": 60})
    assert heavy.signals[0].id == "no-mfa"
    assert heavy.weight == 115
    light = risk(MALLORY, weights=dict.fromkeys(IDS, 0))
    assert light == Risk()


def test_while_a_fact_is_missing_the_level_is_settled_only_if_it_could_change_nothing() -> None:
    read = risk()
    assert read.settled
    unread = risk(facts=Facts())
    assert (unread.level, unread.settled) == (Level.LOW, False)
    assert set(unread.unseen) >= {"not-owner", "no-backup"}
    assert risk(MALLORY, facts=Facts(), high=45).settled, "it can't become higher than it is"


def test_what_the_event_does_not_tell_leaves_nothing_in_doubt() -> None:
    unsaid = risk(a.caller(mfa=None))
    assert unsaid.untold == ("whether a second factor was used",)
    assert unsaid.unseen == {}
    assert unsaid.settled


def test_without_its_history_a_start_is_in_doubt() -> None:
    event = a.start_event()
    assert not assess_risk(Sight(event, a.facts(), a.owner(), RiskSettings())).settled


CALLERS = st.builds(
    a.caller,
    mfa=st.sampled_from([True, False, None]),
    email=st.sampled_from(["alice@contoso.com", "mallory@contoso.com", ""]),
    ip=st.sampled_from(["203.0.113.7", "192.0.2.66", "", "nowhere"]),
    app_id=st.sampled_from([a.AZURE_CLI, "1234", ""]),
)
FACTS = st.sampled_from([a.facts(), Facts(), a.facts(network=None), a.facts(backup=None)])
PASTS = st.builds(
    History,
    caller_known=st.booleans(),
    vm_starts=st.integers(0, 20),
    by_caller=st.integers(0, 2),
    recent_vms=st.integers(1, 9),
    failed_before=st.integers(0, 5),
)
RISKS = st.builds(lambda caller, facts, past: risk(caller, facts=facts, history=past), CALLERS, FACTS, PASTS)


@given(CALLERS, FACTS, PASTS)
def test_the_same_start_always_gives_the_same(caller: object, facts: Facts, past: History) -> None:
    assert risk(caller, facts=facts, history=past) == risk(caller, facts=facts, history=past)


@given(RISKS, RISKS)
def test_what_comes_later_never_lowers_a_risk_nor_hides_a_signal(first: Risk, later: Risk) -> None:
    both = first.or_more(later)
    assert both.level is max(first.level, later.level, key=lambda level: level.rank)
    assert both.weight >= max(first.weight, later.weight)
    assert {*first.signals, *later.signals} == set(both.signals)
    assert [one.weight for one in both.signals] == sorted((one.weight for one in both.signals), reverse=True)
    for threat, level in first.by_threat.items():
        assert both.by_threat[threat].rank >= level.rank


def test_a_question_with_many_starts_keeps_the_heaviest_signals() -> None:
    grown = risk()
    for n in range(60):
        grown = grown.or_more(risk(MALLORY.changed(name=f"Mallory {n}")))
    assert len(grown.signals) == 40
    assert grown.signals[0].id == "signin-elsewhere"
    assert grown.level is Level.HIGH
