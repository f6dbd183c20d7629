"""Every slash command: one line each. Help, usage, permission, the manifest and the README's table follow."""

from bot.commands import lockdown, pause, restore
from bot.commands.ahead import delegate, expect
from bot.commands.command import Command
from bot.commands.help import help_command
from bot.commands.reading import approvals, report, status

COMMANDS: tuple[Command, ...] = (
    lockdown.COMMAND,
    restore.COMMAND,
    status.COMMAND,
    approvals.COMMAND,
    expect.COMMAND,
    delegate.COMMAND,
    report.COMMAND,
    pause.COMMAND,
    help_command(lambda: COMMANDS),
)


def commands_table() -> str:
    """The commands as a table in Markdown, for the README."""
    rows = [
        f"| `{command.typed}` | {command.summary} | {command.who or 'everybody'} |" for command in COMMANDS
    ]
    return "\n".join(["| Command | What it does | Who |", "| --- | --- | --- |", *rows])
