"""``startgate policy init``: a first policy file, from a few answers."""

import re
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator
from typer.testing import CliRunner, Result

from workers.cli import app
from workers.domain.policy.model import OnSilence, Policy
from workers.domain.policy.reading.file import load_policy, policy_warnings
from workers.domain.policy.reading.json_schema import policy_schema

GIVEN = ["--oncall", "S0ONCALL01", "--tags", "owner", "--fallback", "C0APPROVALS"]
ALL = [*GIVEN, "--oncall-channel", "C0ONCALL001", "--on-silence", "escalate"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "policy.yaml"


def startgate(*arguments: object, answers: str | None = None) -> Result:
    return CliRunner().invoke(app, ["policy", *map(str, arguments)], input=answers)


def written(file: Path) -> Policy:
    return load_policy(file.read_text(encoding="utf-8"))


def test_it_asks_five_questions_and_writes_what_was_answered(file: Path) -> None:
    result = startgate("init", file, answers="team, contact\nC0APPROVALS\n#ops\nS0ONCALL01\nisolate\n")
    assert result.exit_code == 0, result.output
    assert "Who is on call" in result.stdout
    policy = written(file)
    assert policy.owner.tags == ("team", "contact")
    assert (policy.owner.fallback, policy.oncall.channel) == ("C0APPROVALS", "#ops")
    assert (policy.oncall.usergroup, policy.oncall.users) == ("S0ONCALL01", ())
    assert policy.defaults.on_silence is OnSilence.ISOLATE


def test_an_empty_answer_takes_what_is_proposed_and_silence_contains_nothing(file: Path) -> None:
    startgate("init", file, answers="\n\n\nU0NADIA003, U0OMAR0004\n\n")
    policy = written(file)
    assert policy.owner.tags == ("owner", "contact")
    assert policy.oncall.users == ("U0NADIA003", "U0OMAR0004")
    assert policy.defaults.on_silence is OnSilence.ESCALATE


def test_a_wrong_answer_is_asked_again_with_its_remedy(file: Path) -> None:
    result = startgate("init", file, answers="\nApprovals\n\n\nvm-oncall\nS0ONCALL01\nexplode\nleave\n")
    assert result.exit_code == 0, result.output
    assert "write #name in lower case, or a channel id" in result.output
    assert "write a member ID such as U0123ABCD" in result.output
    assert written(file).defaults.on_silence is OnSilence.LEAVE


@pytest.mark.parametrize("silence", OnSilence)
def test_what_it_writes_passes_a_strict_check(file: Path, silence: OnSilence) -> None:
    assert startgate("init", file, *ALL, "--on-silence", silence).exit_code == 0
    checked = startgate("check", file, "--strict")
    assert checked.exit_code == 0, checked.output
    assert checked.stdout.startswith(f"{file}: fine. Asks by tag owner, else in C0APPROVALS;")


def test_what_stands_in_its_comments_is_valid_too(file: Path) -> None:
    startgate("init", file, *ALL)
    text = file.read_text(encoding="utf-8")
    inline = r"(?:fallbacks|quiet_hours|two_person): .*"
    example = re.compile(rf"^(\s*)# ((?:rules|never|isolate|allow):|{inline}|  .*)$", re.MULTILINE)
    text = example.sub(r"\1\2", text)
    policy = load_policy(text)
    assert len(policy.rules) == 2
    assert policy.never
    assert policy.lockdown.isolate.allow
    assert policy.owner.fallbacks
    assert policy.quiet_hours
    assert policy.two_person.confirm
    assert policy_warnings(policy, text) == []
    assert list(Draft202012Validator(policy_schema()).iter_errors(yaml.safe_load(text))) == []


def test_it_never_overwrites(file: Path) -> None:
    file.write_text("mine", encoding="utf-8")
    result = startgate("init", file, *ALL)
    assert result.exit_code == 1
    assert "exists, and is left alone" in result.stderr
    assert "Tags that name" not in startgate("init", file, answers="\n").output, "said before it asks"
    assert file.read_text(encoding="utf-8") == "mine"


def test_whoever_breaks_off_leaves_no_file(file: Path) -> None:
    assert startgate("init", file, answers="owner\n").exit_code == 1
    assert not file.exists()


@pytest.mark.parametrize("tag", ['a"b: {c}', "#x", "\x1b[2J", "no", "a'b", "{0}"])
def test_a_hostile_tag_stays_a_tag(file: Path, tag: str) -> None:
    assert startgate("init", file, *ALL, "--tags", tag).exit_code == 0
    assert written(file).owner.tags == (tag,)
    assert yaml.safe_load(file.read_text(encoding="utf-8"))["owner"]["tags"] == [tag]


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    result = startgate("init", tmp_path / "no" / "policy.yaml", *ALL)
    assert result.exit_code == 1
    assert "can't be written" in result.stderr
