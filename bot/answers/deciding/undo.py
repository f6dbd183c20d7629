"""The button Undo below a confirmation that was given in words."""

from bot.cards.blocks.answers import already_decided, private
from bot.cards.blocks.message import Message
from bot.cards.blocks.text import code, name
from bot.requests import Clicked
from bot.services import Services
from workers.domain.asking.decisions import Answer
from workers.domain.errors import AlreadyDecided


class UndoClick:
    """Takes the confirmation back."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def pressed(self, clicked: Clicked) -> Message:
        """Reopen the question, or say why that is not possible any more."""
        try:
            reopened = await self._services.take_back(clicked.value, clicked.actor)
        except AlreadyDecided:
            approval = await self._services.store.approval(clicked.value)
            if approval.open:
                return already_decided(approval, Answer.CONFIRM, clicked.actor)
            ended = already_decided(approval, Answer.REJECT, clicked.actor)
            return Message("Too late to undo", ended.blocks)
        vm = reopened.event.vm.name
        return private(f"Open again: {name(vm)}", f"The question about {code(vm)} is open again.")
