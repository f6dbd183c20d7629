"""A start that a restore asked Azure for: its events are recognised, and it is forgotten once it is over."""

from workers.domain.ids import partition_of_vm
from workers.domain.ports.clock import Clock
from workers.domain.ports.store import Commit, Remembered, Store
from workers.domain.starts.events import Phase, StartEvent
from workers.domain.starts.past.entries import of_event
from workers.domain.starts.vm import VmRecord
from workers.use_cases.conflicts import until_written
from workers.use_cases.starts.record import start_record


class ExpectedStarts:
    """What becomes of the expected start in a VM's record when its own event comes, or another one."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def note(self, event: StartEvent) -> None:
        """Put the expected start on record, once. After its success it is used up.

        So nobody who reads its correlation id in the Activity Log can start the VM under it a second time.
        """
        if event.phase is Phase.SUCCEEDED:
            await until_written(lambda: self._use(event))
        await self._store.commit(
            Commit(
                partition=partition_of_vm(event.vm.key),
                once=f"expected:{event.dedupe_key}",
                audit=(start_record("start.expected", event, self._clock.now()),),
                past=Remembered(
                    event.vm, of_event(event, passed=True)
                ),  # so that no sweep takes it as missed
            )
        )

    async def without_past(self, event: StartEvent) -> VmRecord:
        """The VM's record, without an expected start that was over when this event happened.

        By Azure's clock: an event of the expected start itself may come late, and must be recognised then.
        """
        return await until_written(lambda: self._forget(event))

    async def _use(self, event: StartEvent) -> None:
        record = await self._store.vm_record(event.vm)
        if record.expected_start is not None:
            await self._write(record, record.changed(expected_start=record.expected_start.used(event.at)))

    async def _forget(self, event: StartEvent) -> VmRecord:
        record = await self._store.vm_record(event.vm)
        expected = record.expected_start
        if expected is None or event.at <= expected.until or record.containment_id is not None:
            return record
        return await self._write(record, record.changed(expected_start=None))

    async def _write(self, before: VmRecord, after: VmRecord) -> VmRecord:
        """The record as it is in the store now."""
        if after == before:
            return before
        await self._store.commit(Commit(partition=partition_of_vm(after.vm.key), documents=(after,)))
        return after.changed(version=after.version + 1)
