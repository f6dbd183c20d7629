"""Enters a start that was judged: a question, one more start of an open one, a containment, or a record.

Each is one write.
"""

import asyncio
from weakref import WeakValueDictionary

from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.audit import AuditRecord
from workers.domain.errors import Conflict, NotFound
from workers.domain.ids import partition_of_vm
from workers.domain.nudges import Nudge, Subject
from workers.domain.policy.rules import Ruling
from workers.domain.ports.clock import Clock
from workers.domain.ports.inventory import Inventory
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Commit, Remembered, Store
from workers.domain.starts.events import Phase, StartEvent
from workers.domain.starts.past.entries import of_event
from workers.domain.starts.vm import KnownVm, PowerState
from workers.use_cases.conflicts import until_written
from workers.use_cases.starts.by_rule import ByRule
from workers.use_cases.starts.found import FoundStarts
from workers.use_cases.starts.join import Join
from workers.use_cases.starts.outcome import Opened, Outcome
from workers.use_cases.starts.recontain import Recontain
from workers.use_cases.starts.record import start_record
from workers.use_cases.starts.tellings import Tellings, Told, with_later


class EnterStart:
    """Enters starts, each at most once."""

    def __init__(
        self,
        *,
        store: Store,
        nudger: Nudger,
        inventory: Inventory,
        clock: Clock,
        tellings: Tellings,
        recontain: Recontain,
        join: Join,
    ) -> None:
        self._store = store
        self._nudger = nudger
        self._inventory = inventory
        self._tellings = tellings
        self._recontain = recontain
        self._join = join
        self._found = FoundStarts(store, clock)
        self._by_rule = ByRule(store=store, nudger=nudger, clock=clock)
        # One start of a VM after the other, so that fifty at once don't meet each other's conflicts.
        self._one_by_one: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def __call__(self, approval: Approval, told: Told, ruling: Ruling) -> Opened:
        """Write it, as the first or once more after others wrote, and nudge.

        Raises:
            DependencyAway: Redis does not answer; whether it was written is unknown.
        """
        lock = self._one_by_one.setdefault(approval.event.vm.key, asyncio.Lock())
        async with lock:
            try:
                # Based on what was read before; if anything changed since, this is a conflict.
                opened = await self._write(approval, told, ruling)
            except Conflict:
                opened = await until_written(lambda: self._write_anew(approval, ruling))
        if opened.outcome is Outcome.ASKED:
            await self._nudge(approval)
        elif opened.outcome is Outcome.VANISHED:
            await self._nudger.notices(Nudge(subject=Subject.APPROVAL, id=approval.id, version=1))
        return opened

    async def known(self, event: StartEvent, told: Told) -> str:
        """The approval in which this start was asked about; empty if it was not."""
        if told.approval is None:
            return await self._found.tells(event, told.background)
        await self._tellings.note_end(told.approval, event)
        return told.document_id

    async def _write_anew(self, approval: Approval, ruling: Ruling) -> Opened:
        told = await self._tellings.find(approval.event)
        if known := await self.known(approval.event, told):
            return Opened(Outcome.DUPLICATE, known)
        held = told.record.containment_id  # perhaps since a moment ago
        if held is not None and await self._recontain(held, approval.event):
            return Opened(Outcome.RECONTAINED, held)
        return await self._write(approval.changed(id=told.document_id), told, ruling)

    async def _write(self, approval: Approval, told: Told, ruling: Ruling) -> Opened:
        event = approval.event
        partition = partition_of_vm(event.vm.key)
        if approval.state is ApprovalState.OBSERVED:
            return await self._observe(approval, told, ruling)
        opened = start_record("approval.opened", event, approval.opened_at, approval, ruling)
        if approval.facts.gone:
            gone = approval.withdrawn(approval.opened_at, "the VM no longer exists")
            closed = start_record("approval.withdrawn", event, approval.opened_at, gone, ruling)
            documents = (gone, *with_later(told.first, approval.id))
            commit = Commit(
                partition=partition, documents=documents, audit=(opened, closed), once=_once(approval)
            )
            return await self._first(commit, Opened(Outcome.VANISHED, approval.id), approval.id)
        line = told.background.line if told.background else None
        self._inventory.note(_line(approval).after(line))  # beside the write, which does not wait for it
        if approval.state is ApprovalState.RULED:
            return await self._contain(approval, told, opened)
        question = await self._join.open_question(told.record, approval)
        if question is not None:
            joined = self._join.joining(question, approval, ruling, once=_once(approval), first=told.first)
            outcome = await self._first(joined.commit, Opened(Outcome.JOINED, question.id), approval.id)
            if outcome.outcome is Outcome.JOINED:
                await self._join.announce(question, joined.question)
            return outcome
        record = told.record.changed(open_approvals=(*told.record.open_approvals, approval.id))
        commit = Commit(
            partition=partition,
            documents=(approval, record, *with_later(told.first, approval.id)),
            audit=(opened,),
            once=_once(approval),
            past=Remembered(event.vm, of_event(event)),
        )
        return await self._first(commit, Opened(Outcome.ASKED, approval.id), approval.id)

    async def _observe(self, start: Approval, told: Told, ruling: Ruling) -> Opened:
        """Put on record what the policy would have made of it. Once it is enforced, nobody asks about it."""
        record = start_record("start.observed", start.event, start.opened_at, start, ruling)
        commit = Commit(
            partition=partition_of_vm(start.event.vm.key),
            documents=(start, *with_later(told.first, start.id)),
            audit=(record,),
            once=_once(start),
            past=Remembered(start.event.vm, of_event(start.event)),
        )
        return await self._first(commit, Opened(Outcome.OBSERVED, start.id), start.id)

    async def _contain(self, start: Approval, told: Told, opened: AuditRecord) -> Opened:
        """Have the VM contained as the rule says, and the start put on record with it."""
        ruled = await self._by_rule.ruled(start)
        details = {"because": ruled.approval.closed_because, "containment": ruled.approval.containment_id}
        closed = opened.changed(kind="approval.ruled", details={**opened.details, **details})
        commit = Commit(
            partition=partition_of_vm(start.event.vm.key),
            documents=(*ruled.documents, *with_later(told.first, start.id)),
            audit=(opened, closed, *ruled.audit),
            once=_once(start),
            past=Remembered(start.event.vm, of_event(start.event)),
        )
        outcome = await self._first(commit, Opened(Outcome.CONTAINED, start.id), start.id)
        if outcome.outcome is Outcome.CONTAINED:
            await self._by_rule.announce(ruled)
        return outcome

    async def _first(self, commit: Commit, opened: Opened, start_id: str) -> Opened:
        """Write, unless this start was opened before or is known to have failed."""
        if await self._store.commit(commit):
            return opened
        known = await self._exists(start_id)
        return Opened(Outcome.DUPLICATE, start_id) if known else Opened(Outcome.FAILED_START)

    async def _nudge(self, approval: Approval) -> None:
        """Nudge after the write. If the process dies in between, the resync nudges."""
        nudge = Nudge(subject=Subject.APPROVAL, id=approval.id, version=1)
        await self._nudger.notices(nudge)
        if approval.fill_in_at is not None:
            await self._nudger.work(nudge.changed(due=approval.fill_in_at))

    async def _exists(self, document_id: str) -> bool:
        try:
            await self._store.approval(document_id)
        except NotFound:
            return False
        return True


def _line(approval: Approval) -> KnownVm:
    """The VM's line in the inventory."""
    machine = approval.facts.machine
    return KnownVm(
        ref=approval.event.vm,
        subscription_name=approval.facts.subscription_name,
        location=machine.location if machine else "",
        tags=approval.facts.tags,
        tags_known=machine is not None,
        power=machine.power if machine else PowerState.UNKNOWN,
        seen_at=approval.opened_at,
    )


def start_key(document_id: str) -> str:
    """A key for once only: opening this start, or noting that it failed, whichever comes first."""
    return f"start:{document_id}"


def _once(approval: Approval) -> str | None:
    """A *started* event after the failure opens nothing; a *succeeded* event does, whatever came before."""
    return start_key(approval.id) if approval.event.phase is Phase.STARTED else None
