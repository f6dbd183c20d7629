"""Tells on-call once a day what the policy would have done, while it only observes."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog

from workers.domain.asking.approvals import ApprovalState
from workers.domain.asking.notices.reports import ObservedDay, PolicyReport
from workers.domain.audit import AuditRecord
from workers.domain.errors import Conflict, NotFound
from workers.domain.ids import partition_of_id, report_id
from workers.domain.nudges import Nudge, Subject
from workers.domain.policy.model import Verdict
from workers.domain.ports.audit.reader import AuditReader
from workers.domain.ports.clock import Clock
from workers.domain.ports.nudger import Nudger
from workers.domain.ports.store import Commit, Store
from workers.use_cases.asking.recorded import recorded_starts
from workers.use_cases.asking.replay import RecordedStart, exposed, would_reach

log = structlog.get_logger(__name__)


class TellObservedDay:
    """Run by every worker. The report of a day has one id, so it is told once, whoever comes first.

    A day in which nothing was observed is not told of.

    Args:
        observes: whether the policy only observes.
        audit: has the starts.
        period_s: seconds between two looks at the date.
    """

    name = "observed-day"

    def __init__(
        self,
        *,
        store: Store,
        nudger: Nudger,
        audit: AuditReader,
        clock: Clock,
        observes: Callable[[], bool],
        period_s: float = 300.0,
    ) -> None:
        self.period_s = period_s
        self._store = store
        self._nudger = nudger
        self._audit = audit
        self._clock = clock
        self._observes = observes
        self._done = ""

    async def __call__(self) -> bool:
        """Tell of yesterday, by UTC, if nobody has yet; whether that was done now.

        Raises:
            DependencyAway: the store or the bus does not answer. It is told at a later run.
        """
        now = self._clock.now()
        today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        day = (today - timedelta(days=1)).date().isoformat()
        if not self._observes() or self._done == day:
            return False
        told = await self._tell(day, today, now)
        self._done = day
        return told

    async def _tell(self, day: str, today: datetime, now: datetime) -> bool:
        document_id = report_id(f"observed {day}")
        try:
            await self._store.report(document_id)
        except NotFound:
            pass
        else:
            return False
        observed = await self._summed_up(day, today)
        if observed is None:
            return False
        report = PolicyReport(id=document_id, at=now, observed=observed)
        details = {**observed.model_dump(mode="json")}
        record = AuditRecord(kind="observed.told", at=now, about=document_id, details=details)
        try:
            await self._store.commit(
                Commit(partition=partition_of_id(document_id), documents=(report,), audit=(record,))
            )
        except Conflict:
            return False  # another worker tells it
        await self._nudger.notices(Nudge(subject=Subject.REPORT, id=document_id, version=1))
        return True

    async def _summed_up(self, day: str, today: datetime) -> ObservedDay | None:
        """``None`` if nothing was observed on that day: the policy was enforced, or nobody started a VM."""
        counts, messages, seen = Counter[str](), Counter[str](), False
        records = self._audit.records(today - timedelta(days=1))
        async for start in recorded_starts(records, self._store):
            if start.at >= today:
                break
            seen = seen or _observed(start)
            if start.passed:
                counts["passed"] += 1
            elif start.approval is not None and _observed(start):
                counts[_COUNTED[start.approval.terms.verdict]] += 1
                counts["exposed"] += exposed(start.approval)
                messages.update(would_reach(start.approval))
        return ObservedDay(day=day, **counts, messages=dict(messages.most_common())) if seen else None


_COUNTED = {Verdict.ASK: "asked", Verdict.TELL: "told", Verdict.CONTAIN: "contained", Verdict.PASS: "passed"}


def _observed(start: RecordedStart) -> bool:
    return start.approval is not None and start.approval.state is ApprovalState.OBSERVED
