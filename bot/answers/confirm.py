"""The card's button Confirm. Slack itself has asked once more before the click arrives."""

from bot.cards.blocks.answers import already_decided, recorded
from bot.cards.blocks.message import Message
from bot.requests import Clicked
from bot.services import Services
from workers.domain.asking.decisions import Answer
from workers.domain.errors import AlreadyDecided


class Confirm:
    """Records that the start was expected."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def pressed(self, clicked: Clicked) -> Message:
        """Record it, or say who was first."""
        try:
            decided = await self._services.decide(Answer.CONFIRM, clicked.value, clicked.actor)
        except AlreadyDecided:
            approval = await self._services.store.approval(clicked.value)
            return already_decided(approval, Answer.CONFIRM, clicked.actor)
        return recorded(decided.approval)
