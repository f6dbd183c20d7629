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
REST = "-227b-4e31-a9cf-717495945fc2"
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


def test_check_and_explain_say_which_vms_are_never_contained(policy: Path, event: Path) -> None:
    guards = 'never:\n  - {name: domain controllers, when: \'vm.tags["role"] == "dc"\'}\n'
    policy.write_text(POLICY + guards, encoding="utf-8")
    assert "Never contained: domain controllers." in startgate("check", policy).stdout
    assert "not known whether 'domain controllers' holds" in startgate("explain", policy, event).stdout
    said = startgate("explain", policy, event, "--tag", "role=dc").stdout
    assert "never contained: in the guarded set, by 'domain controllers'" in said
    said = startgate("explain", policy, event, "--tag", "role=web").stdout
    assert "never contained: no, the VM is not in the guarded set" in said


def test_check_recommends_ids_where_channels_are_named(policy: Path) -> None:
    said = startgate("check", policy).stdout
    assert "Better name #vm-approvals and #vm-oncall by id (C…" in said
    assert "if nobody can be asked: escalate;" in said
    policy.write_text(
        "owner: {fallback: C0APPROVALS}\noncall: {usergroup: S0ONCALL1, channel: C0ONCALL001}\n",
        encoding="utf-8",
    )
    assert "Better name" not in startgate("check", policy).stdout


def test_check_ends_with_an_error_for_a_misspelt_field(policy: Path) -> None:
    policy.write_text(POLICY.replace("app_id", "appid"), encoding="utf-8")
    result = startgate("check", policy)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[1] == (
        f"{policy}:4:11: rules[0].when: caller has no appid. Did you mean app_id?"
    )


def test_explain_says_which_rule_decides(policy: Path, event: Path) -> None:
    result = startgate("explain", policy, event, "--now", "2026-11-24T03:00:00")
    assert result.stdout.splitlines()[0] == "verdict: pass, by rule 'nightly builds'"
    assert "  'nightly builds': matches" in result.stdout
    assert "  caller.name = 'Mallory Guest'" in result.stdout


@pytest.mark.parametrize(
    ("verdict", "mode", "means"),
    [
        ("tell", "enforce", "  announced, can be rejected for 1d; nobody is asked"),
        ("contain", "enforce", "  contained at once, without asking, by 'standard': isolate, stop, backup"),
        ("contain", "observe", "  only recorded: the mode is observe"),
    ],
)
def test_explain_says_what_a_verdict_means(
    policy: Path, event: Path, verdict: str, mode: str, means: str
) -> None:
    text = f"mode: {mode}\n" + POLICY.replace("verdict: pass", f"verdict: {verdict}")
    policy.write_text(text, encoding="utf-8")
    result = startgate("explain", policy, event, "--now", "2026-11-24T03:00:00")
    assert result.stdout.splitlines()[:2] == [f"verdict: {verdict}, by rule 'nightly builds'", means]
    assert ("Mode: observe" in startgate("check", policy).stdout) is (mode == "observe")


def test_explain_says_that_facts_would_be_needed(policy: Path, event: Path) -> None:
    result = startgate("explain", policy, event, *BY_DAY)
    assert "verdict: not without facts; rule 'production' needs them" in result.stdout
    assert "  'nightly builds': does not match: now.getHours" in result.stdout
    assert "  'production': needs facts" in result.stdout


def test_explain_takes_tags_for_facts(policy: Path, event: Path) -> None:
    result = startgate("explain", policy, event, *BY_DAY, "--tags", "Env=prod", "--tags", "owner=a@b.c")
    assert "verdict: ask, by rule 'production'" in result.stdout
    assert "owner.emails = ['a@b.c']" in result.stdout


def test_explain_says_why_a_rule_could_not_be_evaluated(policy: Path, event: Path) -> None:
    result = startgate("explain", policy, event, *BY_DAY, "--tags", "team=web")
    assert result.stdout.splitlines()[0] == "verdict: ask, by the defaults: no rule matches"
    assert "'production': can't be evaluated: no such key: \"env\"" in result.stdout


def test_explain_says_why_a_rule_does_not_match(policy: Path, event: Path) -> None:
    policy.write_text(POLICY.replace("1950a258", "7d5b0000"), encoding="utf-8")
    result = startgate("explain", policy, event, *BY_DAY, "--tags", "env=dev")
    nobody, somebody = f'"7d5b0000{REST}"', f'"1950a258{REST}"'
    assert result.stdout.splitlines()[1:3] == [
        f"  'nightly builds': does not match: caller.app_id == {nobody} is false: it is {somebody}",
        '  \'production\': does not match: vm.tags["env"] == "prod" is false: it is "dev"',
    ]


def test_explain_has_an_example_to_begin_with(policy: Path, event: Path) -> None:
    printed = startgate("example").stdout
    assert json.loads(printed)["data"]["status"] == "Succeeded"
    event.write_text(printed, encoding="utf-8")
    explained = startgate("explain", policy, "--now", "2026-11-24T03:00:00")
    assert explained.stdout == startgate("explain", policy, event, "--now", "2026-11-24T03:00:00").stdout
    assert explained.stdout.splitlines()[0] == "verdict: pass, by rule 'nightly builds'"


def test_check_writes_durations_as_the_file_does(policy: Path) -> None:
    told = startgate("check", policy).stdout
    assert "reminds after 10m, escalates after 20m, ends after 1h;" in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("oncall: {usergroup: vm-oncall}", "write the id of a user group, such as S0123ABCD"),
        ("oncall: {users: ['@nadia']}", "write a member ID such as U0123ABCD"),
        ("oncall: {users: [U0NADIA003], channel: vm-oncall}", "write #name in lower case, or a channel id"),
        ("people: {workspaces: [contoso]}", "write the id of a workspace"),
        ("lockdowns: {Standard!: {}}", "use at most 40 of a-z, 0-9 and -"),
        ("lockdowns: {standard: {resource_group: a/b}}", "write the name of a resource group"),
        (
            "lockdowns: {standard: {isolate: {allow: [{name: a, source: 10.0.0.0/24, ports: [ssh]}]}}}",
            "write a port or a range: '22' or '8000-8010'",
        ),
        ("lockdowns: {standard: {isolate: {classic_nsg: mine}}}", "write the whole resource id of a classic"),
    ],
)
def test_check_says_what_to_write_and_shows_no_regular_expression(policy: Path, text: str, told: str) -> None:
    policy.write_text(text, encoding="utf-8")
    result = startgate("check", policy)
    assert result.exit_code == 1
    assert told in result.stderr
    assert not set("^$\\{") & set(result.stderr.replace(str(policy), ""))


def test_explain_tells_the_risk_and_its_signals(policy: Path, event: Path) -> None:
    said = startgate("explain", policy, event, *BY_DAY, "--tags", "owner=a@b.c").stdout.splitlines()
    (first,) = [n for n, line in enumerate(said) if line.startswith("risk: ")]
    assert said[first].startswith("risk: low (")
    assert "not known, and so up to " in said[first]
    assert "no-backup" in said[first]
    assert any(line.startswith("  not-owner (unauthorized access, 15): ") for line in said[first:])
    assert "  unauthorized access by itself: low" in said[first:]
    (harmless,) = [line for line in said if line.startswith("  harmless: ")]
    assert "; " in harmless
    assert "risk: " not in startgate("explain", policy, event, *BY_DAY).stdout, "without facts nobody can say"


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
        "from workers.telemetry.health import Health\n"
        "from workers.use_cases.policy_in_force import PolicyInForce\n"
        f"policy = bot.read_policy(path := Path({str(policy)!r}), conditions=False)\n"
        "assert policy.rules\n"
        "assert PolicyInForce(path, policy, Health()).look().found == 'same'\n"
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


def test_check_warns_and_exits_1_only_if_it_is_to_be_strict(policy: Path) -> None:
    assert startgate("check", policy, "--strict").exit_code == 0
    easy = '  - {name: dev, when: \'vm.tags["env"] == "dev"\', verdict: pass}\n'
    policy.write_text(
        POLICY + easy + '  - {name: again, when: \'vm.tags["env"]=="prod"\'}\n', encoding="utf-8"
    )
    result = startgate("check", policy)
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{policy}: fine, with 2 warnings. Asks by tag")
    first, second = result.stderr.splitlines()
    assert first.startswith(f"{policy}:9:17: rules[2].when: lets a start pass by vm.tags alone")
    assert second.startswith(f"{policy}:10:19: rules[3].when: never matches: the rule 'production' before it")
    assert startgate("check", policy, "--strict").exit_code == 1


def test_explain_says_where_an_owner_was_looked_for_in_order(policy: Path, event: Path) -> None:
    fits = f"{{resource_group: {a.vm_ref().resource_group}, ask: [a@b.c]}}"
    fallback = f"owner: {{tags: [owner], fallbacks: [{fits}]}}\n"
    policy.write_text(POLICY + fallback, encoding="utf-8")
    assert "then by 1 fallback, else in #vm-approvals" in startgate("check", policy).stdout
    lines = startgate("explain", policy, event, "--tag", "env=dev").stdout.splitlines()
    at = lines.index("owner: tags owner: no tag owner")
    assert lines[at + 1] == f"  then fallback for resource group {a.vm_ref().resource_group}: names a@b.c"
    lines = startgate("explain", policy, event, "--tag", "owner=c@d.e").stdout.splitlines()
    assert "owner: tags owner: names c@d.e" in lines


def test_check_says_the_same_as_json(policy: Path) -> None:
    fine = json.loads(startgate("check", policy, "--json").stdout)
    assert (fine["fine"], fine["errors"], fine["warnings"]) == (True, [], [])
    policy.write_text("oncall: {usergroup: S0ONCALL1}\nrulez: []\n", encoding="utf-8")
    result = startgate("check", policy, "--json")
    (error,) = json.loads(result.stdout)["errors"]
    assert (result.exit_code, error["line"], error["column"]) == (1, 2, 1)


def test_explain_says_the_same_as_json(policy: Path, event: Path) -> None:
    result = startgate("explain", policy, event, "--tag", "env=prod", *BY_DAY, "--json")
    found = json.loads(result.stdout)
    assert found["verdict"] == "ask, by rule 'production'"
    assert [one["rule"] for one in found["rules"]] == ["nightly builds", "production"]
    assert found["risk"]["level"] in ("low", "medium", "high")
