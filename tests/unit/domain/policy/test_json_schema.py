"""The policy's JSON Schema: an editor finds what it says, and it says what the model says."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from workers.cli import app
from workers.domain.errors import InvalidPolicy
from workers.domain.policy.cel.variables import ABOUT_VMS, VARIABLES
from workers.domain.policy.reading.file import load_policy
from workers.domain.policy.reading.json_schema import policy_schema
from workers.domain.starts.signals.table import IDS

ROOT = Path(__file__).parents[4]
SCHEMA = policy_schema()
ONCALL = "oncall: {usergroup: S0ONCALL1}\n"
RULE = "rules:\n  - {name: prod, when: 'vm.name == \"a\"', "


def flaws(text: str) -> list[str]:
    return [error.json_path for error in Draft202012Validator(SCHEMA).iter_errors(yaml.safe_load(text))]


def test_it_is_a_valid_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_the_file_in_docs_is_what_the_model_says() -> None:
    kept = (ROOT / "docs" / "policy.schema.json").read_text(encoding="utf-8")
    assert json.loads(kept) == SCHEMA, "run `make docs`"


def test_startgate_prints_the_file_of_docs() -> None:
    said = CliRunner().invoke(app, ["policy", "schema"])
    assert said.exit_code == 0
    assert said.stdout == (ROOT / "docs" / "policy.schema.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted(ROOT.glob("deploy/**/policy.yaml")), ids=str)
def test_our_own_policies_are_valid(path: Path) -> None:
    assert flaws(path.read_text(encoding="utf-8")) == []


def test_there_are_policies_of_our_own_to_look_at() -> None:
    found = {path.parent.name for path in ROOT.glob("deploy/**/policy.yaml")}
    assert {"sandbox", "azure"} <= found


VALID = [
    f"{ONCALL}rules:\n  - {{name: all, when: true}}",
    f"{ONCALL}never: 'vm.name == \"dc\"'",
    f"{ONCALL}never: [{{name: dcs, when: 'vm.name == \"dc\"'}}]",
    f"{ONCALL}two_person: restore",
    f"{ONCALL}two_person: {{restore: true, expire_after: 1h30m}}",
    f"{ONCALL}{RULE}on_silence: {{contain: soft}}}}\nlockdowns: {{soft: {{steps: [stop]}}, standard: {{}}}}",
    f"{ONCALL}risk: {{weights: {{not-owner: 3}}, hours: {{begin: '07:00', end: '19:00'}}}}",
    f"{ONCALL}lockdowns: {{standard: {{isolate: {{expire_after: 8h}}, tags: {{a: b}}, page_after: 90.5s}}}}",
    "oncall: {users: [U0NADIA003], channel: C0ONCALL01}\ndefaults: {expire_after: 2d, lockdown: standard}",
]


@pytest.mark.parametrize("text", VALID)
def test_what_the_loader_takes_is_valid(text: str) -> None:
    load_policy(text)
    assert flaws(text) == []


INVALID = [
    (f"{ONCALL}ownr: {{}}", "$"),
    ("owner: {}", "$"),
    (f"{ONCALL}owner: {{fallback: approvals}}", "$.owner.fallback"),
    (f"{ONCALL}defaults: {{remind_after: ten minutes}}", "$.defaults.remind_after"),
    (f"{ONCALL}defaults: {{remind_after: PT10M}}", "$.defaults.remind_after"),
    (f"{ONCALL}defaults: {{remind_after: 10}}", "$.defaults.remind_after"),
    (f"{ONCALL}defaults: {{on_silence: explode}}", "$.defaults.on_silence"),
    (f"{ONCALL}defaults: {{on_silence: {{contain: A b}}}}", "$.defaults.on_silence"),
    (f"{ONCALL}{RULE}verdict: perhaps}}", "$.rules[0].verdict"),
    (f"{ONCALL}{RULE}colour: red}}", "$.rules[0]"),
    (f"{ONCALL}rules: [{{name: a, when: 3}}]", "$.rules[0].when"),
    (f"{ONCALL}rules: [{{name: a}}]", "$.rules[0]"),
    (f"{ONCALL}two_person: both", "$.two_person"),
    (f"{ONCALL}lockdowns: {{Soft!: {{}}}}", "$.lockdowns"),
    (f"{ONCALL}lockdowns: {{standard: {{steps: [explode]}}}}", "$.lockdowns.standard.steps[0]"),
    (f"{ONCALL}lockdowns: {{standard: {{isolate: {{alow: []}}}}}}", "$.lockdowns.standard.isolate"),
    (f"{ONCALL}risk: {{weights: {{not-ownr: 3}}}}", "$.risk.weights"),
    (f"{ONCALL}cap: {{containments_per_hour: 0}}", "$.cap.containments_per_hour"),
]


@pytest.mark.parametrize(("text", "where"), INVALID)
def test_an_editor_marks_what_the_loader_refuses(text: str, where: str) -> None:
    with pytest.raises(InvalidPolicy):
        load_policy(text)
    assert flaws(text) == [where]


def test_every_setting_is_described() -> None:
    settings: dict[str, Any] = {"Policy": SCHEMA, **SCHEMA["$defs"]}
    bare = [
        f"{model}.{name}"
        for model, schema in settings.items()
        for name, about in schema.get("properties", {}).items()
        if not about.get("description", "").endswith(".")
    ]
    assert bare == []


def test_conditions_tell_what_they_may_read() -> None:
    models = SCHEMA["$defs"]
    rule = models["Rule"]["properties"]["when"]["description"]
    guard = models["Guard"]["properties"]["when"]["description"]
    assert all(f"{name} (" in rule for name in VARIABLES)
    assert {name for name in VARIABLES if f"{name} (" in guard} == ABOUT_VMS
    assert models["RiskSettings"]["properties"]["weights"]["propertyNames"]["enum"] == list(IDS)


def test_defaults_are_written_as_people_write_them() -> None:
    defaults = SCHEMA["$defs"]["Defaults"]["properties"]
    assert defaults["remind_after"]["default"] == "10m"
    assert defaults["expire_after"]["default"] == "1h"
    assert "PT" not in json.dumps(SCHEMA)
