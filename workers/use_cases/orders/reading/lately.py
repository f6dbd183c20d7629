"""The last starts of a VM, and what became of each: for people who ask how it stands."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import structlog

from workers.domain.asking.approvals import Approval
from workers.domain.errors import NewerDocument, NotFound
from workers.domain.ports.store import Store
from workers.domain.starts.past.entries import PastStart, What, of_event
from workers.domain.starts.vm import VmRef

log = structlog.get_logger(__name__)

MOST_STARTS = 5
_MOST_ANSWERS = 20
_STARTS = (What.STARTED, What.PASSED, What.FAILED)


class LateStart(NamedTuple):
    """One start of a VM.

    Attributes:
        at: by Azure's clock.
        what: it was asked about, it passed, or it failed.
        who: the caller as the history knows them: an object id, an address or an application id.
        question: what was asked about it, and with which answer; ``None`` if it passed, or is kept no longer.
    """

    at: datetime
    what: What
    who: str
    question: Approval | None


async def last_starts(store: Store, vm: VmRef, *, most: int = MOST_STARTS) -> Sequence[LateStart]:
    """The last starts of this VM that are remembered, the newest first.

    Raises:
        DependencyAway: the store does not answer.
    """
    past, record = await asyncio.gather(store.past_of(vm), store.vm_record(vm))
    answers = [one.id for one in reversed(past) if one.what not in _STARTS][:_MOST_ANSWERS]
    ids = dict.fromkeys((*record.open_approvals, *answers))
    read = await asyncio.gather(*(_question(store, one) for one in ids))
    questions = {of_event(one.event).id: one for one in read if one is not None}
    found: dict[str, PastStart] = {}
    for entry in past:
        if entry.what in _STARTS:
            found[entry.id] = entry  # what was told last of one start is how it ended
    newest = sorted(found.values(), key=lambda entry: entry.at, reverse=True)[:most]
    return [LateStart(one.at, one.what, one.who, questions.get(one.id)) for one in newest]


async def _question(store: Store, approval_id: str) -> Approval | None:
    try:
        return await store.approval(approval_id)
    except NotFound:
        return None
    except NewerDocument as newer:
        log.warning("a question is not listed", id=approval_id, because=str(newer))
        return None
