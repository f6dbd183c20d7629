"""Questions to the workers: a dialog opens at once, and is changed when the answer comes."""

import asyncio

import structlog

from bot.cards.blocks.looked_up import lookup_dialog
from bot.requests import View
from bot.services import Services
from workers.domain.containment.foresight.lookups import ANSWERED_WITHIN, Lookup, LookupKind
from workers.domain.containment.plans import Plan
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import StartgateError
from workers.domain.starts.people import Actor
from workers.domain.starts.vm import VmRef

log = structlog.get_logger(__name__)


class Looking:
    """Asks, and says so in the dialog when no answer comes."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._waiting: set[asyncio.Task[None]] = set()

    async def ask(
        self, kind: LookupKind, vm: VmRef, profile: LockdownProfile, actor: Actor, *, wanted: str
    ) -> View:
        """Have the workers look, and answer the dialog to open meanwhile, with what is known already.

        Raises:
            NotAllowed: this person may not ask.
        """
        lookup = await self._services.look_up(kind, vm, profile, actor, wanted=wanted)
        known = await self._known(lookup)
        waiting = asyncio.create_task(self._say_if_late(lookup, known))
        self._waiting.add(waiting)
        waiting.add_done_callback(self._waiting.discard)
        return lookup_dialog(lookup, known)

    async def _known(self, lookup: Lookup) -> Plan | None:
        """The plan that the VM's open question shows, if it is of this profile."""
        store = self._services.store
        try:
            record = await store.vm_record(lookup.vm)
            for approval_id in reversed(record.open_approvals):
                approval = await store.approval(approval_id)
                if approval.terms.lockdown == lookup.profile:
                    return approval.plan
        except StartgateError as error:
            log.info("no earlier plan to show", vm=lookup.vm.name, because=str(error))
        return None

    async def _say_if_late(self, lookup: Lookup, known: Plan | None) -> None:
        await asyncio.sleep(ANSWERED_WITHIN.total_seconds())
        try:
            now = await self._services.store.lookup(lookup.id)
            if now.answered_at is None:
                await self._services.dialogs.change(lookup_dialog(now, known, late=True))
        except StartgateError as error:
            log.warning("could not say that no answer came", lookup=lookup.id, because=str(error))
