"""Every command says how it is typed, stands in a group, and prints JSON where it prints a table."""

import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from workers.__main__ import app
from workers.cli import LOOKING, OPERATING, PROVING, WAITING

NO_TABLE = {
    # They do one thing and say so in a line.
    *("decide", "lockdown", "restore", "pause", "resume", "access", "evidence", "workers", "forget"),
    *("archive export", "dlq replay", "dlq discard", "defender enable", "vm create"),
    # They print a file.
    *("policy example", "policy schema", "policy init", "audit export", "alerts workflow", "vm example"),
}


def commands(group: Any = None, words: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every command, as it is typed after ``startgate``."""
    group = group or typer.main.get_command(app)
    for name, command in group.commands.items():
        typed = (*words, name)
        if hasattr(command, "commands"):
            yield from commands(command, typed)
        else:
            yield " ".join(typed), command


ALL = dict(commands())


def options(command: Any) -> set[str]:
    return {one for parameter in command.params for one in parameter.opts if one.startswith("-")}


def test_there_are_commands() -> None:
    assert {"approvals", "policy check", "archive verify", "workers"} <= ALL.keys()


@pytest.mark.parametrize("typed", ALL)
def test_a_command_s_help_has_an_example_that_it_understands(typed: str) -> None:
    command = ALL[typed]
    _, _, example = (command.help or "").partition("Example: ")
    words = shlex.split(example.splitlines()[0]) if example else []
    named = ["startgate", *typed.split()]
    assert words[: len(named)] == named, "give an example in its docstring"
    assert {word for word in words if word.startswith("-")} <= options(command)
    required = [one for one in command.params if one.param_type_name == "argument" and one.required]
    assert len(words) - len(named) >= len(required)


@pytest.mark.parametrize("typed", sorted(ALL.keys() - NO_TABLE))
def test_a_command_that_prints_a_table_prints_json_too(typed: str) -> None:
    assert "--json" in options(ALL[typed])


def test_what_has_no_table_is_a_command() -> None:
    assert ALL.keys() >= NO_TABLE


def test_the_help_groups_commands_by_what_somebody_wants() -> None:
    root: Any = typer.main.get_command(app)
    panels = {name: command.rich_help_panel for name, command in root.commands.items()}
    assert set(panels.values()) == {WAITING, LOOKING, PROVING, OPERATING}
    shown = CliRunner().invoke(app, ["--help"], terminal_width=100).stdout
    assert [shown.index(panel) for panel in (WAITING, LOOKING, PROVING, OPERATING)]
