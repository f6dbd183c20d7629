"""The card's button Reject, and the dialog that it opens."""

import asyncio
import contextlib
from datetime import timedelta

import structlog

from bot.answers.deciding.reject_blocks import decided_dialog, plan_dialog, reject_dialog, said_why
from bot.cards.blocks.answers import already_decided, recorded
from bot.cards.blocks.inputs import REASON
from bot.cards.blocks.joined import from_button
from bot.cards.blocks.message import Message
from bot.cards.looking import Looking
from bot.requests import Clicked, Outcome, Submitted, View
from bot.services import Services
from workers.domain.asking.approvals import Approval
from workers.domain.asking.decisions import Answer
from workers.domain.containment.foresight.lookups import Lookup
from workers.domain.errors import AlreadyDecided, NotFound, StartgateError
from workers.domain.starts.people import Actor
from workers.use_cases.refuse import refuse_unless

log = structlog.get_logger(__name__)

FRESH = timedelta(minutes=2)
"""A plan that is younger is shown as it is. Each step checks again before it changes anything."""
ASKS_WITHIN_S = 1.0
"""Slack allows three seconds until the dialog has to open."""


class Reject:
    """Shows what a rejection will do, and records it once the dialog is submitted."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._looking = Looking(lambda: services.store, lambda: services.dialogs)

    async def pressed(self, clicked: Clicked) -> Message | None:
        """Show what will be done, and ask why. Nothing happens yet."""
        approval_id, _ = from_button(clicked.value)
        try:
            approval = await self._services.decide.may(Answer.REJECT, approval_id, clicked.actor)
        except AlreadyDecided:
            approval = await self._services.store.approval(approval_id)
            return already_decided(approval, Answer.REJECT, clicked.actor)
        lookup = await self._fresher(approval, clicked.actor)
        await clicked.open_dialog(reject_dialog(approval, lookup))
        return None

    async def _fresher(self, approval: Approval, actor: Actor) -> Lookup | None:
        """Have the workers look again where the plan is old. A rejection waits for nothing."""
        as_of = approval.plan.as_of
        if approval.guarded or (as_of is not None and self._services.clock.now() - as_of < FRESH):
            return None
        try:
            async with asyncio.timeout(ASKS_WITHIN_S):
                lookup = await self._services.look_up.before_rejecting(approval, actor)
        except (StartgateError, TimeoutError) as error:
            log.warning("no fresher plan is asked for", approval=approval.id, because=str(error) or "timeout")
            return None

        async def late(waiting: Lookup) -> View | None:
            return await self.shown(waiting, late=True)

        self._looking.wait_for(lookup, late)
        return lookup

    async def shown(self, lookup: Lookup, *, late: bool = False) -> View | None:
        """The dialog with the workers' answer; ``None`` once the question is closed."""
        approval = await self._services.store.approval(lookup.approval_id)
        return reject_dialog(approval, lookup, late=late) if approval.open else None

    async def every_step(self, clicked: Clicked) -> None:
        """Show the whole plan on top of the dialog. Whoever may reject may see it."""
        approval_id, _, lookup_id = clicked.value.partition(":")
        approval = await self._services.store.approval(approval_id)
        await refuse_unless(
            approval.permits(Answer.REJECT, clicked.actor),
            clicked.actor,
            store=self._services.store,
            clock=self._services.clock,
            kind="plan.refused",
            about=approval,
        )
        lookup = None
        with contextlib.suppress(NotFound):
            lookup = await self._services.store.lookup(lookup_id) if lookup_id else None
        await clicked.open_dialog(plan_dialog(approval, lookup))

    async def submitted(self, dialog: Submitted) -> Outcome:
        """Authorize once more, record the rejection and start the containment, or say who was first."""
        approval_id = str(dialog.view["private_metadata"])
        reason = said_why(dialog.view)
        if not reason:
            return Outcome(errors={REASON: "Say in a few words why you didn't expect it."})
        try:
            await self._services.decide(Answer.REJECT, approval_id, dialog.actor, reason=reason, via="dialog")
        except AlreadyDecided:
            approval = await self._services.store.approval(approval_id)
            if approval.answered(Answer.REJECT, dialog.actor.slack_user):
                return Outcome(
                    message=recorded(approval)
                )  # sent twice, as a lost acknowledgement makes people do
            return Outcome(view=decided_dialog(approval))
        return Outcome()
