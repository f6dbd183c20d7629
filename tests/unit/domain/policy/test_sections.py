"""Sections of the policy: how patient a lockdown is, what the subscription asks for, and silence."""

from datetime import timedelta

import pytest

from tests.unit.domain.policy.reading import ONCALL, findings, loaded, only
from workers.domain.containment.profile import LockdownProfile
from workers.domain.policy.model import Contain, Policy
from workers.domain.policy.people import UpTo
from workers.domain.policy.reading.file import load_policy


class TestPatience:
    def test_a_lockdown_says_how_long_it_is_waited_for(self) -> None:
        text = ONCALL + "lockdowns: {standard: {page_after: 90s, give_up_after: 1h}}\n"
        policy = loaded(text)
        assert isinstance(policy, Policy)
        profile = policy.lockdown
        assert (profile.page_after, profile.give_up_after) == (timedelta(seconds=90), timedelta(hours=1))
        assert LockdownProfile.model_validate_json(profile.model_dump_json()) == profile

    def test_who_gives_up_before_on_call_is_told_is_told_so(self) -> None:
        finding = only(ONCALL + "lockdowns: {standard: {give_up_after: 1m}}\n")
        assert "page_after has to be shorter than give_up_after" in finding.problem


NSG = (
    "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-sec/providers"
    "/Microsoft.Network/networkSecurityGroups/quarantine"
)


class TestGoverned:
    def test_a_prepared_nsg_and_tags_are_read(self) -> None:
        text = f'lockdowns: {{standard: {{tags: {{Cost-Centre: "4711"}}, isolate: {{nsg: {NSG}}}}}}}\n'
        policy = loaded(ONCALL + text)
        assert isinstance(policy, Policy)
        assert (policy.lockdown.tags, policy.lockdown.isolate.nsg) == ({"Cost-Centre": "4711"}, NSG)
        assert LockdownProfile.model_validate_json(policy.lockdown.model_dump_json()) == policy.lockdown

    @pytest.mark.parametrize(
        "nsg",
        ["quarantine", f"{NSG}/securityRules/x", NSG.replace("Network/", "ClassicNetwork/"), f"x{NSG}", '""'],
    )
    def test_what_is_no_id_of_an_nsg_is_refused_in_words(self, nsg: str) -> None:
        finding = only(ONCALL + f"lockdowns: {{standard: {{isolate: {{nsg: {nsg}}}}}}}\n")
        assert "is not the id of a network security group; write /subscriptions/" in finding.problem

    @pytest.mark.parametrize(
        ("tags", "why"),
        [
            ('{"a/b": x}', "is not a tag name that Azure takes"),
            ("{azure-x: y}", "is not a tag name that Azure takes"),
            ("{Managed-By: me}", "is ours; take it away"),
            ("{a: x, A: y}", "is given twice"),
            (f"{{a: {'x' * 257}}}", "longer than 256 characters"),
        ],
    )
    def test_tags_that_azure_would_refuse_are_refused_first(self, tags: str, why: str) -> None:
        found = loaded(ONCALL + f"lockdowns: {{standard: {{tags: {tags}}}}}\n")
        assert not isinstance(found, Policy)
        assert any(why in finding.problem for finding in found)


class TestSilenceWithAProfile:
    """``on_silence`` and ``on_undelivered`` may name a lockdown profile of their own."""

    LOCKDOWNS = "lockdowns: {standard: {}, quarantine: {steps: [isolate]}}\n"

    @pytest.mark.parametrize("name", ["on_silence", "on_undelivered"])
    def test_it_is_read_in_the_defaults_and_in_a_rule(self, name: str) -> None:
        rule = f"rules: [{{name: a, when: 'true', {name}: {{contain: standard}}}}]\n"
        policy = load_policy(
            ONCALL + self.LOCKDOWNS + f"defaults:\n  {name}:\n    contain: quarantine\n" + rule
        )
        assert getattr(policy.defaults, name) == Contain(contain="quarantine")
        assert getattr(policy.defaults.but(policy.rules[0]), name) == Contain(contain="standard")
        assert str(getattr(policy.defaults, name)) == "contain: quarantine"

    @pytest.mark.parametrize(
        ("given", "problem"),
        [
            ("{contain: nowhere}", "no lockdown profile is named 'nowhere'"),
            ("{contain: Bad Name}", "'Bad Name' is not the name of a lockdown profile"),
            ("{isolate: quarantine}", "is not one of leave, escalate, isolate, contain"),
            ("{contain: quarantine, also: x}", "named by {contain: NAME}"),
            ("[contain]", "is not one of leave, escalate, isolate, contain"),
            ("shout", "'shout' is not one of leave, escalate, isolate, contain"),
            ("5", "5 is not one of"),
        ],
    )
    @pytest.mark.parametrize("place", ["defaults", "rule"])
    def test_a_bad_one_is_told_where_it_stands(self, place: str, given: str, problem: str) -> None:
        inside = f"\n    on_silence: {given}\n"
        above = "defaults:" if place == "defaults" else "rules:\n  - name: a\n    when: 'true'"
        finding = only(ONCALL + self.LOCKDOWNS + above + inside)
        assert finding.where == ("defaults.on_silence" if place == "defaults" else "rules[0].on_silence")
        assert finding.line == (4 if place == "defaults" else 6)
        assert problem in finding.problem


class TestSelfConfirm:
    @pytest.mark.parametrize(
        ("written", "up_to", "oncall"),
        [
            ("", UpTo.MEDIUM, False),
            ("people: {self_confirm: never}\n", UpTo.NEVER, False),
            ("people: {self_confirm: {up_to: low, oncall: true}}\n", UpTo.LOW, True),
        ],
    )
    def test_the_policy_says_when_callers_may_confirm_their_own_starts(
        self, written: str, up_to: UpTo, *, oncall: bool
    ) -> None:
        policy = loaded(ONCALL + written)
        assert isinstance(policy, Policy)
        assert (policy.people.self_confirm.up_to, policy.people.self_confirm.oncall) == (up_to, oncall)

    def test_nobody_can_allow_it_at_high_risk(self) -> None:
        finding = only(ONCALL + "people: {self_confirm: high}\n")
        assert "never, low" in finding.problem + finding.remedy or "'never'" in finding.problem


class TestTwoPersons:
    @pytest.mark.parametrize(
        ("written", "confirm", "restore"),
        [
            ("confirm", True, False),
            ("restore", False, True),
            ("[confirm, restore]", True, True),
            ("{confirm: true, expire_after: 5m}", True, False),
        ],
    )
    def test_the_policy_says_what_takes_two(self, written: str, *, confirm: bool, restore: bool) -> None:
        policy = loaded(ONCALL + f"two_person: {written}\n")
        assert isinstance(policy, Policy), policy
        assert (policy.two_person.confirm, policy.two_person.restore) == (confirm, restore)

    def test_nothing_else_does(self) -> None:
        assert findings(ONCALL + "two_person: everything\n")
