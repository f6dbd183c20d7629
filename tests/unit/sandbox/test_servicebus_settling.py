"""Queue semantics alone: order, settlements, locks, and dead letters."""

import pytest

from deploy.sandbox.servicebus.messages import LockLostError
from tests.unit.sandbox.queue_bench import Bench, Mouth


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


def test_a_lock_that_is_ended_counts_as_lost() -> None:
    bench = Bench()
    bench.send("a")
    ((message, token),) = bench.take()
    assert bench.queue.holds(token)
    for _ in range(2):
        bench.queue.end_lock(token)
        assert not bench.queue.holds(token)
    assert (message.token, message.delivery_count) == (None, 1)
    with pytest.raises(LockLostError):
        bench.queue.complete(token)
    assert [m for m, _ in bench.take()] == [message]


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
