"""The buttons of a burst's card: confirm all, reject all, or open the list and decide one by one."""

from bot.answers.deciding.bursts_blocks import nothing_left, ordered
from bot.cards.blocks.bursts.card import CONFIRM_ALL, LIST, REJECT_ALL, from_button
from bot.cards.blocks.bursts.dialogs import (
    ANSWER,
    DECIDE_LISTED,
    REJECT_THEM,
    chosen,
    list_dialog,
    reject_all_dialog,
)
from bot.cards.blocks.inputs import REASON, given_reason
from bot.cards.blocks.message import Message
from bot.requests import Clicked, OnClick, OnSubmit, Outcome, Submitted, View
from bot.services import Services
from workers.domain.asking.decisions import Answer

_NONE = "These were answered meanwhile, or are of high risk and have a card each. Nothing was recorded."


class BurstAnswers:
    """Orders an answer to several questions, and says to how many."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.buttons: dict[str, OnClick] = {
            CONFIRM_ALL: self.confirm_all,
            REJECT_ALL: self.reject_all,
            LIST: self.listed,
        }
        self.dialogs: dict[str, OnSubmit] = {REJECT_THEM: self.rejected, DECIDE_LISTED: self.decided}

    async def confirm_all(self, clicked: Clicked) -> Message:
        """All that the message shows and that wait."""
        card_id, shown = from_button(clicked.value)
        given = await self._services.answer_all(Answer.CONFIRM, card_id, clicked.actor, shown=shown)
        return ordered(Answer.CONFIRM, given) if given.starts else nothing_left()

    async def reject_all(self, clicked: Clicked) -> Message | None:
        """Ask why. Nothing happens yet."""
        card_id, shown = from_button(clicked.value)
        await self._services.answer_all.may(Answer.REJECT, card_id, clicked.actor)
        card = await self._services.store.card(card_id)
        waiting = tuple(one for one in card.members[:shown] if one.open)
        if not waiting:
            return nothing_left()
        await clicked.open_dialog(reject_all_dialog(card, shown, len(waiting)))
        return None

    async def rejected(self, dialog: Submitted) -> Outcome:
        """Authorize once more, and order it."""
        card_id, shown = from_button(str(dialog.view["private_metadata"]))
        given = await self._services.answer_all(
            Answer.REJECT, card_id, dialog.actor, shown=shown, reason=given_reason(dialog.view)
        )
        return Outcome(message=ordered(Answer.REJECT, given) if given.starts else nothing_left())

    async def listed(self, clicked: Clicked) -> None:
        """Open the list."""
        card_id, page = from_button(clicked.value)
        card = await self._services.store.card(card_id)
        await clicked.open_dialog(list_dialog(card, page))

    async def page(self, clicked: Clicked) -> View:
        """Another page of the list, in the place of the one that is open."""
        card_id, number = from_button(clicked.value)
        return list_dialog(await self._services.store.card(card_id), number)

    async def decided(self, dialog: Submitted) -> Outcome:
        """Order the answer to those that were chosen; a rejection needs a reason."""
        card_id, _ = from_button(str(dialog.view["private_metadata"]))
        starts, answer = chosen(dialog.view)
        reason = given_reason(dialog.view)
        if answer is Answer.REJECT and not reason.strip():
            return Outcome(errors={REASON: "Please say why you didn't expect them."})
        given = await self._services.answer_all(answer, card_id, dialog.actor, chosen=starts, reason=reason)
        if not given.starts:
            return Outcome(errors={ANSWER: _NONE})
        return Outcome(message=ordered(answer, given))
