"""The button *I pressed wrongly* below a rejection, in its time of grace."""

from bot.cards.blocks.answers import private
from bot.cards.blocks.message import Message
from bot.cards.blocks.text import code, name
from bot.requests import Clicked
from bot.services import Services


class RegretClick:
    """Takes the rejection back."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def pressed(self, clicked: Clicked) -> Message:
        """Put it on record, and say what follows."""
        vm = (await self._services.regret(clicked.value, clicked.actor)).vm.name
        return private(
            f"Taken back: {name(vm)}",
            f"Nothing more is done to {code(vm)}. Its isolation is being undone; see the thread.",
        )
