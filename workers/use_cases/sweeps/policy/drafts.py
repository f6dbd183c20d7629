"""Drafts rules from answers: replayed over what is on record, and offered to on-call once.

Nothing changes by itself: somebody has to put the rule into the policy.
"""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog
from pydantic import ValidationError

from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.asking.notices.drafts import Habit, as_yaml, drafted, habits, with_draft
from workers.domain.asking.notices.reports import PolicyReport, RuleDraft
from workers.domain.audit import AuditRecord
from workers.domain.errors import Conflict, NewerDocument, NotFound
from workers.domain.ids import partition_of_id, report_id
from workers.domain.nudges import Nudge, Subject
from workers.domain.policy.model import Policy, Rule
from workers.domain.ports.audit.reader import AuditReader
from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Commit, Store
from workers.use_cases.asking.recorded import recorded_starts
from workers.use_cases.asking.replay import Fate, RecordedStart, Replay

log = structlog.get_logger(__name__)

LOOKS_BACK = timedelta(days=30)
EVERY = timedelta(hours=3)
"""One worker looks in each such span: it reads a month of the audit where something was confirmed lately."""
_CONFIRMED = '"approval.confirmed"'


class _Draft(NamedTuple):
    habit: Habit
    rule: Rule
    before: str
    judge: Replay


class DraftRules:
    """Run by every worker; in each span of time, the first one does it.

    Args:
        audit: has the starts and the answers.
        policy: gives the policy in force.
        period_s: seconds between two looks at the clock.
    """

    name = "drafts"

    def __init__(
        self,
        *,
        store: Store,
        nudger: Nudger,
        audit: AuditReader,
        clock: Clock,
        policy: Callable[[], Policy],
        period_s: float = 900.0,
    ) -> None:
        self.period_s = period_s
        self._store = store
        self._nudger = nudger
        self._audit = audit
        self._clock = clock
        self._policy = policy

    async def __call__(self) -> int:
        """Look once; how many drafts were offered.

        Raises:
            DependencyAway: the store or the bus does not answer.
        """
        now = self._clock.now()
        if self._policy().observes or not await self._our_turn(now):
            return 0
        # Twice the span: what was confirmed while the last one looked is not overlooked.
        if not [one async for one in self._confirmed(now - 2 * EVERY)]:
            return 0
        approvals = await self._read([one async for one in self._confirmed(now - LOOKS_BACK)])
        drafts = [one for habit in habits(approvals) if (one := await self._drafted(habit, now))]
        return sum([await self._offer(draft, now) for draft in drafts]) if drafts else 0

    async def _our_turn(self, now: datetime) -> bool:
        span = int(now.timestamp() // EVERY.total_seconds())
        partition = partition_of_id(report_id("drafts"))
        return await self._store.commit(Commit(partition=partition, once=f"drafts:{span}"))

    async def _confirmed(self, since: datetime) -> AsyncIterator[str]:
        """The ids of questions that were confirmed since then."""
        async for text in self._audit.records(since):
            if _CONFIRMED in text and (record := json.loads(text)).get("kind") == "approval.confirmed":
                yield str(record.get("about", ""))

    async def _read(self, ids: Sequence[str]) -> list[Approval]:
        found: list[Approval] = []
        for approval_id in dict.fromkeys(ids):
            try:
                found.append(await self._store.approval(approval_id))
            except (NotFound, NewerDocument, ValidationError):
                continue
        return found

    async def _drafted(self, habit: Habit, now: datetime) -> _Draft | None:
        """The draft for it, if it was not offered yet and the policy still asks about such starts."""
        rule = drafted(habit)
        if rule is None or await self._offered(habit):
            return None
        policy = self._policy()
        if rule.name in {one.name for one in policy.rules}:
            return None
        start = habit.confirmed[-1]
        recorded = RecordedStart(event=start.event, at=start.opened_at, rule=start.terms.rule, approval=start)
        if Replay(policy, now).would(recorded).fate is Fate.PASSED:
            return None
        changed, before = with_draft(policy, habit, rule)
        return _Draft(habit, rule, before, Replay(changed, now))

    async def _offered(self, habit: Habit) -> bool:
        try:
            await self._store.report(_id(habit))
        except NotFound:
            return False
        return True

    async def _offer(self, draft: _Draft, now: datetime) -> bool:
        """Replay it, and offer it if what it lets pass was never rejected, nor anything like it."""
        passed, like_it = 0, False
        async for start in recorded_starts(self._about(draft.habit, now - LOOKS_BACK), self._store):
            if not draft.habit.covers(start.event.caller, start.event.vm):
                continue
            like_it = like_it or await self._rejected(start)
            would = draft.judge.would(start)
            passed += would.fate is Fate.PASSED and would.rule == draft.rule.name
        if like_it or passed < len(draft.habit.confirmed):
            log.info("a drafted rule is not offered", rule=draft.rule.name, rejected=like_it, passed=passed)
            return False
        return await self._tell(draft, passed, now)

    async def _about(self, habit: Habit, since: datetime) -> AsyncIterator[str]:
        """Records that name the caller."""
        who = habit.caller.object_id.lower()
        async for text in self._audit.records(since):
            if who in text.lower():
                yield text

    async def _rejected(self, start: RecordedStart) -> bool:
        """Whether it, or the question that it joined, was rejected, or led to a containment."""
        approval = start.approval
        if approval is not None and approval.joined_to is not None:
            approval = next(iter(await self._read([approval.joined_to])), None)
        if approval is None:
            return False
        return approval.state is ApprovalState.REJECTED or approval.containment_id is not None

    async def _tell(self, draft: _Draft, passed: int, now: datetime) -> bool:
        habit, document_id = draft.habit, _id(draft.habit)
        told = RuleDraft(
            name=draft.rule.name,
            yaml=as_yaml(draft.rule),
            before=draft.before,
            caller=habit.caller.label[:200],
            place=habit.vm.name if habit.one_vm else habit.vm.resource_group,
            one_vm=habit.one_vm,
            confirmed=len(habit.confirmed),
            passed=passed,
            days=LOOKS_BACK.days,
        )
        record = AuditRecord(
            kind="rule.drafted", at=now, about=document_id, details=told.model_dump(mode="json")
        )
        report = PolicyReport(id=document_id, at=now, draft=told)
        try:
            await self._store.commit(
                Commit(partition=partition_of_id(document_id), documents=(report,), audit=(record,))
            )
        except Conflict:
            return False  # another worker offers it
        await self._nudger.notices(Nudge(subject=Subject.REPORT, id=document_id, version=1))
        return True


def _id(habit: Habit) -> str:
    return report_id(f"draft {habit.key}")
