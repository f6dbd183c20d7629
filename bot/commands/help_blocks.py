"""How commands are typed, and which of them somebody may use."""

from collections.abc import Sequence

from bot.cards.blocks.answers import private
from bot.cards.blocks.kit import section
from bot.cards.blocks.message import Message
from bot.cards.blocks.text import code, escape
from bot.commands.command import Command
from workers.domain.asking.decisions import Permission


def usage(command: Command, permission: Permission, ask: str = "") -> Message:
    """How one command is typed, with an example; ``ask`` is a mention of on-call, or empty."""
    example = f", e.g. {code(f'{command.name} {command.example}', 300)}" if command.example else ""
    lines = [f"Usage: {code(command.typed, 300)}{example}", f"{command.summary}.", command.details]
    if not permission.allowed:
        lines.append(_refusal(permission, ask))
    return private(f"Usage: {command.typed}", "\n".join(filter(None, lines)))


def all_commands(commands: Sequence[tuple[Command, Permission]], ask: str = "") -> Message:
    """Every command, and for each whether this person may use it."""
    return Message(
        "Startgate's commands",
        [
            section(
                "\n".join(
                    [
                        code(command.typed, 300),
                        f"{command.summary}.{_example(command)}",
                        *([command.details] if command.details else []),
                        "You can use this." if permission.allowed else _refusal(permission, ask),
                    ]
                )
            )
            for command, permission in commands
        ],
    )


def _example(command: Command) -> str:
    """`` E.g. `/vm-lockdown web-02 odd traffic`.``, or nothing."""
    return f" E.g. {code(f'{command.name} {command.example}', 300)}." if command.example else ""


def _refusal(permission: Permission, ask: str) -> str:
    return f"You can't use this: {escape(permission.reason, 500)}" + (f" Ask {ask}." if ask else "")
