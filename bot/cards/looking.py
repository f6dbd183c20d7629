"""Questions to the workers: a dialog opens at once, and is changed when the answer comes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from bot.slack.dialogs import OpenDialogs
from workers.domain.containment.foresight.lookups import ANSWERED_WITHIN, Lookup
from workers.domain.errors import StartgateError
from workers.domain.ports.store import Store

log = structlog.get_logger(__name__)


class Looking:
    """Waits for answers, and says so in the dialog when none comes."""

    def __init__(self, store: Callable[[], Store], dialogs: Callable[[], OpenDialogs]) -> None:
        self._store = store
        self._dialogs = dialogs
        self._waiting: set[asyncio.Task[None]] = set()

    def wait_for(self, lookup: Lookup, late: Callable[[Lookup], Awaitable[dict[str, Any] | None]]) -> None:
        """Show what ``late`` gives in the dialog of this question, unless it is answered in time."""
        waiting = asyncio.create_task(self._say_if_late(lookup.id, late))
        self._waiting.add(waiting)
        waiting.add_done_callback(self._waiting.discard)

    async def _say_if_late(
        self, lookup_id: str, late: Callable[[Lookup], Awaitable[dict[str, Any] | None]]
    ) -> None:
        await asyncio.sleep(ANSWERED_WITHIN.total_seconds())
        try:
            lookup = await self._store().lookup(lookup_id)
            view = await late(lookup) if lookup.answered_at is None else None
            if view is not None:
                await self._dialogs().change(view)
        except StartgateError as error:
            log.warning("could not say that no answer came", lookup=lookup_id, because=str(error))
