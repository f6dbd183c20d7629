"""The buttons of the question about the cap: go on with these, or hold."""

from bot.answers.oncall.cap_blocks import going_on, held_back, too_late
from bot.cards.blocks.brakes.cap_card import from_button
from bot.cards.blocks.message import Message
from bot.requests import Clicked
from bot.services import Services
from workers.domain.errors import AlreadyDecided


class CapAnswers:
    """Records on-call's answer, and says what follows."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def go_on(self, clicked: Clicked) -> Message:
        """Those that the message showed go on."""
        return await self._answer(clicked, go_on=True)

    async def hold(self, clicked: Clicked) -> Message:
        """Everything that waits is held back for an hour."""
        return await self._answer(clicked, go_on=False)

    async def _answer(self, clicked: Clicked, *, go_on: bool) -> Message:
        number, shown = from_button(clicked.value)
        try:
            answered = await self._services.cap(number, shown, clicked.actor, go_on=go_on)
        except AlreadyDecided as decided:
            return too_late(decided.outcome)
        return going_on(len(answered.released)) if go_on else held_back(answered.asked)
