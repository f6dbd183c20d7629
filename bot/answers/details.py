"""The card's button Details: everything that is known of the start, for whoever sees the card and counts."""

from bot.cards.blocks.details.dialog import details_dialog
from bot.cards.blocks.joined import from_button
from bot.requests import Clicked
from bot.services import Services
from workers.domain.asking.decisions import Permission
from workers.use_cases.refuse import refuse_unless


class Details:
    """Opens the dialog; it changes nothing."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def pressed(self, clicked: Clicked) -> None:
        """Show it. Who does not count here, such as a guest, is refused."""
        services, actor = self._services, clicked.actor
        approval = await services.store.approval(from_button(clicked.value)[0])
        await refuse_unless(
            Permission(allowed=not actor.barred, reason=actor.barred or "sees the card"),
            actor,
            store=services.store,
            clock=services.clock,
            kind="details.refused",
            about=approval,
        )
        await clicked.open_dialog(details_dialog(approval, portal=services.portal))
