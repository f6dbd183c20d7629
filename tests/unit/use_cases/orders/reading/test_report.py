"""A report counts starts by day and verdict, answers, silence, and how long answers took."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from tests import builders as a
from workers.domain.audit import AuditRecord
from workers.use_cases.orders.reading.report import (
    ASKED,
    CONFIRMED,
    CONTAINED,
    FAILED,
    PASSED,
    REJECTED,
    SILENCE,
    TOLD,
    report,
)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Audit:
    def __init__(self, *records: AuditRecord) -> None:
        self._records = records

    async def records(self, since: datetime) -> AsyncIterator[str]:
        for record in self._records:
            if record.at >= since:
                yield record.model_dump_json()


def record(kind: str, at: datetime = a.NOW, about: str = "", **details: object) -> AuditRecord:
    return AuditRecord(kind=kind, at=at, about=about, details=details)


async def test_each_day_has_its_starts_by_verdict_and_its_answers() -> None:
    yesterday = a.NOW - DAY
    found = await report(
        Audit(
            record("approval.opened", a.NOW - 8 * DAY),
            record("approval.opened", yesterday, verdict="ask"),
            record("approval.opened", verdict="tell"),
            record("approval.joined"),
            record("start.passed"),
            record("approval.ruled"),
            record("start.failed"),
            record("approval.confirmed"),
            record("approval.rejected", yesterday),
            record("approval.expired"),
            record("lookup.asked"),
        ),
        a.NOW,
        7,
    )
    assert [day.day for day in found.days] == [(a.NOW - n * DAY).date() for n in range(6, -1, -1)]
    assert dict(found.days[-2].counts) == {ASKED: 1, REJECTED: 1}
    today = {ASKED: 1, TOLD: 1, PASSED: 1, CONTAINED: 1, FAILED: 1, CONFIRMED: 1, SILENCE: 1}
    assert dict(found.days[-1].counts) == today
    assert found.total(ASKED) == 2


async def test_how_long_answers_took_counts_from_when_somebody_was_asked() -> None:
    records = []
    for minutes in range(1, 11):
        records += [
            record("approval.asked", a.NOW - HOUR, f"a{minutes}"),
            record("approval.confirmed", a.NOW - HOUR + timedelta(minutes=minutes), f"a{minutes}"),
        ]
    found = await report(Audit(*records, record("approval.rejected", about="never asked")), a.NOW, 1)
    assert (found.usual_answer, found.slow_answer) == (timedelta(minutes=5.5), timedelta(minutes=10))
    empty = await report(Audit(), a.NOW, 1)
    assert (empty.usual_answer, empty.slow_answer, len(empty.days)) == (None, None, 1)
