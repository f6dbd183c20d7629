"""The registry of commands, and what follows from it."""

from pathlib import Path

import pytest
import yaml

from bot.commands.command import Command
from bot.commands.help_blocks import all_commands, usage
from bot.commands.registry import COMMANDS, commands_table
from deploy.sandbox.slack.blockkit import check_blocks
from tests import builders as a

ROOT = Path(__file__).parents[4]
MANIFEST, README = ROOT / "deploy/slack/manifest.yaml", ROOT / "README.md"
ONCALL = "<!subteam^S0ONCALL1>"
BY_NAME = {command.name: command for command in COMMANDS}


def test_the_manifest_lists_the_same_commands_with_the_same_words() -> None:
    listed = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))["features"]["slash_commands"]
    assert [(one["command"], one.get("usage_hint", ""), one["description"]) for one in listed] == [
        (command.name, command.arguments, command.description) for command in COMMANDS
    ]


def test_the_readme_has_the_same_table() -> None:
    assert commands_table() in README.read_text(encoding="utf-8")


def test_names_callback_ids_and_audit_subjects_are_each_used_once() -> None:
    dialogs = [
        callback_id
        for command in COMMANDS
        for callback_id in command.listener(None).dialogs  # type: ignore[arg-type]  # nothing is called
    ]
    for all_of_them in (list(BY_NAME), dialogs, [command.subject for command in COMMANDS]):
        assert len(set(all_of_them)) == len(all_of_them)


def test_usage_shows_the_arguments_and_an_example() -> None:
    command = BY_NAME["/vm-lockdown"]
    message = usage(command, command.may(a.oncall()))
    assert check_blocks(message.blocks, "message") == []
    said = message.blocks[0]["text"]["text"]
    assert said.startswith(f"Usage: `{command.typed}`, e.g. `/vm-lockdown web-02 odd traffic`")
    assert "You can't" not in said


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_that_needs_arguments_has_an_example(command: Command) -> None:
    assert command.asks_for_usage("help")
    assert not command.asks_for_usage("web-02 help me")
    assert command.asks_for_usage("") is (bool(command.example) and not command.opens_form)


def test_help_lists_every_command_with_what_this_person_may_do() -> None:
    open_to_all = sum(not command.who for command in COMMANDS)
    for actor, allowed in ((a.oncall(), len(COMMANDS)), (a.actor(), open_to_all)):
        message = all_commands([(command, command.may(actor)) for command in COMMANDS], ONCALL)
        assert check_blocks(message.blocks, "message") == []
        texts = [block["text"]["text"] for block in message.blocks]
        assert len(texts) == len(COMMANDS)
        assert sum("You can use this." in text for text in texts) == allowed
    texts = [block["text"]["text"] for block in message.blocks]
    for command, text in zip(COMMANDS, texts, strict=True):
        assert (command.summary in text, command.details in text) == (True, True)
        assert command.example in text
    assert "You can't use this: Only on-call can lock down a VM. Ask <!subteam^S0ONCALL1>." in texts[0]


def test_the_table_has_a_row_for_every_command() -> None:
    _, _, *rows = commands_table().splitlines()
    assert len(rows) == len(COMMANDS)
    typed = BY_NAME["/vm-lockdown"].typed
    summary = BY_NAME["/vm-lockdown"].summary
    assert rows[0] == f"| `{typed}` | {summary} | on-call |"
