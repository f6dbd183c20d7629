"""The card's button Confirm. Slack itself has asked once more before the click arrives."""

from bot.cards.blocks.answers import already_decided, asked_again, recorded
from bot.cards.blocks.joined import from_button
from bot.cards.blocks.message import Message
from bot.requests import Clicked
from bot.services import Services
from workers.domain.asking.decisions import Answer
from workers.domain.errors import AlreadyDecided, Outdated


class Confirm:
    """Records that the start was expected."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def pressed(self, clicked: Clicked) -> Message:
        """Record it, or say who was first, or show what happened since and ask again."""
        approval_id, shown = from_button(clicked.value)
        try:
            decided = await self._services.decide(Answer.CONFIRM, approval_id, clicked.actor, shown=shown)
        except AlreadyDecided:
            approval = await self._services.store.approval(approval_id)
            return already_decided(approval, Answer.CONFIRM, clicked.actor)
        except Outdated:
            approval = await self._services.store.approval(approval_id)
            if not approval.open:
                return already_decided(approval, Answer.CONFIRM, clicked.actor)
            return asked_again(approval, shown)
        return recorded(decided.approval)
