"""The card's button Confirm, and the dialog that it opens at high risk.

At lower risk Slack itself has asked once more before the click arrives.
"""

from bot.answers.deciding.confirm_blocks import confirm_dialog
from bot.answers.deciding.reject_blocks import decided_dialog
from bot.cards.blocks.answers import already_decided, asked_again, recorded
from bot.cards.blocks.inputs import given_reason
from bot.cards.blocks.joined import from_button
from bot.cards.blocks.message import Message
from bot.requests import Clicked, Outcome, Submitted
from bot.services import Services
from workers.domain.asking.decisions import Answer
from workers.domain.errors import AlreadyDecided, NeedsReason, Outdated


class Confirm:
    """Records that the start was expected."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def pressed(self, clicked: Clicked) -> Message | None:
        """Record it, or ask why, or say who was first, or show what happened since and ask again."""
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
        except NeedsReason:
            await clicked.open_dialog(confirm_dialog(await self._services.store.approval(approval_id)))
            return None
        return recorded(decided.approval)

    async def submitted(self, dialog: Submitted) -> Outcome:
        """Authorize once more and record it with its reason, or say what happened meanwhile."""
        approval_id, shown = from_button(str(dialog.view["private_metadata"]))
        try:
            decided = await self._services.decide(
                Answer.CONFIRM,
                approval_id,
                dialog.actor,
                shown=shown,
                reason=given_reason(dialog.view),
                via="dialog",
            )
        except AlreadyDecided:
            approval = await self._services.store.approval(approval_id)
            if approval.answered(Answer.CONFIRM, dialog.actor.slack_user):
                return Outcome(message=recorded(approval))
            return Outcome(view=decided_dialog(approval))
        except Outdated:
            approval = await self._services.store.approval(approval_id)
            if not approval.open:
                return Outcome(view=decided_dialog(approval))
            return Outcome(view=confirm_dialog(approval, again=True))
        waits = decided.approval.waits_for_second is not None
        return Outcome(message=recorded(decided.approval)) if waits else Outcome()
