"""A VM was started: find out what it means, and open the question. One start gives one approval."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from workers.domain.approvals import Approval, Terms
from workers.domain.audit import AuditRecord
from workers.domain.errors import NotFound
from workers.domain.events import Phase, StartEvent
from workers.domain.facts import Facts
from workers.domain.ids import approval_id, partition_of_vm
from workers.domain.nudges import Nudge, Subject
from workers.domain.people import owner_from_tags
from workers.domain.plans import Plan, PlannedStep
from workers.domain.policy import LockdownProfile, Policy
from workers.domain.ports import Clock, Commit, FactsReader, Inventory, Nudger, StepRunner, Store
from workers.domain.vm import KnownVm, PowerState, VmRef
from workers.use_cases.conflicts import until_written
from workers.use_cases.contain_request import without
from workers.use_cases.recontain import Recontain


class Outcome(StrEnum):
    """What became of one event."""

    ASKED = "asked"
    DUPLICATE = "duplicate"
    VANISHED = "vanished"
    FAILED_START = "failed start"
    RECONTAINED = "recontained"


class Opened(NamedTuple):
    """The outcome, and the approval or containment it led to; empty for a failed start."""

    outcome: Outcome
    document_id: str = ""


class OpenApproval:
    """Turns a start event into an approval.

    Args:
        policy: gives the policy in force.
        facts_budget_s: the ask waits at most this long for facts.
    """

    def __init__(
        self,
        *,
        store: Store,
        nudger: Nudger,
        inventory: Inventory,
        facts: FactsReader,
        runners: Sequence[StepRunner],
        policy: Callable[[], Policy],
        clock: Clock,
        facts_budget_s: float = 2.0,
    ) -> None:
        self._store = store
        self._nudger = nudger
        self._inventory = inventory
        self._facts = facts
        self._runners = {runner.name: runner for runner in runners}
        self._policy = policy
        self._clock = clock
        self._budget_s = facts_budget_s
        self._recontain = Recontain(store=store, nudger=nudger, clock=clock)

    async def __call__(self, event: StartEvent) -> Opened:
        """Open the approval of this start, or find out that there is nothing to open.

        Raises:
            DependencyAway: Azure or Redis does not answer; nothing is written, the event must come again.
        """
        vm_key = event.vm.key
        document_id = approval_id(vm_key, event.dedupe_key)
        if event.phase is Phase.FAILED:
            return await self._note_failed(event, document_id)
        if await self._exists(document_id):
            return Opened(Outcome.DUPLICATE, document_id)
        record = await self._store.vm_record(event.vm)
        if record.containment_id is not None:
            recontained = await self._recontain(record.containment_id, event)
            if recontained:
                return Opened(Outcome.RECONTAINED, record.containment_id)
        facts = await self._facts.gather(event.vm, budget_s=self._budget_s)
        approval = self._approval(document_id, event, facts)
        opened = await until_written(lambda: self._write(approval))
        if opened.outcome is Outcome.ASKED:
            await self._after(approval, facts)
        elif opened.outcome is Outcome.VANISHED:
            await self._nudger.notices(Nudge(subject=Subject.APPROVAL, id=document_id, version=1))
        return opened

    async def _exists(self, document_id: str) -> bool:
        try:
            await self._store.approval(document_id)
        except NotFound:
            return False
        return True

    async def _note_failed(self, event: StartEvent, document_id: str) -> Opened:
        """A failed start is audited, not asked about; a question that its beginning opened is withdrawn."""
        now = self._clock.now()
        await self._store.commit(
            Commit(
                partition=partition_of_vm(event.vm.key),
                once=f"failed:{event.dedupe_key}",
                audit=(_audit("start.failed", event, now),),
            )
        )
        withdrawn = await until_written(lambda: self._withdraw(document_id, "the start failed"))
        if withdrawn is not None:
            await self._nudger.notices(
                Nudge(subject=Subject.APPROVAL, id=document_id, version=withdrawn.version + 1)
            )
        return Opened(Outcome.FAILED_START, document_id if withdrawn else "")

    async def _withdraw(self, document_id: str, because: str) -> Approval | None:
        try:
            approval = await self._store.approval(document_id)
        except NotFound:
            return None
        if not approval.open:
            return None
        now = self._clock.now()
        withdrawn = approval.withdrawn(now, because)
        record = without(await self._store.vm_record(approval.event.vm), approval)
        await self._store.commit(
            Commit(
                partition=partition_of_vm(approval.event.vm.key),
                documents=(withdrawn, record),
                audit=(_audit("approval.withdrawn", approval.event, now, withdrawn),),
            )
        )
        return withdrawn

    def _approval(self, document_id: str, event: StartEvent, facts: Facts) -> Approval:
        policy = self._policy()
        now = self._clock.now()
        return Approval(
            id=document_id,
            event=event,
            facts=facts,
            owner=owner_from_tags(facts.tags, policy.owner.tags, tags_known=facts.machine is not None),
            terms=Terms(
                remind_after=policy.defaults.remind_after,
                escalate_after=policy.defaults.escalate_after,
                expire_after=policy.defaults.expire_after,
                on_silence=policy.defaults.on_silence,
                lockdown=policy.lockdown,
            ),
            plan=self.plan(event.vm, facts, policy.lockdown, now),
            opened_at=now,
        )

    def plan(self, vm: VmRef, facts: Facts, profile: LockdownProfile, now: datetime) -> Plan:
        """What the profile will do to this VM, as far as the facts tell."""
        return Plan(
            profile=profile.name,
            steps=tuple(
                PlannedStep(step=name, change=self._runners[name].plan(vm, facts, profile))
                for name in profile.steps
            ),
            as_of=facts.gathered_at or now,
        )

    async def _write(self, approval: Approval) -> Opened:
        if await self._exists(approval.id):
            return Opened(Outcome.DUPLICATE, approval.id)
        event = approval.event
        partition = partition_of_vm(event.vm.key)
        opened = _audit("approval.opened", event, approval.opened_at, approval)
        if approval.facts.gone:
            gone = approval.withdrawn(approval.opened_at, "the VM no longer exists")
            closed = _audit("approval.withdrawn", event, approval.opened_at, gone)
            await self._store.commit(Commit(partition=partition, documents=(gone,), audit=(opened, closed)))
            return Opened(Outcome.VANISHED, approval.id)
        record = await self._store.vm_record(event.vm)
        record = record.changed(open_approvals=(*record.open_approvals, approval.id))
        await self._store.commit(Commit(partition=partition, documents=(approval, record), audit=(opened,)))
        return Opened(Outcome.ASKED, approval.id)

    async def _after(self, approval: Approval, facts: Facts) -> None:
        """Effects outside the store; if the process dies before them, the resync makes up for it."""
        known = KnownVm(
            ref=approval.event.vm,
            subscription_name=facts.subscription_name,
            location=facts.machine.location if facts.machine else "",
            tags=facts.tags,
            power=facts.machine.power if facts.machine else PowerState.UNKNOWN,
            seen_at=approval.opened_at,
        )
        await asyncio.gather(
            self._nudger.notices(Nudge(subject=Subject.APPROVAL, id=approval.id, version=1)),
            self._inventory.put([known]),
        )


def _audit(kind: str, event: StartEvent, at: datetime, approval: Approval | None = None) -> AuditRecord:
    details: dict[str, object] = {
        "caller": event.caller.model_dump(mode="json"),
        "correlation_id": event.correlation_id,
        "started_at": event.at.isoformat(),
        "shape": event.shape,
    }
    if approval is not None:
        details |= {
            "owner": approval.owner.model_dump(mode="json"),
            "rule": approval.terms.rule,
            "verdict": "ask",
            "missing": [fact.name for fact in approval.facts.missing],
        }
        if approval.closed_because:
            details["because"] = approval.closed_because
    return AuditRecord(
        kind=kind, at=at, about=approval.id if approval else "", vm=event.vm.key, details=details
    )
