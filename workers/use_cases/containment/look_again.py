"""The next look at a containment: one scheduled message, however many nudges ask for it."""

from datetime import datetime, timedelta

from workers.domain.containment.outcomes import SOONEST
from workers.domain.nudges import Nudge, Scheduled
from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Store

_FIRING = timedelta(seconds=1)
"""A look that is due this soon may be the very one that is being done: another is arranged."""


async def look_again(store: Store, nudger: Nudger, clock: Clock, nudge: Nudge, due: datetime | None) -> None:
    """Have the document of ``nudge`` looked at when it is due, unless a look by then is arranged already.

    Without that, each doubled nudge would begin a chain of looks of its own, for as long as Azure works. If
    the message is lost, or another process arranges one at the same moment, the resync and a needless look
    make up for it.
    """
    if due is None:
        return
    now = clock.now()
    due = max(due, now + SOONEST)
    arranged = await store.scheduled(nudge.id)
    if arranged is not None and now + _FIRING < arranged.due <= due:
        return
    await nudger.work(nudge.changed(due=due))
    # By nobody cancelled: a look that comes too early finds nothing to do.
    await store.note_scheduled(nudge.id, Scheduled(sequence_number=0, due=due))
