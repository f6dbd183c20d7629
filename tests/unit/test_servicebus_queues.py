"""Queue semantics alone: no wire, and a clock that moves when told."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from deploy.sandbox.servicebus.journal import Journal, JournalError, NoJournal
from deploy.sandbox.servicebus.messages import (
    BadMessageError,
    LockLostError,
    Message,
    MessageNotFoundError,
    Payload,
    Settings,
    State,
)
from deploy.sandbox.servicebus.namespace import Address, Namespace, parse_address
from deploy.sandbox.servicebus.queues import Queue


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000

    def __call__(self) -> int:
        return self.now


class Mouth:
    """A consumer that takes up to ``appetite`` messages."""

    def __init__(self, appetite: int = 0, *, deletes: bool = False) -> None:
        self.appetite = appetite
        self.deletes = deletes
        self.got: list[tuple[Message, bytes]] = []

    def hungry(self) -> bool:
        return self.appetite > 0

    def deliver(self, message: Message, token: bytes) -> None:
        self.appetite -= 1
        self.got.append((message, token))


class Bench:
    """One queue with everything around it in reach."""

    def __init__(self, store: NoJournal | None = None, **options: Any) -> None:
        self.clock = Clock()
        self.events: list[dict[str, Any]] = []
        self.store = store or NoJournal()
        self.namespace = Namespace(
            [Settings(name="q", **options)], clock=self.clock, store=self.store, witness=self._see
        )
        self.queue = self.namespace.queues["q"]
        self.dead = self.namespace.queues["q/$deadletterqueue"]

    def _see(self, kind: str, **data: Any) -> None:
        self.events.append({"kind": kind, **data})

    def send(self, *ids: str, **options: Any) -> list[int]:
        return self.queue.send([Payload(own, own.encode(), **options) for own in ids])

    def take(self, count: int = 1, queue: Queue | None = None) -> list[tuple[Message, bytes]]:
        queue = queue or self.queue
        mouth = Mouth(count)
        queue.subscribe(mouth)
        queue.pump()
        queue.unsubscribe(mouth)
        return mouth.got

    def ids(self, count: int = 99) -> list[str]:
        return [message.payload.message_id for message, _ in self.take(count)]

    def wait(self, ms: int) -> None:
        self.clock.now += ms
        self.namespace.tick()

    def kinds(self) -> list[str]:
        return [event["kind"] for event in self.events]


def test_messages_come_in_order_and_locked_ones_only_once() -> None:
    bench = Bench()
    bench.send("a", "b", "c")
    assert bench.ids(2) == ["a", "b"]
    assert bench.ids() == ["c"]
    assert bench.ids() == []


def test_consumers_take_turns() -> None:
    bench = Bench()
    mouths = [Mouth(10), Mouth(10), Mouth(1)]
    for mouth in mouths:
        bench.queue.subscribe(mouth)
    bench.send(*"abcdefg")
    bench.queue.pump()
    assert [len(mouth.got) for mouth in mouths] == [3, 3, 1]


def test_a_consumer_that_deletes_leaves_nothing_to_settle() -> None:
    bench = Bench()
    bench.send("a")
    mouth = Mouth(1, deletes=True)
    bench.queue.subscribe(mouth)
    bench.queue.pump()
    assert bench.queue.messages == {}
    with pytest.raises(LockLostError):
        bench.queue.complete(mouth.got[0][1])


def test_a_message_is_settled_once() -> None:
    bench = Bench()
    bench.send("a")
    ((_, token),) = bench.take()
    bench.queue.complete(token)
    for settle in (bench.queue.complete, bench.queue.abandon, bench.queue.release, bench.queue.defer):
        with pytest.raises(LockLostError):
            settle(token)
    assert bench.kinds() == ["enqueued", "delivered", "completed"]


def test_abandoning_counts_and_releasing_does_not() -> None:
    bench = Bench()
    bench.send("a", "b")
    (message, token), _ = bench.take(2)
    bench.queue.release(token)
    ((_, token),) = bench.take()
    assert message.delivery_count == 0
    bench.queue.abandon(token)
    ((again, _),) = bench.take()
    assert (again, message.delivery_count) == (message, 1)


def test_a_lock_holds_just_as_long_as_the_queue_says() -> None:
    bench = Bench(lock_ms=5_000)
    bench.send("a")
    ((message, token),) = bench.take()
    assert bench.queue.next_due_ms() == bench.clock.now + 5_000
    bench.wait(4_999)
    assert bench.ids() == []
    bench.wait(1)
    assert message.delivery_count == 1
    with pytest.raises(LockLostError):
        bench.queue.complete(token)
    assert bench.ids() == ["a"]


def test_a_lock_that_ran_out_is_lost_even_before_the_timer_says_so() -> None:
    bench = Bench(lock_ms=5_000)
    bench.send("a")
    ((_, token),) = bench.take()
    bench.clock.now += 5_000
    with pytest.raises(LockLostError):
        bench.queue.complete(token)
    with pytest.raises(LockLostError):
        bench.queue.renew(token)


def test_renewing_starts_the_lock_anew() -> None:
    bench = Bench(lock_ms=5_000)
    bench.send("a")
    ((_, token),) = bench.take()
    bench.wait(4_000)
    assert bench.queue.renew(token) == bench.clock.now + 5_000
    bench.wait(4_000)
    bench.queue.complete(token)
    assert bench.queue.next_due_ms() is None


@pytest.mark.parametrize("way", ["abandon", "lock"])
def test_the_last_failure_makes_a_dead_letter(way: str) -> None:
    bench = Bench(max_delivery=2, lock_ms=5_000)
    bench.send("a")
    message = bench.queue.messages[1]
    for _ in range(2):
        ((_, token),) = bench.take()
        if way == "abandon":
            bench.queue.abandon(token)
        else:
            bench.wait(5_000)
    assert bench.queue.messages == {}
    assert bench.dead.messages == {message.sequence: message}
    assert message.reason == "MaxDeliveryCountExceeded"


def test_a_dead_letter_stays_dead_however_often_it_fails() -> None:
    bench = Bench(max_delivery=1)
    bench.send("a")
    ((_, token),) = bench.take()
    bench.queue.abandon(token)
    for _ in range(5):
        ((message, token),) = bench.take(1, bench.dead)
        bench.dead.abandon(token)
    ((message, token),) = bench.take(1, bench.dead)
    bench.dead.dead_letter(token, "still", "bad")
    assert list(bench.dead.messages.values()) == [message]
    assert message.reason == "still"


def test_a_deferred_message_is_only_for_who_knows_its_number() -> None:
    bench = Bench(lock_ms=5_000)
    (number,) = bench.send("a")
    ((message, token),) = bench.take()
    bench.queue.defer(token)
    assert bench.ids() == []
    bench.queue.receive_deferred([number])
    for wanted in ([number], [99]):
        with pytest.raises(MessageNotFoundError):
            bench.queue.receive_deferred(wanted)
    bench.wait(5_000)
    assert (message.state, message.delivery_count) == (State.DEFERRED, 1)
    with pytest.raises(MessageNotFoundError):
        bench.queue.receive_deferred([number, 99])
    ((_, token),) = bench.queue.receive_deferred([number])
    bench.queue.complete(token)
    assert bench.queue.messages == {}


def test_a_scheduled_message_gets_a_new_number_at_its_time() -> None:
    bench = Bench()
    due = bench.clock.now + 20_000
    (number,) = bench.send("later", due_ms=due)
    bench.send("now", due_ms=bench.clock.now)
    assert bench.ids() == ["now"]
    bench.wait(19_999)
    assert bench.ids() == []
    bench.wait(1)
    ((message, _),) = bench.take()
    assert message.sequence > number
    assert message.enqueued_ms == due
    assert bench.events[-2] == {
        "kind": "enqueued", "queue": "q", "sequence_number": message.sequence,
        "message_id": "later", "scheduled_as": number,
    }  # fmt: skip


def test_only_a_scheduled_message_can_be_cancelled() -> None:
    bench = Bench()
    (number,) = bench.send("a", due_ms=bench.clock.now + 10)
    bench.queue.cancel([number])
    (active,) = bench.send("b")
    for gone in (number, active, 99):
        with pytest.raises(MessageNotFoundError):
            bench.queue.cancel([gone])
    bench.wait(10)
    assert bench.ids() == ["b"]


def test_duplicates_are_dropped_within_the_window_and_not_after() -> None:
    bench = Bench(dedup_ms=20_000)
    numbers = bench.send("a", "a", "b")
    assert numbers == [1, 2, 3]
    bench.wait(19_999)
    bench.send("a")
    assert [m.payload.message_id for m in bench.queue.messages.values()] == ["a", "b"]
    bench.wait(1)
    bench.send("a")
    assert bench.ids() == ["a", "b", "a"]
    assert bench.kinds().count("duplicate-dropped") == 2


def test_scheduled_messages_are_known_as_duplicates_from_the_time_they_are_sent() -> None:
    bench = Bench(dedup_ms=20_000)
    (number,) = bench.send("a", due_ms=bench.clock.now + 60_000)
    bench.queue.cancel([number])
    bench.send("a")
    assert bench.queue.messages == {}


def test_messages_without_an_id_are_never_duplicates() -> None:
    bench = Bench(dedup_ms=20_000)
    bench.send("", "")
    assert len(bench.queue.messages) == 2


@pytest.mark.parametrize(("expired", "dead"), [("drop", 0), ("dead-letter", 1)])
def test_a_message_outlives_its_time_only_while_it_is_locked(expired: str, dead: int) -> None:
    bench = Bench(expired=expired, lock_ms=5_000)
    bench.send("kept", ttl_ms=1_000)
    ((_, token),) = bench.take()
    bench.send("short", ttl_ms=1_000)
    bench.wait(1_000)
    assert len(bench.dead.messages) == dead
    assert [m.payload.message_id for m in bench.queue.messages.values()] == ["kept"]
    bench.queue.abandon(token)
    assert bench.ids() == []
    assert len(bench.dead.messages) == 2 * dead


def test_a_batch_with_one_bad_id_is_refused_as_a_whole() -> None:
    bench = Bench()
    with pytest.raises(BadMessageError, match="128"):
        bench.send("good", "x" * 129)
    assert bench.queue.messages == {}
    bench.send("x" * 128)


def test_peeking_sees_all_states_in_order_and_locks_nothing() -> None:
    bench = Bench()
    bench.send("a", "b")
    bench.send("c", due_ms=bench.clock.now + 10)
    bench.take()
    assert [m.payload.message_id for m in bench.queue.peek(1, 10)] == ["a", "b", "c"]
    assert [m.payload.message_id for m in bench.queue.peek(2, 1)] == ["b"]
    assert bench.ids() == ["b"]


def test_purging_removes_every_state_and_forgets_the_locks() -> None:
    bench = Bench()
    bench.send("a", "b")
    bench.send("c", due_ms=bench.clock.now + 10)
    ((_, token),) = bench.take()
    assert bench.queue.purge() == 3
    with pytest.raises(LockLostError):
        bench.queue.complete(token)
    bench.wait(60_000)
    assert bench.ids() == []


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("amqps://host:1/Starts/$DeadLetterQueue", Address("starts/$deadletterqueue")),
        ("starts/$management", Address("starts", "$management")),
        ("Starts/$DeadLetterQueue/$Management", Address("starts/$deadletterqueue", "$management")),
        ("$cbs", Address("", "$cbs")),
        ("sb://h:1/starts", Address("starts")),
        ("sb://h:1/", Address("")),
    ],
)
def test_addresses_are_read_in_every_form_a_client_uses(text: str, address: Address) -> None:
    assert parse_address(text) == address


# -- the journal ---------------------------------------------------------------------------------------


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
    first.send("later", due_ms=clock.now + 60_000, ttl_ms=5, annotations=b"\x01")
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
        Payload("later", b"later", 5, clock.now + 60_000, b"\x01"): (State.SCHEDULED, 0, None),
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


class Life(RuleBasedStateMachine):
    """Any order of events: a message is in one place, and what is settled never comes back."""

    def __init__(self) -> None:
        super().__init__()
        self.bench = Bench(lock_ms=1_000, max_delivery=3, dedup_ms=5_000, expired="dead-letter")
        self.sent = 0
        self.held: list[tuple[Queue, bytes, str]] = []
        self.settled: set[str] = set()

    @rule(delay=st.sampled_from([0, 0, 500, 3_000]), ttl=st.sampled_from([None, None, 700]))
    def send(self, delay: int, ttl: int | None) -> None:
        self.sent += 1
        self.bench.send(str(self.sent), due_ms=self.bench.clock.now + delay, ttl_ms=ttl)

    @rule(count=st.integers(1, 4), dead=st.booleans())
    def take(self, count: int, dead: bool) -> None:  # noqa: FBT001 - hypothesis draws it
        queue = self.bench.dead if dead else self.bench.queue
        for message, token in self.bench.take(count, queue):
            assert message.payload.message_id not in self.settled
            self.held.append((queue, token, message.payload.message_id))

    @rule(way=st.sampled_from(["complete", "abandon", "release", "defer", "bury"]), data=st.data())
    def settle(self, way: str, data: st.DataObject) -> None:
        if not self.held:
            return
        queue, token, own = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))
        try:
            if way == "bury":
                queue.dead_letter(token, "r", "d")
            else:
                getattr(queue, way)(token)
        except LockLostError:
            return
        if way == "complete":
            self.settled.add(own)

    @rule()
    def fetch_deferred(self) -> None:
        for number, message in list(self.bench.queue.messages.items()):
            if message.state is State.DEFERRED and message.token is None:
                ((_, token),) = self.bench.queue.receive_deferred([number])
                self.held.append((self.bench.queue, token, message.payload.message_id))

    @rule(ms=st.integers(1, 1_500))
    def wait(self, ms: int) -> None:
        self.bench.wait(ms)

    @invariant()
    def every_message_is_in_one_place(self) -> None:
        there = [
            m.payload.message_id for q in self.bench.namespace.queues.values() for m in q.messages.values()
        ]
        assert len(there) == len(set(there))
        assert set(there) | self.settled == {str(n + 1) for n in range(self.sent)}
        assert not set(there) & self.settled


TestLife = Life.TestCase
TestLife.settings = hypothesis_settings(max_examples=60, stateful_step_count=40, deadline=None)
