"""Queue semantics alone: deferred, scheduled, doubled, and expired messages, and any order of them."""

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from deploy.sandbox.servicebus.messages import BadMessageError, LockLostError, MessageNotFoundError, State
from deploy.sandbox.servicebus.namespace import Address, parse_address
from tests.unit.sandbox.queue_bench import Bench

if TYPE_CHECKING:
    from deploy.sandbox.servicebus.queues import Queue


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


@pytest.mark.parametrize(("own", "left"), [(None, 2_000), (9_000, 2_000), (500, 500)])
def test_a_queue_s_time_to_live_is_the_most_that_a_message_gets(own: int | None, left: int) -> None:
    bench = Bench(ttl_ms=2_000)
    bench.send("x", ttl_ms=own)
    (message,) = bench.queue.messages.values()
    assert message.payload.ttl_ms == left
    bench.wait(left - 1)
    assert bench.ids() == ["x"]
    bench.wait(1)
    assert bench.ids() == []


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
