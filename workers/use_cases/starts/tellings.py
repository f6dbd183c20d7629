"""Which start an event tells of: one that is known, or another one, which may carry the same correlation id.

Callers can choose the correlation id, and clients reuse one for a whole session. Nobody must be able to pass
off a start as a duplicate by giving it the id of an earlier one. All times compared here are Azure's, but for
the time at which a question was closed.
"""

from datetime import timedelta
from typing import NamedTuple

from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.errors import NotFound
from workers.domain.ids import approval_id, partition_of_vm
from workers.domain.ports.store import Background, Commit, Store
from workers.domain.starts.events import Phase, StartEnd, StartEvent
from workers.domain.starts.vm import VmRecord
from workers.use_cases.conflicts import until_written

SAME_START = timedelta(minutes=10)
"""The events of one start lie within this time: Azure starts a VM in about a minute, or gives up."""
RECORDS_APART = timedelta(seconds=10)
"""What Azure writes of one moment in several records and shapes may be dated so far apart. In that time a VM
can't be stopped and started again."""
_MOST_LATER = 20


class Told(NamedTuple):
    """What is known of the start that an event tells of.

    Attributes:
        approval: the one about this start; ``None`` if there is none.
        document_id: its id, or the one that it gets.
        first: another start that has the same correlation id, if this one only borrows it.
        record: the VM's.
        background: what was before, where it could be read.
    """

    approval: Approval | None
    document_id: str
    first: Approval | None
    record: VmRecord
    background: Background | None = None


class Tellings:
    """Finds the start that an event tells of."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def find(self, event: StartEvent) -> Told:
        """The approval of the event's start, or the id that it gets."""
        usual = approval_id(event.vm.key, event.dedupe_key)
        first, record, background = await self._store.known_start(usual, event)
        if first is None or await self._same(first, event):
            return Told(first, usual, None, record, background)
        by_time = approval_id(event.vm.key, event.dedupe_key_at_its_time)
        for later_id in dict.fromkeys((by_time, *reversed(first.later))):
            later = await self._read(later_id)
            if later is not None and (later_id == by_time or await self._same(later, event)):
                return Told(later, later_id, first, record, background)
        return Told(None, by_time, first, record, background)

    async def note_end(self, approval: Approval, event: StartEvent) -> None:
        """Note when Azure says that a start has ended, so that a later one is told from it."""
        if event.phase is not Phase.STARTED and approval.ended is None:
            await until_written(lambda: self._end(approval.id, event))

    async def _end(self, document_id: str, event: StartEvent) -> None:
        approval = await self._store.approval(document_id)
        if approval.ended is None:
            ended = approval.changed(ended=StartEnd(phase=event.phase, at=event.at))
            await self._store.commit(Commit(partition=partition_of_vm(event.vm.key), documents=(ended,)))

    async def _same(self, known: Approval, event: StartEvent) -> bool:
        question = await self._read(known.joined_to) if known.joined_to is not None else None
        return same_start(known, event, question)

    async def _read(self, document_id: str) -> Approval | None:
        try:
            return await self._store.approval(document_id)
        except NotFound:
            return None


def with_later(first: Approval | None, document_id: str) -> tuple[Approval, ...]:
    """The approval whose correlation id a later start borrows, to be written with that start's own."""
    if first is None:
        return ()
    return (first.changed(later=(*first.later, document_id)[-_MOST_LATER:]),)


def same_start(known: Approval, event: StartEvent, question: Approval | None = None) -> bool:
    """Whether the event, which carries the same correlation id, can be about the same start as this approval.

    Not more than ten minutes from it. Not after the question was withdrawn, or led to a containment: the
    start was over by then. A *started* belongs to it only if it is not dated after its first one, after its
    end, or after the answer; a success only if it is the first one.

    Args:
        known: the start's own approval.
        event: what is told.
        question: the one that the start has joined, if it did.
    """
    asked = question or known
    first, ended, closed_at = known.event, known.ended, asked.closed_at
    if asked.containment_id is not None and closed_at is not None:
        # A start after that is contained again. (A late event of the first one finds that under way.)
        return event.at <= closed_at
    if abs(event.at - first.at) > SAME_START:
        return False
    if asked.state is ApprovalState.WITHDRAWN and closed_at is not None and event.at > closed_at:
        return False
    if event.phase is not Phase.STARTED:
        return ended is None or (ended.phase is event.phase and abs(event.at - ended.at) <= RECORDS_APART)
    past = (ended is not None and event.at > ended.at) or (closed_at is not None and event.at > closed_at)
    return not past and (first.phase is not Phase.STARTED or event.at <= first.at + RECORDS_APART)
