"""A start that a sweep saw by the power state alone, and whose event comes late: nobody is asked again."""

from datetime import timedelta

from workers.domain.asking.approvals import Approval
from workers.domain.errors import NotFound
from workers.domain.ids import approval_id, partition_of_id
from workers.domain.ports.clock import Clock
from workers.domain.ports.store import Background, Commit, Store
from workers.domain.starts.events import Phase, StartEvent
from workers.domain.starts.past.entries import between_of
from workers.domain.starts.vm import TurnedOn
from workers.use_cases.conflicts import until_written
from workers.use_cases.starts.record import start_record
from workers.use_cases.starts.tellings import RECORDS_APART, SAME_START

AZURE_IS_LATE = timedelta(minutes=2)
"""A VM that was just started may still be listed as off for so long."""


class FoundStarts:
    """Recognises the event of a start that was asked about before any event told of it.

    Only the first event is taken for it, with all that carry the same correlation id: of two starts between
    two looks at the power state, the second one is asked about.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def tells(self, event: StartEvent, background: Background | None) -> str:
        """The id of the approval that was closed before this event came; empty if there is none.

        While the question is open the answer is empty, too: the start then joins it, so that the card shows
        who it was, and the answer covers that.
        """
        if event.between is not None or background is None:
            return ""
        for one in reversed(background.past.of_vm):
            between = between_of(one)
            if between is not None and _covers(between, event):
                swept = StartEvent.seen_by_power(event.vm, between)
                document_id = approval_id(event.vm.key, swept.dedupe_key)
                if await until_written(lambda known=document_id: self._note(known, event)):  # type: ignore[misc]
                    return document_id
        return ""

    async def _note(self, document_id: str, event: StartEvent) -> bool:
        """Note which event tells of it; whether it is this one."""
        known = await self._read(document_id)
        question = await self._read(known.joined_to) if known is not None and known.joined_to else known
        if known is None or question is None or question.open:
            return False
        if known.told_as:
            return known.told_as == event.correlation_id.lower()
        now = self._clock.now()
        record = start_record("start.told-late", event, now).changed(about=document_id)
        await self._store.commit(
            Commit(
                partition=partition_of_id(document_id),
                documents=(known.changed(told_as=event.correlation_id.lower()),),
                audit=(record,),
            )
        )
        return True

    async def _read(self, document_id: str) -> Approval | None:
        try:
            return await self._store.approval(document_id)
        except NotFound:
            return None


def _covers(between: TurnedOn, event: StartEvent) -> bool:
    """Whether the event can be of the start that was between these times."""
    last = RECORDS_APART if event.phase is Phase.STARTED else SAME_START
    return between.after - AZURE_IS_LATE <= event.at <= between.until + last
