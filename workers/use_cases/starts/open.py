"""A VM was started: find out what that means, and ask about it, announce it, or have the VM contained.

One start gives one approval.

A VM has one open question at most: a further start joins it.
"""

from datetime import timedelta
from typing import NamedTuple, TypeGuard

import structlog

from workers.domain.asking.approvals import FIRST, Approval, ApprovalState
from workers.domain.errors import DependencyAway
from workers.domain.ids import partition_of_vm
from workers.domain.policy.cel.variables import RuleInput
from workers.domain.policy.insight import Insight
from workers.domain.policy.model import Verdict
from workers.domain.policy.rules import Ruling, Undecided
from workers.domain.ports.azure.facts import FactsReader
from workers.domain.ports.clock import Clock
from workers.domain.ports.inventory import Inventory
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Commit, Remembered, Store
from workers.domain.starts.events import Phase, StartEnd, StartEvent
from workers.domain.starts.facts import Facts, MissingFact
from workers.domain.starts.past.entries import of_event
from workers.telemetry.spans import following, here
from workers.use_cases.asking.assess import Assess
from workers.use_cases.starts.enter import EnterStart, start_key
from workers.use_cases.starts.expected import ExpectedStarts
from workers.use_cases.starts.join import Join
from workers.use_cases.starts.let_pass import LetPass
from workers.use_cases.starts.outcome import Opened, Outcome
from workers.use_cases.starts.recontain import Recontain
from workers.use_cases.starts.record import start_record
from workers.use_cases.starts.tellings import Tellings, Told

log = structlog.get_logger(__name__)

ASK_ANYWAY_AFTER = timedelta(seconds=60)
"""How long a start waits for an Azure that is away. After that, its owner is asked without facts."""


_OBSERVES = "the policy only observes"


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
        self._facts = facts
        self._assess = assess
        self._clock = clock
        self._budget_s = facts_budget_s
        self._tellings = Tellings(store)
        self._let_pass = LetPass(store)
        self._expected = ExpectedStarts(store, clock)
        self._recontain = Recontain(store=store, nudger=nudger, clock=clock)
        self._join = Join(store=store, nudger=nudger, assess=assess, clock=clock)
        self._enter = EnterStart(
            store=store,
            nudger=nudger,
            inventory=inventory,
            clock=clock,
            tellings=self._tellings,
            recontain=self._recontain,
            join=self._join,
        )

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
        if known := await self._enter.known(event, told):
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
        return await self._enter(self._approval(told.document_id, event, seen, ruling), told, ruling)

    async def _look(self, event: StartEvent, told: Told, ruling: Ruling | Undecided) -> _Seen:
        facts = await self._gather(event)
        insight = self._assess.insight(event, facts, told.background, told.record, policy=ruling.policy)
        return _Seen(facts, insight)

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
                Commit(partition=partition_of_vm(event.vm.key), once=start_key(told.document_id))
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


def _passes(ruling: Ruling | Undecided) -> TypeGuard[Ruling]:
    return isinstance(ruling, Ruling) and ruling.verdict is Verdict.PASS
