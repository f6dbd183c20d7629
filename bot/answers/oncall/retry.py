"""The button Retry below what on-call is called for: what failed is tried again."""

from bot.answers.oncall.retry_blocks import nothing_to_retry, retrying
from bot.cards.blocks.message import Message
from bot.requests import Clicked
from bot.services import Services


class RetryClick:
    """Has failed steps tried again. The message with the button may be old, so what has failed now counts."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def pressed(self, clicked: Clicked) -> Message:
        """Order it, and say what is tried."""
        retried = await self._services.retry(clicked.value, clicked.actor)
        if not retried.steps:
            return nothing_to_retry(retried.containment)
        return retrying(retried.containment, retried.steps)
