"""The dialogs that show what the workers have found: one for each kind of question."""

from collections.abc import Mapping

from bot.cards.notices import ViewOf
from bot.commands.lockdown import shown_plan
from bot.commands.restore import shown_restore
from bot.requests import View
from bot.services import Services
from workers.domain.containment.foresight.lookups import Lookup, LookupKind


def answered_views(services: Services) -> Mapping[LookupKind, ViewOf]:
    """Kind of question → what makes its dialog."""

    async def plan(lookup: Lookup) -> View:
        return await shown_plan(services, lookup)

    async def restore(lookup: Lookup) -> View | None:
        return await shown_restore(services, lookup)

    return {LookupKind.PLAN: plan, LookupKind.DRILL: plan, LookupKind.RESTORE: restore}
