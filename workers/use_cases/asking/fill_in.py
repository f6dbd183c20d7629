"""Reads facts again that did not arrive in time, and brings the open question up to date."""

import contextlib
from datetime import datetime, timedelta

import structlog

from workers.domain.asking.announced import asked_after_all, risen_to_high
from workers.domain.asking.approvals import Approval
from workers.domain.asking.joined import JoinedStart
from workers.domain.asking.joining import told_of
from workers.domain.audit import AuditRecord
from workers.domain.errors import DependencyAway, NotFound
from workers.domain.ids import partition_of_id
from workers.domain.nudges import Nudge, Subject
from workers.domain.ports.azure.facts import FactsReader
from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Commit, Store
from workers.domain.starts.facts import Facts
from workers.domain.starts.past.history import History
from workers.domain.starts.risk import Risk, higher
from workers.domain.starts.vm import VmRecord
from workers.use_cases.asking.assess import Assess
from workers.use_cases.asking.withdraw import Withdraw
from workers.use_cases.conflicts import until_written

log = structlog.get_logger(__name__)

BUDGET_S = 10.0
"""Longer than a question may wait for facts, and shorter than the lock of a message."""
SHORTEST_WAIT_S, LONGEST_WAIT_S = 3.0, 300.0
"""However short or long a time Azure asks to wait."""


class FillIn:
    """Completes the facts of an open approval, and with them its owner, card and plan."""

    def __init__(
        self, *, store: Store, nudger: Nudger, facts: FactsReader, assess: Assess, clock: Clock
    ) -> None:
        self._store = store
        self._nudger = nudger
        self._facts = facts
        self._assess = assess
        self._clock = clock
        self._withdraw = Withdraw(store=store, nudger=nudger, clock=clock)

    async def __call__(self, approval: Approval) -> None:
        """Read what is missing, if it is time to. Called before deadlines are checked."""
        if not approval.open or approval.fill_in_at is None or approval.fill_in_at > self._clock.now():
            return
        facts: Facts | None = None
        not_before: datetime | None = None
        try:
            facts = await self._facts.gather(approval.event.vm, budget_s=BUDGET_S, start=approval.event)
            facts = facts.with_power(approval.event.power)
        except DependencyAway as away:
            log.info("facts are still missing", approval=approval.id, error=str(away))
            if away.retry_after_s is not None:
                wait_s = max(SHORTEST_WAIT_S, min(away.retry_after_s, LONGEST_WAIT_S))
                not_before = self._clock.now() + timedelta(seconds=wait_s)
        if facts is not None and facts.gone:
            await self._withdraw(approval.id, "the VM no longer exists")
            return
        written = await until_written(lambda: self._write(approval.id, facts, not_before))
        if written is not None and facts is not None:
            await self._nudger.notices(
                Nudge(subject=Subject.APPROVAL, id=approval.id, version=written.version + 1)
            )

    async def _filled(self, approval: Approval, facts: Facts, now: datetime) -> Approval:
        """With these facts, and what they say of its owner and its risk, which may rise and never falls.

        The rules are not evaluated again: the terms stay as they were when the owner was asked.
        """
        event = approval.event
        _, record, background = await self._store.known_start(approval.id, event)
        insight = self._assess.insight(event, facts, background, record, known=approval.history)
        risk = approval.risk.or_more(insight.risk) if approval.risk else insight.risk
        further = [self._of_further(one, approval, facts) for one in approval.joined]
        for one, of_it in zip(approval.joined, further, strict=True):
            risk = risk.or_more(told_of(of_it, one.caller, approval))
        return approval.changed(
            facts=facts,
            plan=self._assess.plan(event.vm, facts, approval.terms.lockdown, now),
            owner=approval.owner if approval.owner.known else insight.asked,
            guarded=self._assess.guarded(event.vm, facts, insight.by_tags),
            owner_before=approval.owner_before or insight.owner_before,
            history=insight.history,
            risk=risk,
            level=higher(approval.level, insight.risk.level),
            joined=tuple(
                one.changed(level=higher(one.level, of_it.level))
                for one, of_it in zip(approval.joined, further, strict=True)
            ),
        )

    async def _is_asked_about(self, announced: Approval) -> bool:
        """Whether the VM has an open question already. It has one at most, and a rejection closes both."""
        record = await self._store.vm_record(announced.event.vm)
        for other in record.open_approvals:
            with contextlib.suppress(NotFound):
                if (await self._store.approval(other)).asks:
                    return True
        return False

    def _asked_after_all(self, announced: Approval, facts: Facts, now: datetime) -> Approval:
        """Its rule lets a start go without an answer; nobody meant one of high risk that looked harmless.

        Like a start that a rule lets pass and must not, it is asked about on the terms of the defaults.
        """
        asking = asked_after_all(announced, self._assess.asking(), now)
        plan = self._assess.plan(asking.event.vm, facts, asking.terms.lockdown, now)
        return asking.changed(plan=plan)

    def _of_further(self, one: JoinedStart, approval: Approval, facts: Facts) -> Risk:
        """What these facts say of a further start. What was before it is in its level already."""
        event = approval.event.changed(caller=one.caller, access=one.access, at=one.at)
        record = VmRecord(vm=event.vm)
        return self._assess.insight(event, facts, None, record, known=History()).risk

    async def _write(
        self, approval_id: str, facts: Facts | None, not_before: datetime | None
    ) -> Approval | None:
        approval = await self._store.approval(approval_id)
        if not approval.open:
            return None
        now = self._clock.now()
        records: tuple[AuditRecord, ...] = ()
        announced = not approval.asks
        if facts is not None and facts.known_count >= approval.facts.known_count:
            approval = await self._filled(approval, facts, now)
            records = (
                AuditRecord(
                    kind="facts.filled-in",
                    at=now,
                    about=approval_id,
                    vm=approval.event.vm.key,
                    details={
                        "missing": [fact.name for fact in facts.missing],
                        "owner": approval.owner.model_dump(),
                        **({"risk": approval.risk.summary} if approval.risk else {}),
                        **({"policy": digest} if (digest := self._assess.policy.digest) else {}),
                    },
                ),
            )
            if announced and risen_to_high(approval) and not await self._is_asked_about(approval):
                approval = self._asked_after_all(approval, facts, now)
                records = (*records, _turned(approval, now))
        filled = approval.filling_in(now, not_before=not_before)
        await self._store.commit(
            Commit(partition=partition_of_id(approval_id), documents=(filled,), audit=records)
        )
        return filled


def _turned(asking: Approval, now: datetime) -> AuditRecord:
    return AuditRecord(
        kind="announcement.asked",
        at=now,
        about=asking.id,
        vm=asking.event.vm.key,
        details={
            "risk": asking.risk.summary if asking.risk else "",
            "expires_at": asking.expire_at.isoformat(),
        },
    )
