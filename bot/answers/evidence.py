"""The button Evidence below how a containment ended."""

from bot.cards.blocks.answers import private
from bot.cards.blocks.message import Message
from bot.cards.blocks.status import cause_line, progress
from bot.cards.blocks.text import code, name
from bot.requests import Clicked
from bot.services import Services
from workers.domain.asking.decisions import may_see
from workers.domain.containment.containment import Containment
from workers.domain.ids import reference
from workers.domain.starts.people import Owner
from workers.use_cases.refuse import refuse_unless


class EvidenceClick:
    """Says what is on record, and how to get all of it. The bot itself gives no file away."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def pressed(self, clicked: Clicked) -> Message:
        """For the VM's owner and on-call only."""
        services = self._services
        containment = await services.store.containment(clicked.value)
        await refuse_unless(
            may_see(clicked.actor, await self._owner(containment)),
            clicked.actor,
            store=services.store,
            clock=services.clock,
            kind="evidence.refused",
            about=containment,
        )
        vm, short = (
            containment.vm.name,
            reference(containment.cards[0] if containment.cards else containment.id),
        )
        return private(
            f"Evidence about {name(vm)}",
            f"{code(vm)}: {cause_line(containment)}\n{progress(containment)}\n"
            f"The whole record in one file, with its proof: {code(f'startgate evidence {short}')}. An"
            f" operator can run it. Line by line: {code(f'startgate audit show {short}')}.",
        )

    async def _owner(self, containment: Containment) -> Owner:
        """Whom the VM's tags named when its start was asked about, or when it was locked down."""
        if containment.cause.approval_id is not None:
            return (await self._services.store.approval(containment.cause.approval_id)).owner
        return containment.owner or Owner(source="the VM's owner is not known")
