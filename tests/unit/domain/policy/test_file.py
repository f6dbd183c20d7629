"""The policy file: every error at once, each where it is and with its remedy."""

import time
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.domain.policy.reading import EXCEPTION, ONCALL, findings, loaded, only
from workers.domain.containment.plans import StepName
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import InvalidPolicy
from workers.domain.policy.model import OnSilence, Policy
from workers.domain.policy.people import Guests, PeoplePolicy
from workers.domain.policy.reading.file import load_policy
from workers.domain.policy.reading.json_schema import policy_schema
from workers.use_cases.read_policy import read_policy


def names(schema: object) -> set[str]:
    """Every name of a setting in a JSON Schema."""
    if isinstance(schema, list):
        return {name for one in schema for name in names(one)}
    if not isinstance(schema, dict):
        return set()
    own = schema.get("properties")
    return {
        *(own if isinstance(own, dict) else ()),
        *(name for one in schema.values() for name in names(one)),
    }


SCHEMA = policy_schema()
SECTIONS = frozenset(SCHEMA["properties"]) - {"oncall"}
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.dates()
    | st.datetimes()
    | st.binary(max_size=4)
    | st.text(max_size=8)
    | st.sampled_from(["standard", "10m", "#a", "C0123ABCD", "pass", "1.2.3.0/24", "07:00", 'vm.name == "a"'])
)
STRUCTURES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(sorted(names(SCHEMA))) | st.text(max_size=4), inner, max_size=4)
        | st.dictionaries(LEAVES.filter(lambda leaf: leaf == leaf), inner, max_size=2)  # noqa: PLR0124 - no NaN
    ),
    max_leaves=12,
)
"""Settings of all sections in places of each other, among values of every kind that YAML has."""


class TestGoodFiles:
    def test_a_file_that_names_on_call_is_enough_and_contains_nothing_on_silence(self) -> None:
        policy = load_policy(ONCALL)
        assert policy.defaults.on_silence is OnSilence.ESCALATE
        assert policy.owner.fallback == "#vm-approvals"
        assert policy.lockdown == LockdownProfile()

    def test_only_our_own_members_count_unless_the_file_says_who_else(self) -> None:
        assert load_policy(ONCALL).people == PeoplePolicy(workspaces=(), guests=Guests.REFUSE)
        people = load_policy(f"{ONCALL}people: {{workspaces: [T0PARTNER1], guests: owners}}").people
        assert (people.workspaces, people.guests) == (("T0PARTNER1",), Guests.OWNERS)

    def test_everything_is_read(self) -> None:
        policy = load_policy(
            """
owner: {tags: [team], fallback: "#asks"}
oncall: {users: [U0OLGA001], channel: C0ONCALL1}
defaults: {remind_after: 90s, escalate_after: 10m, expire_after: 1h30m, on_silence: isolate, lockdown: hard}
lockdowns:
  hard:
    steps: [backup, isolate]
    resource_group: rg-lockdown
    isolate:
      allow: [{name: bastion, source: 10.0.9.1/26, ports: ["22", "8000-8100"], protocol: Tcp}]
"""
        )
        assert policy.owner.tags == ("team",)
        assert policy.oncall.users == ("U0OLGA001",)
        assert policy.defaults.remind_after == timedelta(seconds=90)
        assert policy.defaults.expire_after == timedelta(minutes=90)
        assert policy.lockdown.name == "hard"
        assert policy.lockdown.steps == (StepName.ISOLATE, StepName.BACKUP)
        assert policy.lockdown.isolate.allow[0].source == "10.0.9.0/26"

    def test_json_is_yaml(self) -> None:
        assert load_policy('{"oncall": {"usergroup": "S0ONCALL1"}}').oncall.usergroup == "S0ONCALL1"

    def test_an_anchor_may_be_used_again(self) -> None:
        policy = load_policy(
            ONCALL + "lockdowns:\n  standard: {steps: &all [isolate, stop]}\n  other: {steps: *all}\n"
        )
        assert policy.lockdowns["other"].steps == policy.lockdowns["standard"].steps


class TestEveryErrorAtOnce:
    def test_all_are_told_in_the_order_of_the_file(self) -> None:
        found = findings(
            """owner:
  tags: owner
  fallbak: "#x"
oncall:
  usergroup: oncall
defaults:
  remind_after: 10
  on_silence: shout
lockdowns:
  standard:
    steps: [isolate, explode]
"""
        )
        assert [(f.line, f.where) for f in found] == [
            (2, "owner.tags"),
            (3, "owner.fallbak"),
            (5, "oncall.usergroup"),
            (7, "defaults.remind_after"),
            (8, "defaults.on_silence"),
            (11, "lockdowns.standard.steps[1]"),
        ]

    def test_the_text_has_one_line_an_error_and_says_how_many(self) -> None:
        with pytest.raises(InvalidPolicy) as raised:
            load_policy("owner: {tag: [x]}\n", path="policy.yaml")
        lines = raised.value.diagnostics().splitlines()
        assert lines[0] == "policy.yaml: 2 errors"
        assert "policy.yaml:1:9: owner.tag: no such setting. Did you mean tags?" in lines
        assert "policy.yaml:1:1: oncall: is missing. Add it." in lines


class TestPlaces:
    def test_line_and_column_are_those_of_the_key(self) -> None:
        finding = only(ONCALL + "defaults:\n    expire_after: soon\n")
        assert (finding.line, finding.column) == (3, 5)
        assert finding.problem == "not a duration; write 90s, 10m, 1h30m or 2d"

    def test_an_item_of_a_list_is_named_by_its_number(self) -> None:
        finding = only(
            ONCALL + "lockdowns:\n  standard:\n    isolate:\n      allow:\n"
            "        - {name: a, source: 10.0.0.0/8, ports: ['22']}\n"
            "        - {name: b, source: everywhere, ports: ['22']}\n"
        )
        assert finding.where == "lockdowns.standard.isolate.allow[1].source"
        assert finding.line == 7

    def test_a_missing_part_is_told_where_it_should_stand(self) -> None:
        finding = only("owner: {tags: [x]}\noncall: {}\n")
        assert (finding.line, finding.where) == (2, "oncall")
        assert "usergroup" in finding.problem


class TestRemedies:
    @pytest.mark.parametrize(
        ("text", "remedy"),
        [
            ("defaults: {on_silense: leave}\n", "Did you mean on_silence?"),
            ("lockdown: {}\n", "Did you mean lockdowns?"),
            ("lockdowns: {standard: {step: [stop]}}\n", "Did you mean steps?"),
            ("lockdowns: {standard: {isolate: {alow: []}}}\n", "Did you mean allow?"),
            (
                f"lockdowns: {{standard: {{isolate: {{allow: [{{{EXCEPTION}, protocl: Tcp}}]}}}}}}",
                "Did you mean protocol?",
            ),
        ],
    )
    def test_a_misspelt_setting_is_told_what_was_meant(self, text: str, remedy: str) -> None:
        assert only(ONCALL + text).remedy == remedy

    def test_a_setting_like_no_other_is_told_what_there_is(self) -> None:
        sections = ", ".join(Policy.model_fields)
        assert only(ONCALL + "zzz: 1\n").remedy == f"There are: {sections}."

    def test_an_unknown_profile_is_told_which_there_are(self) -> None:
        finding = only(ONCALL + "defaults: {lockdown: hard}\nlockdowns: {soft: {steps: [isolate]}}\n")
        assert finding.problem == "no lockdown profile is named 'hard'"
        assert finding.remedy == "Name one of soft."
        assert (finding.line, finding.column) == (2, 12)

    def test_standard_has_to_be_there_once_there_are_profiles(self) -> None:
        assert only(ONCALL + "lockdowns: {soft: {steps: [isolate]}}\n").where == "defaults.lockdown"

    def test_a_key_given_twice_is_told(self) -> None:
        finding = only(ONCALL + "owner: {tags: [a]}\nowner: {tags: [b]}\n")
        assert (finding.line, finding.where, finding.problem) == (3, "owner", "given twice")
        assert finding.remedy == "Keep one of them."

    def test_deadlines_must_not_go_backwards(self) -> None:
        finding = only(ONCALL + "defaults: {remind_after: 2h, expire_after: 1h}\n")
        assert "must not go backwards in time" in finding.problem

    @pytest.mark.parametrize("source", ["0.0.0.0/0", "::/0"])
    def test_the_whole_internet_is_no_exception(self, source: str) -> None:
        finding = only(
            ONCALL + f"lockdowns: {{standard: {{isolate: {{allow: [{{name: a, source: '{source}', "
            "ports: ['22']}]}}}\n"
        )
        assert "the whole Internet is not an exception" in finding.problem

    @pytest.mark.parametrize("ports", ["70000", "90-80", "x", "22,23", "-1", ""])
    def test_a_port_that_is_none_is_told(self, ports: str) -> None:
        finding = only(
            ONCALL + f"lockdowns: {{standard: {{isolate: {{allow: [{{name: a, source: 10.0.0.0/8, "
            f"ports: ['{ports}']}}]}}}}}}\n"
        )
        assert ".ports" in finding.where

    def test_a_lockdown_without_steps_is_none(self) -> None:
        assert only(ONCALL + "lockdowns: {standard: {steps: []}}\n").problem == (
            "a lockdown needs at least one step"
        )


class TestDurations:
    @pytest.mark.parametrize(
        ("text", "seconds"), [("90s", 90), ("0.5s", 0.5), ("10m", 600), ("1h30m", 5400), ("7d", 604800)]
    )
    def test_durations_are_read(self, text: str, seconds: float) -> None:
        policy = load_policy(
            ONCALL + f"defaults: {{remind_after: 0.1s, escalate_after: 0.2s, expire_after: {text}}}\n"
        )
        assert policy.defaults.expire_after == timedelta(seconds=seconds)

    @pytest.mark.parametrize(
        "text", ["10", "''", "0s", "8d", "-1m", "m", "1 h", "1m1h", "true", "[1m]", "9" * 20 + "d"]
    )
    def test_what_is_no_duration_is_told(self, text: str) -> None:
        finding = only(ONCALL + f"defaults: {{remind_after: {text}}}\n")
        assert "duration" in finding.problem

    def test_a_duration_beyond_all_numbers_is_told_too(self) -> None:
        assert "duration" in only(ONCALL + f"defaults: {{remind_after: {'9' * 400}d}}\n").problem


class TestWhatIsNoPolicy:
    @pytest.mark.parametrize(
        "text", ["", "\n# nothing\n", "---\n", "null\n", "just text\n", "[1, 2]\n", "7\n"]
    )
    def test_a_file_without_settings_is_told_how_to_begin(self, text: str) -> None:
        finding = only(text)
        assert (finding.line, finding.problem) == (1, "holds no settings")
        assert finding.remedy == "Start with owner: and oncall:"

    def test_a_tab_is_told_where_it_is(self) -> None:
        finding = only("oncall:\n\tusergroup: S0ONCALL1\n")
        assert (finding.line, finding.column, finding.where) == (2, 1, "YAML")

    @pytest.mark.parametrize(
        "text", ["a: [1", "a: 'x", "a: b: c", "{", "a: *nowhere", "--- {}\n--- {}\n", "\x00", "%"]
    )
    def test_broken_yaml_is_one_error_with_its_place(self, text: str) -> None:
        finding = only(text)
        assert finding.where == "YAML"
        assert finding.line >= 1

    def test_a_file_beyond_any_policy_is_refused_unread(self) -> None:
        assert only("#" * 1024 * 1024).problem == "larger than 256 KB"

    def test_keys_that_are_no_text_are_no_settings(self) -> None:
        found = findings(ONCALL + "? [a, b]\n: 1\n")
        assert [f.problem for f in found] == ["no such setting"]

    @pytest.mark.parametrize(
        "value", ["!!python/object:os.system x", "!!int abc", "!!float x", "2026-13-45", "!!binary é", "!x y"]
    )
    def test_a_value_that_yaml_can_not_make_is_an_error_with_its_place(self, value: str) -> None:
        found = findings(ONCALL + f"owner:\n  fallback: {value}\n")
        assert (3, "owner.fallback") in [(f.line, f.where) for f in found]


class TestBombs:
    def test_an_alias_that_contains_itself_ends(self) -> None:
        assert any(f.problem == "nested too deep" for f in findings(ONCALL + "owner: &a {tags: *a}\n"))

    def test_aliases_that_multiply_are_refused_at_once(self) -> None:
        lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
        lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
        begun = time.process_time()
        found = findings(ONCALL + "\n".join(lines))
        assert time.process_time() - begun < 3
        assert len(found) < 100

    def test_an_alias_that_contains_itself_many_times_is_refused_at_once(self) -> None:
        begun = time.process_time()
        found = findings(ONCALL + f"owner: &a [{', '.join(['*a'] * 10)}]\n")
        assert time.process_time() - begun < 3
        assert len(found) < 100

    @pytest.mark.parametrize("deep", [50, 500])
    def test_brackets_without_end_are_an_error_and_no_crash(self, deep: int) -> None:
        assert findings(ONCALL + f"owner: {'[' * deep}{']' * deep}\n")


class TestNothingElseIsRaised:
    @given(st.text(max_size=80))
    def test_any_text_is_a_policy_or_invalid(self, text: str) -> None:
        assert loaded(text)

    @settings(max_examples=300)
    @given(STRUCTURES)
    def test_any_structure_is_a_policy_or_invalid(self, data: object) -> None:
        text = yaml.safe_dump(data, allow_unicode=True) if isinstance(data, dict) else f"owner: {data!r}\n"
        found = loaded(text if "oncall" in text else ONCALL + text)
        assert isinstance(found, Policy) or all(f.line >= 1 and f.column >= 1 and f.where for f in found)

    @settings(max_examples=300)
    @given(st.sampled_from(sorted(SECTIONS)), STRUCTURES)
    def test_any_section_is_valid_or_invalid(self, section: str, data: object) -> None:
        text = yaml.safe_dump({"oncall": {"users": ["U0123ABCD"]}, section: data}, allow_unicode=True)
        found = loaded(text)
        assert isinstance(found, Policy) or all(f.line >= 1 and f.column >= 1 and f.where for f in found)


class TestReading:
    def test_a_file_is_read(self, tmp_path: Path) -> None:
        file = tmp_path / "policy.yaml"
        file.write_text(ONCALL, encoding="utf-8")
        assert read_policy(file).oncall.usergroup == "S0ONCALL1"

    def test_a_file_that_is_not_there_is_a_finding(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidPolicy, match="can't be read"):
            read_policy(tmp_path / "none.yaml")

    def test_a_file_that_is_no_text_is_a_finding(self, tmp_path: Path) -> None:
        file = tmp_path / "policy.yaml"
        file.write_bytes(b"\xff\xfe\xff")
        with pytest.raises(InvalidPolicy, match="can't be read"):
            read_policy(file)
