"""The card's button *Not mine*, and its dialog: the question goes to somebody else, or to on-call."""

from bot.answers.deciding.bursts_blocks import nothing_left
from bot.answers.deciding.not_mine_blocks import (
    WHO,
    all_passed_on,
    named,
    not_mine_all_dialog,
    not_mine_dialog,
    passed_on,
)
from bot.answers.deciding.reject_blocks import decided_dialog
from bot.cards.blocks.answers import already_decided, as_dialog
from bot.cards.blocks.bursts import card as burst
from bot.cards.blocks.joined import from_button
from bot.cards.blocks.message import Message
from bot.requests import Clicked, Outcome, Submitted
from bot.services import Services
from workers.domain.asking.decisions import Answer
from workers.domain.errors import AlreadyDecided, NotYet


class NotMine:
    """Asks whose VM it is, and has that person asked."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def pressed(self, clicked: Clicked) -> Message | None:
        """Ask whose it is. Nothing happens yet."""
        approval_id, _ = from_button(clicked.value)
        try:
            approval = await self._services.pass_on.may(approval_id, clicked.actor)
        except AlreadyDecided:
            approval = await self._services.store.approval(approval_id)
            return already_decided(approval, Answer.REJECT, clicked.actor)
        await clicked.open_dialog(not_mine_dialog(approval))
        return None

    async def submitted(self, dialog: Submitted) -> Outcome:
        """Pass it on; authorized once more. Who is named is judged by what Slack says now."""
        approval_id, user = str(dialog.view["private_metadata"]), named(dialog.view)
        try:
            to = await self._services.directory.actor(user, now=True) if user else None
            after = await self._services.pass_on(approval_id, dialog.actor, to)
        except AlreadyDecided:
            return Outcome(view=decided_dialog(await self._services.store.approval(approval_id)))
        except NotYet as impossible:
            return Outcome(errors={WHO: impossible.diagnostics()})
        return Outcome(message=passed_on(after))


class NotMineAll:
    """The same for all starts on the card of a burst."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def pressed(self, clicked: Clicked) -> Message | None:
        """Ask whose they are. Nothing happens yet."""
        card_id, shown = burst.from_button(clicked.value)
        try:
            first, count = await self._services.pass_all.may(card_id, clicked.actor, shown)
        except AlreadyDecided:
            return nothing_left()
        await clicked.open_dialog(not_mine_all_dialog(first, count, clicked.value))
        return None

    async def submitted(self, dialog: Submitted) -> Outcome:
        """Pass all on that wait; authorized once more. Who is named is judged by what Slack says now."""
        card_id, shown = burst.from_button(str(dialog.view["private_metadata"]))
        user = named(dialog.view)
        try:
            to = await self._services.directory.actor(user, now=True) if user else None
            count = await self._services.pass_all(card_id, dialog.actor, to, shown=shown)
        except AlreadyDecided:
            return Outcome(view=as_dialog(nothing_left()))
        except NotYet as impossible:
            return Outcome(errors={WHO: impossible.diagnostics()})
        return Outcome(message=all_passed_on(count, to))
