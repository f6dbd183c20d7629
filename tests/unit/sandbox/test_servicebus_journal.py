"""What the journal of the queues brings back."""

from pathlib import Path
from typing import Any

import pytest

from deploy.sandbox.servicebus.journal import Journal, JournalError
from deploy.sandbox.servicebus.messages import Payload, State
from tests.unit.sandbox.queue_bench import Bench, Clock


def reopened(path: Path, clock: Clock, **options: Any) -> Bench:
    journal = Journal(path)
    bench = Bench(journal, **options)
    bench.clock.now = clock.now
    bench.namespace.restore(journal.replay())
    journal.open(bench.namespace.queues.values())
    return bench


def test_everything_written_is_there_again_and_nothing_is_locked(tmp_path: Path) -> None:
    path, clock = tmp_path / "n.jsonl", Clock()
    first = reopened(path, clock, dedup_ms=20_000)
    first.send("done", "failed", "aside", "dead", "held")
    further = {"annotations": b"\x01", "priority": 7, "delivery_annotations": b"\x02"}
    first.send("later", due_ms=clock.now + 60_000, ttl_ms=5, **further)
    (_, done), (_, failed), (_, aside), (_, dead), _ = first.take(5)
    first.queue.complete(done)
    first.queue.abandon(failed)
    first.queue.defer(aside)
    first.queue.dead_letter(dead, "r", "d")
    first.store.flush()
    # Twice: what was replayed is also what is written at the next start.
    second = reopened(path, clock, dedup_ms=20_000)
    second.store.close()
    third = reopened(path, clock, dedup_ms=20_000)
    third.send("done")
    assert {m.payload: (m.state, m.delivery_count, m.token) for m in third.queue.messages.values()} == {
        Payload("failed", b"failed"): (State.ACTIVE, 1, None),
        Payload("aside", b"aside"): (State.DEFERRED, 0, None),
        Payload("held", b"held"): (State.ACTIVE, 0, None),
        Payload("later", b"later", 5, clock.now + 60_000, b"\x01", 7, b"\x02"): (State.SCHEDULED, 0, None),
    }
    assert [(m.reason, m.description) for m in third.dead.messages.values()] == [("r", "d")]
    assert third.queue.last_sequence == first.queue.last_sequence + 1
    third.wait(60_000)
    assert "later" in [m.payload.message_id for m in third.queue.messages.values()]
    first.store.close()
    third.store.close()


def test_the_window_of_duplicates_does_not_start_anew_with_the_process(tmp_path: Path) -> None:
    path, clock = tmp_path / "n.jsonl", Clock()
    first = reopened(path, clock, dedup_ms=20_000)
    first.send("a", due_ms=clock.now + 15_000)
    first.wait(15_000)
    first.store.close()
    second = reopened(path, first.clock, dedup_ms=20_000)
    second.store.close()
    third = reopened(path, first.clock, dedup_ms=20_000)
    third.wait(4_999)
    third.send("a")
    assert len(third.queue.messages) == 1
    third.wait(1)
    third.send("a")
    assert len(third.queue.messages) == 2
    third.store.close()


def test_a_last_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    path, clock = tmp_path / "n.jsonl", Clock()
    first = reopened(path, clock)
    first.send("a", "b")
    first.store.close()
    path.write_bytes(path.read_bytes()[:-10])
    second = reopened(path, clock)
    assert second.ids() == ["a"]
    second.store.close()


def test_a_damaged_line_is_named_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "n.jsonl"
    path.write_text('{"last":["q",1]}\nnot json\n', encoding="utf-8")
    with pytest.raises(JournalError, match=r"line 2.*move the file away"):
        Journal(path).replay()
