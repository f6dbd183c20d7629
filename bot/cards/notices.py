"""The consumer of the queue ``notices``: what is to be shown is shown where it belongs."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

import structlog
from structlog.contextvars import bound_contextvars

from bot.cards.blocks.brakes.paused import on_dialog
from bot.cards.renderer import Renderer
from bot.slack.dialogs import OpenDialogs
from bot.slack.errors import Refused
from workers.domain.containment.foresight.lookups import Lookup, LookupKind
from workers.domain.errors import NewerDocument, NotFound
from workers.domain.messages import Complete, Later, Message, Settlement
from workers.domain.nudges import Nudge, Subject
from workers.domain.ports.clock import Clock
from workers.domain.ports.store import Store
from workers.use_cases.read_nudge import put_off, read_nudge
from workers.use_cases.starts.canary import SeeCanary

log = structlog.get_logger(__name__)

ViewOf = Callable[[Lookup], Awaitable[dict[str, Any] | None]]
"""The dialog that shows an answered question; ``None`` if it is to stay as it is."""

_OPENS_WITHIN = timedelta(seconds=20)
"""An answer may be faster than Slack opens the dialog that it is for."""


class Notices:
    """Brings cards and open dialogs up to date.

    Args:
        renderer: renders cards.
        store: the documents.
        dialogs: the open dialogs.
        views: kind of question → what makes its dialog.
        clock: the time.
        changed: called whenever a document has changed that is shown elsewhere, too.
    """

    def __init__(
        self,
        *,
        renderer: Renderer,
        store: Store,
        dialogs: OpenDialogs,
        views: Mapping[LookupKind, ViewOf],
        clock: Clock,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._renderer = renderer
        self._changed = changed
        self._views = views
        self._store = store
        self._dialogs = dialogs
        self._clock = clock
        self._see_canary = SeeCanary(store=store, clock=clock)

    async def __call__(self, message: Message) -> Settlement:
        """Show what the nudge names.

        Raises:
            DependencyAway: Slack or Redis does not answer; the message comes again.
        """
        nudge = read_nudge(message)
        if not isinstance(nudge, Nudge):
            return nudge
        with bound_contextvars(**{str(nudge.subject): nudge.id}):
            if nudge.subject is Subject.CANARY:
                return await self._see(nudge.id)
            if nudge.subject is not Subject.LOOKUP:
                self._changed()
                return await self._renderer(message)
            try:
                return await self._show(nudge.id)
            except NewerDocument as newer:
                return put_off(message, newer)

    async def _see(self, canary_id: str) -> Settlement:
        try:
            await self._see_canary(canary_id)
        except NotFound:
            log.info("a canary is not known any more", id=canary_id)
        return Complete()

    async def _show(self, lookup_id: str) -> Settlement:
        try:
            lookup = await self._store.lookup(lookup_id)
            view = await self._views[lookup.kind](lookup)
            if view is None:
                return Complete()
            pause = await self._store.pause()
            view = on_dialog(view, pause if pause.on(self._clock.now()) else None)
            shown = await self._dialogs.change(view)
        except NotFound:
            return Complete()
        except Refused as refused:
            log.error("a dialog was refused", lookup=lookup_id, code=refused.code)
            return Complete()
        since = self._clock.now() - (lookup.answered_at or lookup.asked_at)
        if not shown and since < _OPENS_WITHIN:
            return Later(after_s=max(0.5, since.total_seconds()))
        return Complete()
