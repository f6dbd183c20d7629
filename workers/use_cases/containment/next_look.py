"""The next look at a containment: one scheduled message, however many nudges ask for it."""

from datetime import datetime, timedelta

from workers.domain.containment.outcomes import SOONEST
from workers.domain.nudges import Nudge, Scheduled
from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Store

_ABOUT_TO_ARRIVE = timedelta(seconds=1)
"""A look that is due this soon may be the one that is running now, so it doesn't count as the next one."""


async def schedule_next_look(
    store: Store, nudger: Nudger, clock: Clock, nudge: Nudge, due: datetime | None
) -> None:
    """Send ``nudge`` for the time ``due``, unless a look by then is scheduled already.

    Without that check, each duplicate of a nudge would start its own chain of looks and keep it up for as
    long as Azure works. A lost message is replaced by the resync; when two processes schedule at the same
    moment, the second look finds nothing to do.

    Args:
        store: remembers what is scheduled.
        nudger: sends.
        clock: a time in the past is moved to shortly after now.
        nudge: names the document.
        due: when to look at it; ``None`` for never.
    """
    if due is None:
        return
    now = clock.now()
    due = max(due, now + SOONEST)
    scheduled = await store.scheduled(nudge.id)
    if scheduled is not None and now + _ABOUT_TO_ARRIVE < scheduled.due <= due:
        return
    await nudger.work(nudge.changed(due=due))
    # Nobody cancels this message, so its sequence number isn't needed: a look too early finds nothing to do.
    await store.note_scheduled(nudge.id, Scheduled(sequence_number=0, due=due))
