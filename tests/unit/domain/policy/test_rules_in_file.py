"""Rules in the policy file: every error where it is, with what to write instead."""

from datetime import timedelta

import pytest

from tests.unit.domain.policy.reading import ONCALL, findings, only
from workers.domain.policy.model import MOST_RULES, OnSilence, Rule, Verdict
from workers.domain.policy.reading.file import load_policy
from workers.domain.policy.reading.spelling import LONGEST_CONDITION

NAMED = ONCALL + "rules:\n  - name: one\n"


def rules(text: str) -> tuple[Rule, ...]:
    return load_policy(ONCALL + text).rules


class TestGoodRules:
    def test_everything_is_read(self) -> None:
        nightly, production = rules(
            """
rules:
  - name: nightly builds
    when: caller.app_id == "x" && now.getHours("Europe/Berlin") < 6
    verdict: pass
  - name: production
    when: vm.tags["env"] == "prod"
    expire_after: 10m
    on_silence: contain
    lockdown: hard
lockdowns: {standard: {steps: [stop]}, hard: {steps: [isolate]}}
"""
        )
        assert (nightly.name, nightly.verdict) == ("nightly builds", Verdict.PASS)
        assert (production.verdict, production.on_silence) == (Verdict.ASK, OnSilence.CONTAIN)
        assert (production.expire_after, production.lockdown) == (timedelta(minutes=10), "hard")

    @pytest.mark.parametrize("value", ["true", "True", "on", "'true'"])
    def test_a_condition_that_always_holds_may_be_written_as_yaml_does(self, value: str) -> None:
        assert rules(f"rules: [{{name: all, when: {value}}}]\n")[0].when == "true"

    def test_without_conditions_everything_else_is_checked(self) -> None:
        text = NAMED + "    when: nonsense(\n"
        assert load_policy(text, conditions=False).rules[0].when == "nonsense("
        assert only(text).where == "rules[0].when"


class TestDeadlines:
    def test_a_shorter_end_alone_leaves_out_what_would_come_after_it(self) -> None:
        policy = load_policy(NAMED + "    when: true\n    expire_after: 10m\n")
        asking = policy.defaults.but(policy.rules[0])
        ten = timedelta(minutes=10)
        assert (asking.remind_after, asking.escalate_after, asking.expire_after) == (ten, ten, ten)

    def test_what_a_rule_leaves_out_is_as_the_defaults_say(self) -> None:
        policy = load_policy(NAMED + "    when: true\n    on_silence: leave\n")
        assert policy.defaults.but(policy.rules[0]) == policy.defaults.changed(on_silence=OnSilence.LEAVE)

    @pytest.mark.parametrize("deadline", ["remind_after: 30m", "escalate_after: 2h"])
    def test_a_deadline_after_a_later_one_of_the_defaults_is_told(self, deadline: str) -> None:
        finding = only(NAMED + f"    when: true\n    {deadline}\n")
        assert (finding.line, finding.where) == (3, "rules[0]")
        assert "go backwards in time" in finding.problem


class TestConditions:
    @pytest.mark.parametrize(
        ("when", "column", "problem", "remedy"),
        [
            ('caller.appid == "x"', 11, "caller has no appid", "Did you mean app_id?"),
            ('true && vm.nam == "x"', 19, "vm has no nam", "Did you mean name?"),
            ('caler.app_id == "x"', 11, "no such variable: caler.app_id", "Did you mean caller.app_id?"),
            ('bogus.zzzz == "high"', 11, "no such variable: bogus.zzzz", "There are: event, vm, caller"),
            ('risk.levl == "high"', 11, "risk has no levl", "Did you mean level?"),
            ('risk.signals["no_mfa"]', 25, "no such signal: no_mfa", "Did you mean no-mfa?"),
            ('risk.level == "hihg"', 26, "no such value: hihg", "There are: low, medium, high."),
            ('risk.threats["insider"] == "low"', 25, "no such value: insider", "There are: unauthorized"),
            ('true && "no-mfa" in risk.signals', 28, "every signal is in it", 'Write risk.signals["no-mfa"]'),
            ("risk.weight > 1.5", 23, "found no matching overload", ""),
            ('history.starts > "1"', 11, "history has no starts", "Did you mean vm_starts?"),
            ('owner == "x"', 11, "owner is no value of its own", "Name one of: known, emails"),
            ('vm.name.match("x")', 19, "no such function: match", "Did you mean matches?"),
            ("getHours(now) < 6", 11, "no such function: getHours", "Put the value before it"),
            ('vm.name = "x"', 19, "syntax error", "Write ==."),
            ('vm.name == "x" and true', 26, "syntax error: mismatched input 'and'", "Write &&."),
            ("vm.name ==", 21, "syntax error: mismatched input the end", ""),
            ("vm.name", 11, "gives string, not true or false", "Compare it"),
            ("now", 11, "gives timestamp", "Compare it"),
            ("dyn(true)", 11, "gives dyn", "Compare it"),
            ("vm.classic == 1", 22, "no matching overload for '_==_' applied to '(bool, int)'", ""),
            ('now.getHours("Mars/Base") < 6', 24, "invalid timezone", ""),
            ("vm.name == 'x' && vm.name.matches('a(b')", 45, "missing ): a(b", ""),
        ],
    )
    def test_a_mistake_is_told_where_it_is_with_its_remedy(
        self, when: str, column: int, problem: str, remedy: str
    ) -> None:
        finding = only(NAMED + f"    when: {when}\n")
        assert (finding.line, finding.column, finding.where) == (4, column, "rules[0].when")
        assert problem in finding.problem
        assert finding.remedy.startswith(remedy)
        assert bool(finding.remedy) == bool(remedy)

    @pytest.mark.parametrize(
        ("written", "line", "column"),
        [
            ("|\n      vm.name == 'x' &&\n        caller.appid == 'x'\n", 6, 9),
            (">-\n      vm.name == 'x' &&\n      caller.appid == 'x'\n", 6, 7),
            ("vm.name == 'x' &&\n      caller.appid == 'x'\n", 5, 7),
            ("\"vm.tags[\\\"a\\\"] == 'x' && caller.appid == 'x'\"\n", 4, 37),
            ("'vm.name == ''x'' && caller.appid == ''x'''\n", 4, 32),
            ("vm.name == '\u00fc\u00fc' && caller.appid == 'x'\n", 4, 30),
            ("\"vm.name == '\\u00fc' && caller.appid == 'x'\"\n", 4, 23),
        ],
        ids=[
            "literal",
            "folded",
            "lines",
            "double quotes",
            "single quotes",
            "not ASCII",
            "as near as can be",
        ],
    )
    def test_the_place_is_that_of_the_file_whichever_way_yaml_spells_it(
        self, written: str, line: int, column: int
    ) -> None:
        finding = only(NAMED + f"    when: {written}")
        assert finding.problem == "caller has no appid"
        assert (finding.line, finding.column) == (line, column)

    def test_the_place_is_right_in_a_file_in_which_nothing_is_indented(self) -> None:
        finding = only(
            '{"oncall": {"usergroup": "S0ONCALL1"}, "rules": [{"name": "a", "when": "true &&\n'
            "vm.nam == 'a' && true\"}]}\n"
        )
        assert (finding.line, finding.column) == (2, 1)

    def test_all_mistakes_of_all_conditions_are_told_beside_the_others(self) -> None:
        found = findings(
            "oncal: {}\n" + NAMED + "    when: vm.nam == caller.nam\n    verdict: say\n"
            "  - name: two\n    when: vm.tag['a'] == 'b'\n"
        )
        assert [(f.line, f.where) for f in found] == [
            (1, "oncal"),
            (5, "rules[0].when"),
            (5, "rules[0].when"),
            (6, "rules[0].verdict"),
            (8, "rules[1].when"),
        ]


class TestRefused:
    def test_an_unknown_verdict_is_told_which_there_are(self) -> None:
        finding = only(NAMED + "    when: true\n    verdict: say\n")
        assert finding.problem == "'say' is not one of 'ask', 'tell', 'pass' or 'contain'"

    @pytest.mark.parametrize(
        "override",
        [
            "remind_after: 1m",
            "escalate_after: 1h",
            "expire_after: 1h",
            "on_silence: leave",
            "undelivered_after: 5m",
            "on_undelivered: contain",
            "reject_within: 1h",
            "lockdown: standard",
        ],
    )
    def test_a_passed_start_has_no_terms(self, override: str) -> None:
        finding = only(NAMED + f"    when: true\n    verdict: pass\n    {override}\n")
        assert finding.where == "rules[0]"
        assert finding.problem.startswith("a passed start is not asked about; take ")
        assert override.partition(":")[0] in finding.problem

    def test_a_rule_without_a_condition_is_told(self) -> None:
        finding = only(NAMED)
        assert (finding.where, finding.problem) == ("rules[0].when", "is missing")

    def test_two_rules_of_one_name_are_told_at_the_second(self) -> None:
        finding = only(NAMED + "    when: true\n  - {when: true, name: ' one '}\n")
        assert (finding.line, finding.column, finding.where) == (5, 24, "rules[1].name")
        assert "earlier rule is called 'one'" in finding.problem

    @pytest.mark.parametrize("name", ["''", "'  '", "x" * 81, "defaults"])
    def test_a_name_is_neither_blank_nor_long_nor_that_of_the_defaults(self, name: str) -> None:
        assert only(ONCALL + f"rules: [{{name: {name}, when: true}}]\n").where == "rules[0].name"

    def test_a_condition_has_a_longest_length(self) -> None:
        fits = "vm.name == '" + "x" * (LONGEST_CONDITION - 13) + "'"
        assert rules(f'rules: [{{name: a, when: "{fits}"}}]\n')
        assert "at most 2000 characters" in only(NAMED + f'    when: "{fits} "\n').problem

    def test_there_are_only_so_many_rules(self) -> None:
        many = [f"{{name: r{n}, when: true}}" for n in range(MOST_RULES + 1)]
        assert len(rules(f"rules: [{', '.join(many[:-1])}]\n")) == MOST_RULES
        assert "at most 200 items" in only(ONCALL + f"rules: [{', '.join(many)}]\n").problem

    def test_an_unknown_profile_is_told_which_there_are(self) -> None:
        finding = only(NAMED + "    when: true\n    lockdown: hard\nlockdowns: {standard: {steps: [stop]}}\n")
        assert (finding.line, finding.where) == (5, "rules[0].lockdown")
        assert finding.remedy == "Name one of standard."

    @pytest.mark.parametrize("value", ["7", "text", "{a: b}", "[1, [2], {name: 3, when: 4}]", "&a [*a]"])
    def test_what_is_no_list_of_rules_is_an_error(self, value: str) -> None:
        assert findings(ONCALL + f"rules: {value}\n")

    def test_a_misspelt_setting_is_told_what_was_meant(self) -> None:
        assert only(NAMED + "    when: true\n    verdikt: ask\n").remedy == "Did you mean verdict?"
