"""The buttons of a request that takes two persons: approve it, or decline it."""

from bot.cards.blocks.access.answers import ended_already, replied
from bot.cards.blocks.message import Message
from bot.requests import Clicked
from bot.services import Services
from workers.domain.errors import AlreadyDecided


class AccessAnswers:
    """Records the second person's answer, and says what follows."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def approve(self, clicked: Clicked) -> Message:
        """What the first person asked for is done."""
        try:
            return replied(await self._services.access.approve(clicked.value, clicked.actor))
        except AlreadyDecided as decided:
            return ended_already(decided.outcome)

    async def decline(self, clicked: Clicked) -> Message:
        """It is not done."""
        try:
            return replied(await self._services.access.decline(clicked.value, clicked.actor))
        except AlreadyDecided as decided:
            return ended_already(decided.outcome)
