"""The buttons Details, and Open on a digest: what is known of a start, for whoever sees it and counts."""

from bot.cards.blocks.bursts.digest import opened_dialog
from bot.cards.blocks.details.dialog import details_dialog
from bot.cards.blocks.joined import from_button
from bot.requests import Clicked
from bot.services import Services
from workers.domain.asking.approvals import Approval
from workers.domain.asking.decisions import Permission
from workers.use_cases.refuse import refuse_unless


class Details:
    """Opens the dialogs; they change nothing."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def pressed(self, clicked: Clicked) -> None:
        """Show all that is known. Who does not count here, such as a guest, is refused."""
        await clicked.open_dialog(details_dialog(await self._seen(clicked), portal=self._services.portal))

    async def opened(self, clicked: Clicked) -> None:
        """Show the question as it would be on a card of its own, with its buttons."""
        approval, containment = await self._seen(clicked), None
        if approval.containment_id is not None:
            containment = await self._services.store.containment(approval.containment_id)
        await clicked.open_dialog(opened_dialog(approval, containment, reader=clicked.actor.email))

    async def _seen(self, clicked: Clicked) -> Approval:
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
        return approval
