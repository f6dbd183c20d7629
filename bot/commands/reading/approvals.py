"""``/vm-approvals [mine|open|contained]``: what waits for an answer, and what is contained."""

from bot.cards.blocks.message import Message
from bot.cards.blocks.overview.rows import worst_first
from bot.commands.command import Command, members
from bot.commands.reading.approvals_blocks import contained_list, questions_list, waiting_list
from bot.requests import Buttons, Dialogs, Typed
from bot.services import Services
from workers.domain.asking.decisions import may_see_all
from workers.domain.asking.urgency import by_urgency
from workers.domain.errors import NotFound
from workers.domain.starts.people import Actor
from workers.use_cases.refuse import refuse_unless

MINE, OPEN, CONTAINED = "mine", "open", "contained"


class ApprovalsListener:
    """Answers with a list that only its reader sees."""

    dialogs: Dialogs = {}
    buttons: Buttons = {}

    def __init__(self, services: Services) -> None:
        self._services = services

    async def typed(self, command: Typed) -> Message:
        """List them. Everybody sees what asks them; on-call sees the rest, and by itself what is open."""
        actor = command.actor
        which = command.text.lower() or (OPEN if actor.on_call else MINE)
        overview, now = self._services.overview, self._services.clock.now()
        if which == MINE:
            return waiting_list(await overview.waiting_for(actor, now), now)
        if which not in (OPEN, CONTAINED):
            raise NotFound(f"There is no list {which}. There are: {MINE}, {OPEN}, {CONTAINED}.")
        await self._refuse(actor, which)
        if which == OPEN:
            return questions_list(by_urgency(await overview.questions()), actor, now)
        return contained_list(worst_first(await overview.contained()), now)

    async def _refuse(self, actor: Actor, which: str) -> None:
        await refuse_unless(
            may_see_all(actor),
            actor,
            store=self._services.store,
            clock=self._services.clock,
            kind="approvals.refused",
            wanted=f"/vm-approvals {which}",
        )


COMMAND = Command(
    name="/vm-approvals",
    arguments=f"[{MINE}|{OPEN}|{CONTAINED}]",
    summary="List what waits for an answer, or what is contained",
    details=f"`{MINE}` lists what you can answer, for yourself or in somebody's stead, with buttons."
    f" `{OPEN}` and `{CONTAINED}` are for on-call.",
    may=members,
    listener=ApprovalsListener,
)
