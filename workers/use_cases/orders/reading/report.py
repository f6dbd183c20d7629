"""Starts by day and what became of them, how fast people answered, and how often nobody did."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import NamedTuple

import structlog
from pydantic import ValidationError

from workers.domain.audit import AuditRecord
from workers.domain.errors import NewerDocument
from workers.domain.policy.model import Verdict
from workers.domain.ports.audit.reader import AuditReader
from workers.domain.schema import read

log = structlog.get_logger(__name__)

ASKED, TOLD, PASSED, CONTAINED, FAILED = "asked", "announced", "passed", "contained by rule", "failed"
CONFIRMED, REJECTED, SILENCE = "confirmed", "rejected", "silence"
VERDICTS = (ASKED, TOLD, PASSED, CONTAINED, FAILED)
ANSWERS = (CONFIRMED, REJECTED, SILENCE)
_COLUMNS = {
    "approval.opened": ASKED,
    "approval.joined": ASKED,
    "start.passed": PASSED,
    "approval.ruled": CONTAINED,
    "start.failed": FAILED,
    "approval.confirmed": CONFIRMED,
    "approval.rejected": REJECTED,
    "approval.expired": SILENCE,
}
"""Kind of record → what it counts as."""


class Day(NamedTuple):
    """One day in UTC: how many starts of each verdict, and answers of each kind."""

    day: date
    counts: Counter[str]


class Report(NamedTuple):
    """What the audit says of some days.

    Attributes:
        days: every one of them, the oldest first.
        answered: how long each answer took from when somebody was asked, sorted.
    """

    days: tuple[Day, ...]
    answered: tuple[timedelta, ...]

    def total(self, column: str) -> int:
        """Of all days."""
        return sum(day.counts[column] for day in self.days)

    @property
    def usual_answer(self) -> timedelta | None:
        """Half of the answers took no longer; ``None`` without any."""
        seconds = [one.total_seconds() for one in self.answered]
        return timedelta(seconds=median(seconds)) if seconds else None

    @property
    def slow_answer(self) -> timedelta | None:
        """Nine of ten answers took no longer; ``None`` without any."""
        return (
            self.answered[min(len(self.answered) - 1, len(self.answered) * 9 // 10)]
            if self.answered
            else None
        )


async def report(audit: AuditReader, now: datetime, days: int) -> Report:
    """The last days, today among them.

    Raises:
        DependencyAway: the store does not answer.
    """
    today = now.astimezone(UTC).date()
    first = today - timedelta(days=days - 1)
    counts = {first + timedelta(days=n): Counter[str]() for n in range(days)}
    asked: dict[str, datetime] = {}
    took: list[timedelta] = []
    async for text in audit.records(datetime(first.year, first.month, first.day, tzinfo=UTC)):
        try:
            record = read(AuditRecord, text)
        except (NewerDocument, ValidationError) as error:
            log.warning("an audit record can't be read", because=str(error)[:300])
            continue
        _count(record, counts)
        if record.kind == "approval.asked":
            asked[record.about or ""] = record.at
        elif record.kind in ("approval.confirmed", "approval.rejected") and record.about in asked:
            took.append(record.at - asked[record.about])
    return Report(tuple(Day(day, of_it) for day, of_it in counts.items()), tuple(sorted(took)))


def _count(record: AuditRecord, counts: dict[date, Counter[str]]) -> None:
    column, of_day = _COLUMNS.get(record.kind), counts.get(record.at.astimezone(UTC).date())
    if column is None or of_day is None:
        return
    told = column == ASKED and record.details.get("verdict") == Verdict.TELL
    of_day[TOLD if told else column] += 1
