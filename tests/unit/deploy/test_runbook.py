"""The operator's page knows every command, alert, scope and setting that it names, and names every alert."""

import re
import shlex

import pytest
import typer
import typer.main

from bot.__main__ import cli as bot_cli
from bot.doctor import SCOPES
from bot.settings import BotSettings
from tests.unit.deploy.templates import AZURE, ROOT, every_resource, parsed, variable
from workers.cli import app as workers_cli
from workers.settings import DeskSettings, WorkersSettings
from workers.store.users.access import Who, rules

RUNBOOK = (ROOT / "deploy" / "README.md").read_text(encoding="utf-8")
PAGES = RUNBOOK + (AZURE / "README.md").read_text(encoding="utf-8")
COMMANDS = {"startgate": workers_cli, "startgate-bot": bot_cli}


def named() -> set[str]:
    """Every command of ours that a page names, as it is typed."""
    return set(re.findall(r"[`\"$ ](startgate(?:-bot)? [a-z][a-z -]*[a-z])(?=[ `\"]|$)", PAGES, re.MULTILINE))


def exists(app: typer.Typer, words: list[str]) -> bool:
    group: object = typer.main.get_command(app)
    for word in words:
        commands = getattr(group, "commands", None)
        if commands is None:
            return True  # an argument
        if word not in commands and word not in {"workers", "run"}:
            return False
        group = commands.get(word)
    return True


@pytest.mark.parametrize("typed", sorted(named()))
def test_a_command_of_the_page_exists(typed: str) -> None:
    program, *words = shlex.split(typed)
    assert exists(COMMANDS[program], words)


def test_a_command_that_is_none_is_found() -> None:
    assert not exists(workers_cli, ["nonsense"])
    assert not exists(workers_cli, ["dlq", "nonsense"])
    assert exists(workers_cli, ["dlq", "show", "starts"])


def test_the_page_names_commands_at_all() -> None:
    assert {"startgate doctor", "startgate-bot doctor", "startgate dlq list"} <= named()


def test_there_is_a_line_for_every_alert_and_for_no_other() -> None:
    alerts = {one["name"] for kind in ("metrics", "lines") for one in variable("modules/alerts.bicep", kind)}
    alerts |= {
        one["name"]
        for _, _, one in every_resource()
        if one["type"].startswith("Microsoft.Insights/") and str(one["name"]).startswith("startgate-")
    }
    section = RUNBOOK.partition("## When an alert comes")[2].partition("\n## ")[0]
    told = {
        name
        for row in re.findall(r"(?m)^\| (`startgate-[^|]*)\|", section)
        for name in re.findall(r"`([^`]+)`", row)
    }
    assert told == alerts


def test_every_scope_of_slack_stands_there_with_its_reason() -> None:
    for scope, why in SCOPES.items():
        assert f"| `{scope}` | {why} |" in RUNBOOK


@pytest.mark.parametrize("who", Who)
def test_the_rights_in_redis_are_those_that_are_tested(who: Who) -> None:
    assert f"ACL SETUSER {who} on >PASSWORD {' '.join(rules(who))}" in RUNBOOK


def test_every_setting_that_is_named_exists() -> None:
    fields = {
        f"STARTGATE_{name}".upper()
        for settings in (WorkersSettings, BotSettings, DeskSettings)
        for name in settings.model_fields
    }
    assert set(re.findall(r"STARTGATE_[A-Z_]*[A-Z]", PAGES)) <= fields


def test_every_parameter_of_the_template_is_in_the_table_or_a_secret() -> None:
    page = (AZURE / "README.md").read_text(encoding="utf-8")
    missing = [name for name in parsed("main.bicep")["parameters"] if f"`{name}`" not in page]
    assert not [name for name in missing if name not in NAMED_IN_THE_EXAMPLE]


NAMED_IN_THE_EXAMPLE = {
    "location",
    "name",
    "tags",
    "policy",
    "slackBotToken",
    "slackAppToken",
    "slackSigningSecret",
}


def test_every_target_of_make_that_is_named_exists() -> None:
    targets = set(re.findall(r"(?m)^([a-z-]+):(?!=)", (ROOT / "Makefile").read_text(encoding="utf-8")))
    assert set(re.findall(r"`make ([a-z-]+)", PAGES)) <= targets
