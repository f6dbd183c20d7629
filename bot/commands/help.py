"""``/vm-help``: every command, and which of them this person may use."""

from collections.abc import Callable, Sequence

from bot.cards.audience import oncall_mention
from bot.cards.blocks.message import Message
from bot.commands.command import Command, everybody
from bot.commands.help_blocks import all_commands, usage
from bot.requests import Buttons, Dialogs, Typed
from bot.services import Services


class HelpListener:
    """Answers with the list of commands."""

    dialogs: Dialogs = {}
    buttons: Buttons = {}

    def __init__(self, services: Services, commands: Callable[[], Sequence[Command]]) -> None:
        self._services = services
        self._commands = commands

    async def typed(self, command: Typed) -> Message:
        """List them, or say more of one."""
        mention = oncall_mention(self._services.policy().oncall)
        named = command.text.lower().removeprefix("/").removeprefix("vm-")
        for one in self._commands():
            if named and one.subject == named:
                return usage(one, one.may(command.actor), mention)
        return all_commands([(one, one.may(command.actor)) for one in self._commands()], mention)


def help_command(commands: Callable[[], Sequence[Command]]) -> Command:
    """The command that lists ``commands``, itself among them."""
    return Command(
        name="/vm-help",
        arguments="[COMMAND]",
        summary="List the commands and which of them you can use",
        may=everybody,
        listener=lambda services: HelpListener(services, commands),
    )
