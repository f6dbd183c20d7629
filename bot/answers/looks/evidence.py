"""The button Evidence below how a containment ended."""

import structlog

from bot.answers.looks.evidence_blocks import by_command, on_its_way, summary
from bot.cards.blocks.message import Message
from bot.requests import Clicked
from bot.services import Services
from bot.slack.errors import Refused
from bot.slack.files import SentFile
from workers.domain.containment.containment import Containment
from workers.domain.errors import NotYet
from workers.domain.starts.people import Owner
from workers.use_cases.refuse import refuse_unless_sees

log = structlog.get_logger(__name__)


class EvidenceClick:
    """Sends on-call the whole record as a file, in their own messages. The owner is told what there is."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def pressed(self, clicked: Clicked) -> Message:
        """For the VM's owner and on-call only.

        The owner gets no file: it holds what was exchanged with Azure, and what stands in other people's
        threads.
        """
        services, actor = self._services, clicked.actor
        containment = await services.store.containment(clicked.value)
        actor = await refuse_unless_sees(
            actor,
            await self._owner(containment),
            groups=services.groups,
            store=services.store,
            clock=services.clock,
            kind="evidence.refused",
            about=containment,
        )
        if not actor.on_call:
            return by_command(containment)
        try:
            made = await services.evidence(containment.id, actor.label)
            file = SentFile(made.name, f"Evidence about {containment.vm.name}"[:100], made.content)
            await services.files.send(actor.slack_user, summary(containment, made), [file])
        except NotYet as too_much:
            return by_command(containment, why=too_much.diagnostics())
        except Refused as refused:
            log.error("Slack refuses the evidence", containment=containment.id, error=refused.code)
            return by_command(containment, why=f"Slack did not take the file ({refused.code}).")
        return on_its_way(containment, made)

    async def _owner(self, containment: Containment) -> Owner:
        """Whom the VM's tags named when its start was asked about, or when it was locked down."""
        if containment.cause.approval_id is not None:
            return (await self._services.store.approval(containment.cause.approval_id)).owner
        return containment.owner or Owner(source="the VM's owner is not known")
