"""``startgate policy``: what a platform engineer is told about a policy file and its rules."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests import builders as a
from tests.scenario.scene import grid_event
from workers.cli import app

POLICY = """oncall: {usergroup: S0ONCALL1}
rules:
  - name: nightly builds
    when: caller.app_id == "1950a258-227b-4e31-a9cf-717495945fc2" && now.getHours("Europe/Berlin") < 6
    verdict: pass
  - name: production
    when: vm.tags["env"] == "prod"
    on_silence: contain
"""
BY_DAY = ["--now", "2026-11-24T12:00:00"]


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY, encoding="utf-8")
    return path


@pytest.fixture
def event(tmp_path: Path) -> Path:
    path = tmp_path / "event.json"
    path.write_text(json.dumps(grid_event(a.vm_ref().resource_id)), encoding="utf-8")
    return path


def startgate(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["policy", *map(str, arguments)])


def test_check_says_how_many_rules_there_are_and_which_need_facts(policy: Path) -> None:
    result = startgate("check", policy)
    assert result.exit_code == 0
    assert "2 rules; need facts from Azure: production." in result.stdout


def test_check_says_that_without_rules_everything_is_asked_about(policy: Path) -> None:
    policy.write_text("oncall: {usergroup: S0ONCALL1}\n", encoding="utf-8")
    assert "No rules: every start is asked about." in startgate("check", policy).stdout


def test_check_ends_with_an_error_for_a_misspelt_field(policy: Path) -> None:
    policy.write_text(POLICY.replace("app_id", "appid"), encoding="utf-8")
    result = startgate("check", policy)
    assert result.exit_code == 1
    assert "line 4, column 11: rules[0].when: caller has no appid. Did you mean app_id?" in result.stderr


def test_explain_says_which_rule_decides(policy: Path, event: Path) -> None:
    result = startgate("explain", policy, event, "--now", "2026-11-24T03:00:00")
    assert "verdict: pass, by rule 'nightly builds'" in result.stdout
    assert "  'nightly builds': matches" in result.stdout
    assert "  caller.name = 'Mallory Guest'" in result.stdout


def test_explain_says_that_facts_would_be_needed(policy: Path, event: Path) -> None:
    result = startgate("explain", policy, event, *BY_DAY)
    assert "verdict: not without facts; rule 'production' needs them" in result.stdout
    assert "  'nightly builds': does not match" in result.stdout
    assert "  'production': needs facts" in result.stdout


def test_explain_takes_tags_for_facts(policy: Path, event: Path) -> None:
    result = startgate("explain", policy, event, *BY_DAY, "--tags", "Env=prod", "--tags", "owner=a@b.c")
    assert "verdict: ask, by rule 'production'" in result.stdout
    assert "owner.emails = ['a@b.c']" in result.stdout


def test_explain_says_why_a_rule_could_not_be_evaluated(policy: Path, event: Path) -> None:
    result = startgate("explain", policy, event, *BY_DAY, "--tags", "team=web")
    assert "verdict: ask, by rule 'defaults'" in result.stdout
    assert "'production': can't be evaluated: 'no such key: \"env\"'" in result.stdout


def test_explain_is_safe_for_a_terminal(policy: Path, event: Path) -> None:
    hostile = grid_event(a.vm_ref().resource_id, claims={"name": "\x1b[2J\u202e"})
    event.write_text(json.dumps(hostile), encoding="utf-8")
    result = startgate("explain", policy, event, "--tags", "x=\x1b[2J")
    assert "caller.name = '\\x1b[2J\\u202e'" in result.stdout
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize(("body", "told"), [("{", "NotJson"), ("{}", "Unknown")])
def test_explain_says_why_a_file_is_no_start_event(policy: Path, event: Path, body: str, told: str) -> None:
    event.write_text(body, encoding="utf-8")
    result = startgate("explain", policy, event)
    assert result.exit_code == 1
    assert told in result.stderr


def test_a_tag_needs_name_and_value(policy: Path, event: Path) -> None:
    assert startgate("explain", policy, event, "--tags", "env").exit_code == 2


def test_the_bot_reads_a_policy_with_rules_without_a_cel_runtime(policy: Path) -> None:
    code = (
        "import sys, bot.__main__ as bot\n"
        "from pathlib import Path\n"
        f"assert bot.read_policy(Path({str(policy)!r}), conditions=False).rules\n"
        "print([m for m in sys.modules if m.startswith('cel')])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == "[]"
