"""A VM was started: find out what that means, and ask about it, announce it, or have the VM contained.

One start gives one approval.

A VM has one open question at most: a further start joins it.
"""

import asyncio
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple, TypeGuard
from weakref import WeakValueDictionary

import structlog

from workers.domain.asking.approvals import FIRST, Approval, ApprovalState
from workers.domain.audit import AuditRecord
from workers.domain.errors import Conflict, DependencyAway, NotFound
from workers.domain.ids import partition_of_vm
from workers.domain.nudges import Nudge, Subject
from workers.domain.policy.insight import Insight
from workers.domain.policy.model import Verdict
from workers.domain.policy.rules import Ruling, Undecided
from workers.domain.policy.variables import RuleInput
from workers.domain.ports.azure.facts import FactsReader
from workers.domain.ports.clock import Clock
from workers.domain.ports.inventory import Inventory
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Commit, Remembered, Store
from workers.domain.starts.events import Phase, StartEnd, StartEvent
from workers.domain.starts.facts import Facts, MissingFact
from workers.domain.starts.past.entries import of_event
from workers.domain.starts.vm import KnownVm, PowerState
from workers.telemetry.spans import following, here
from workers.use_cases.asking.assess import Assess
from workers.use_cases.conflicts import until_written
from workers.use_cases.starts.by_rule import ByRule
from workers.use_cases.starts.expected import ExpectedStarts
from workers.use_cases.starts.found import FoundStarts
from workers.use_cases.starts.join import Join
from workers.use_cases.starts.let_pass import LetPass
from workers.use_cases.starts.recontain import Recontain
from workers.use_cases.starts.record import start_record
from workers.use_cases.starts.tellings import Tellings, Told, with_later

log = structlog.get_logger(__name__)

ASK_ANYWAY_AFTER = timedelta(seconds=60)
"""How long a start waits for an Azure that is away. After that, its owner is asked without facts."""


_OBSERVES = "the policy only observes"


class Outcome(StrEnum):
    """What one event led to."""

    ASKED = "asked"
    DUPLICATE = "duplicate"
    VANISHED = "vanished"
    FAILED_START = "failed start"
    RECONTAINED = "recontained"
    EXPECTED = "expected"
    PASSED = "passed"
    JOINED = "joined"
    CONTAINED = "contained by a rule"
    OBSERVED = "only observed"


class Opened(NamedTuple):
    """The outcome, and the id of the approval or containment, or empty if there is none."""

    outcome: Outcome
    document_id: str = ""


class _Seen(NamedTuple):
    """What was found out about a start."""

    facts: Facts
    insight: Insight


class OpenApproval:
    """Turns a start event into an approval.

    Args:
        assess: what the policy says about the facts.
        facts_budget_s: seconds that the question waits for facts at most.
    """

    def __init__(
        self,
        *,
        store: Store,
        nudger: Nudger,
        inventory: Inventory,
        facts: FactsReader,
        assess: Assess,
        clock: Clock,
        facts_budget_s: float = 2.0,
    ) -> None:
        self._store = store
        self._nudger = nudger
        self._inventory = inventory
        self._facts = facts
        self._assess = assess
        self._clock = clock
        self._budget_s = facts_budget_s
        self._tellings = Tellings(store)
        self._let_pass = LetPass(store)
        self._expected = ExpectedStarts(store, clock)
        self._found = FoundStarts(store, clock)
        self._recontain = Recontain(store=store, nudger=nudger, clock=clock)
        self._by_rule = ByRule(store=store, nudger=nudger, clock=clock)
        self._join = Join(store=store, nudger=nudger, assess=assess, clock=clock)
        # One start of a VM after the other, so that fifty at once don't meet each other's conflicts.
        self._one_by_one: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def __call__(self, event: StartEvent) -> Opened:
        """Open the approval of this start, or find that there is nothing to ask.

        Raises:
            DependencyAway: Azure or Redis does not answer; nothing is written, and the event must be
            delivered again.
        """
        event = self._assess.named(event)
        if event.phase is Phase.FAILED:
            return await self._note_failed(event)
        now = self._clock.now()
        ruling = self._assess.early(event, now)
        if _passes(ruling) and await self._let_pass.at_once(event, ruling, now):
            return Opened(Outcome.PASSED)
        told = await self._tellings.find(event)
        with following("start", event.trace, approval=told.document_id):
            return await self._take_in(event, told, ruling)

    async def _take_in(self, event: StartEvent, told: Told, ruling: Ruling | Undecided) -> Opened:
        """Find out whether there is anything to ask."""
        if known := await self._known(event, told):
            return Opened(Outcome.DUPLICATE, known)
        record = told.record
        if record.expected_start is not None:
            if record.expected_start.covers(event.correlation_id, event.at):
                await self._expected.note(event)
                return Opened(Outcome.EXPECTED)
            record = await self._expected.without_past(event)
        if record.containment_id is not None:
            recontained = await self._recontain(record.containment_id, event)
            if recontained:
                return Opened(Outcome.RECONTAINED, record.containment_id)
        return await self._judge(event, told._replace(record=record), ruling)

    async def _known(self, event: StartEvent, told: Told) -> str:
        """The approval in which this start was asked about; empty if it was not."""
        if told.approval is None:
            return await self._found.tells(event, told.background)
        await self._tellings.note_end(told.approval, event)
        return told.document_id

    async def _judge(self, event: StartEvent, told: Told, ruling: Ruling | Undecided) -> Opened:
        """Let it pass or ask, as the rules say. They may have decided already, before any fact was read.

        No rule lets a start pass while its VM is contained, or is being restored.
        """
        seen: _Seen | None = None
        if isinstance(ruling, Undecided):
            seen = await self._look(event, told, ruling)
            ruling = self._assess.late(ruling, seen.facts, seen.insight)
        covering = told.background.expected.covering(event) if told.background else ()
        if covering and not _passes(ruling):
            seen = seen or await self._look(event, told, ruling)
            given = RuleInput(event, event.at, seen.facts, seen.insight)
            ruling = self._assess.expected(ruling, covering, given)
        for name, reason in ruling.unevaluated.items():
            log.warning("a rule could not be evaluated", rule=name, reason=reason, vm=event.vm.name)
        if _passes(ruling):
            risk = seen.insight.risk if seen else None
            if await self._let_pass(event, ruling, self._clock.now(), risk=risk):
                return Opened(Outcome.PASSED)
            told = told._replace(record=await self._store.vm_record(event.vm))
            held = told.record.containment_id  # perhaps since a moment ago
            if held is not None and await self._recontain(held, event):
                return Opened(Outcome.RECONTAINED, held)
            ruling = ruling.overruled("it matches, but the VM is contained or being restored")
        seen = seen or await self._look(event, told, ruling)
        return await self._ask(self._approval(told.document_id, event, seen, ruling), told, ruling)

    async def _look(self, event: StartEvent, told: Told, ruling: Ruling | Undecided) -> _Seen:
        facts = await self._gather(event)
        insight = self._assess.insight(event, facts, told.background, told.record, policy=ruling.policy)
        return _Seen(facts, insight)

    async def _ask(self, approval: Approval, told: Told, ruling: Ruling) -> Opened:
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

    async def _gather(self, event: StartEvent) -> Facts:
        """What is known within the budget. If Azure is away, the question waits for a minute, not longer."""
        try:
            facts = await self._facts.gather(event.vm, budget_s=self._budget_s, since=event.at, start=event)
        except DependencyAway as away:
            now = self._clock.now()
            if now - event.at < ASK_ANYWAY_AFTER:
                raise
            log.warning("asking without facts", vm=event.vm.name, because=str(away))
            return Facts(missing=(MissingFact(name="everything", reason=str(away)),), gathered_at=now)
        return facts.with_power(event.power)

    async def _exists(self, document_id: str) -> bool:
        try:
            await self._store.approval(document_id)
        except NotFound:
            return False
        return True

    async def _note_failed(self, event: StartEvent) -> Opened:
        """A failed start is put on record, not asked about. A question that it opened before is withdrawn."""
        told, now = await self._tellings.find(event), self._clock.now()
        await self._store.commit(
            Commit(
                partition=partition_of_vm(event.vm.key),
                once=f"failed:{event.dedupe_key_at_its_time}",
                audit=(start_record("start.failed", event, now),),
                past=Remembered(event.vm, of_event(event)),
            )
        )
        if told.approval is None:
            # Events are unordered: a *started* that arrives after the failure must not open a question.
            await self._store.commit(
                Commit(partition=partition_of_vm(event.vm.key), once=_start(told.document_id))
            )
            return Opened(Outcome.FAILED_START)
        await self._tellings.note_end(told.approval, event)
        withdrawn = await self._join.failed(told.approval)
        return Opened(Outcome.FAILED_START, told.document_id if withdrawn else "")

    def _approval(self, document_id: str, event: StartEvent, seen: _Seen, ruling: Ruling) -> Approval:
        now = self._clock.now()
        facts, insight = seen
        assessment = self._assess(ruling, event.vm, facts, insight.by_tags, now)
        # Of a VM that is gone, nothing is to be contained.
        state = ApprovalState.PENDING if facts.gone else FIRST[ruling.verdict]
        if observes := self._assess.observes:
            state = ApprovalState.OBSERVED
        approval = Approval(
            id=document_id,
            state=state,
            event=event,
            facts=facts,
            owner=insight.asked,
            owner_before=insight.owner_before,
            history=insight.history,
            expected=ruling.expected,
            risk=insight.risk,
            level=insight.risk.level,
            level_when_opened=insight.risk.level,
            terms=assessment.terms,
            plan=assessment.plan,
            guarded=assessment.guarded,
            opened_at=now,
            trace=here(),
            closed_at=now if observes else None,
            closed_because=_OBSERVES if observes else "",
            ended=None if event.phase is Phase.STARTED else StartEnd(phase=event.phase, at=event.at),
        )
        return approval.filling_in(now) if approval.open else approval

    async def _write_anew(self, approval: Approval, ruling: Ruling) -> Opened:
        told = await self._tellings.find(approval.event)
        if known := await self._known(approval.event, told):
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
        self._inventory.note(_known(approval).after(line))  # beside the write, which does not wait for it
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


def _known(approval: Approval) -> KnownVm:
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


def _passes(ruling: Ruling | Undecided) -> TypeGuard[Ruling]:
    return isinstance(ruling, Ruling) and ruling.verdict is Verdict.PASS


def _start(document_id: str) -> str:
    """A key for once only: opening this start, or noting that it failed, whichever comes first."""
    return f"start:{document_id}"


def _once(approval: Approval) -> str | None:
    """A *started* event after the failure opens nothing; a *succeeded* event does, whatever came before."""
    return _start(approval.id) if approval.event.phase is Phase.STARTED else None
