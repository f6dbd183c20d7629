"""What is written to the audit is told in the log, once and only if it was written."""

import pytest
from structlog.testing import capture_logs

from tests import builders as a
from tests.contract.store.rig import VM, approval, commit, record
from workers.domain.errors import Conflict
from workers.domain.ports.store import Store


async def test_a_decision_is_told_at_info_with_vm_ids_and_who(store: Store) -> None:
    asked = approval()
    decided = record("approval.rejected", about=asked.id, by="Olivia (U0OLIVIA01)", details={"via": "card"})
    with capture_logs() as lines:
        await store.commit(commit(asked, audit=(record(), decided)))
    assert lines == [
        {
            "event": "approval.rejected",
            "log_level": "info",
            "vm": VM.key,
            "id": asked.id,
            "by": "Olivia (U0OLIVIA01)",
            "via": "card",
        }
    ]


async def test_what_was_not_written_is_not_told(store: Store) -> None:
    asked = approval()
    await store.commit(commit(asked))
    with capture_logs() as lines:
        with pytest.raises(Conflict):
            await store.commit(commit(asked, audit=(record("approval.rejected"),)))
        assert await store.commit(commit(once="x", audit=(record("start.passed"),)))
        assert not await store.commit(commit(once="x", audit=(record("start.passed"),)))
    assert [line["event"] for line in lines] == ["start.passed"]


@pytest.mark.parametrize(
    ("kind", "level"),
    [
        ("step.done", "info"),
        ("undo.done", "info"),
        ("containment.contained", "info"),
        ("containment.restored", "info"),
        ("start.failed", "info"),
        ("step.retry", "warning"),
        ("undo.retry", "warning"),
        ("step.failed", "warning"),
        ("step.given-up", "warning"),
        ("containment.started-again", "info"),
        ("step.held-up", "warning"),
        ("containment.late", "warning"),
        ("containment.incomplete", "warning"),
        ("restore.incomplete", "warning"),
        ("decision.refused", "warning"),
        ("step.begun", None),
        ("step.progress", None),
        ("facts.filled-in", None),
    ],
)
async def test_failed_attempts_and_bad_ends_are_warnings(store: Store, kind: str, level: str | None) -> None:
    with capture_logs() as lines:
        await store.commit(commit(audit=(record(kind),)))
    assert [line["log_level"] for line in lines] == ([level] if level else [])


async def test_hostile_text_stays_in_its_line(store: Store) -> None:
    hostile = record("lockdown.ordered", by="a\nERROR \x1b[2J\u202e", details={"reason": "x" * 10_000})
    with capture_logs() as lines:
        await store.commit(commit(audit=(hostile,)))
    assert lines[0]["by"] == "a ERROR \\u001b[2J\\u202e"
    assert len(lines[0]["reason"]) == 500


async def test_a_failed_attempt_carries_azures_code(store: Store) -> None:
    details = {"step": "stop", "error": "could not deallocate", "code": "ScopeLocked", "attempt": 2}
    with capture_logs() as lines:
        await store.commit(commit(audit=(record("step.retry", about=a.containment().id, details=details),)))
    assert details.items() <= lines[0].items()
