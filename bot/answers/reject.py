"""The card's button Reject, and the dialog that it opens."""

from bot.answers.reject_blocks import decided_dialog, reject_dialog
from bot.cards.blocks.answers import already_decided, recorded
from bot.cards.blocks.inputs import given_reason
from bot.cards.blocks.joined import from_button
from bot.cards.blocks.message import Message
from bot.requests import Clicked, Outcome, Submitted
from bot.services import Services
from workers.domain.asking.decisions import Answer
from workers.domain.errors import AlreadyDecided


class Reject:
    """Shows what a rejection will do, and records it once the dialog is submitted."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def pressed(self, clicked: Clicked) -> Message | None:
        """Show what will be done, and ask why. Nothing happens yet."""
        approval_id, _ = from_button(clicked.value)
        try:
            approval = await self._services.decide.may(Answer.REJECT, approval_id, clicked.actor)
        except AlreadyDecided:
            approval = await self._services.store.approval(approval_id)
            return already_decided(approval, Answer.REJECT, clicked.actor)
        await clicked.open_dialog(reject_dialog(approval))
        return None

    async def submitted(self, dialog: Submitted) -> Outcome:
        """Authorize once more, record the rejection and start the containment, or say who was first."""
        approval_id = str(dialog.view["private_metadata"])
        try:
            await self._services.decide(
                Answer.REJECT, approval_id, dialog.actor, reason=given_reason(dialog.view), via="dialog"
            )
        except AlreadyDecided:
            approval = await self._services.store.approval(approval_id)
            if approval.answered(Answer.REJECT, dialog.actor.slack_user):
                return Outcome(
                    message=recorded(approval)
                )  # sent twice, as a lost acknowledgement makes people do
            return Outcome(view=decided_dialog(approval))
        return Outcome()
