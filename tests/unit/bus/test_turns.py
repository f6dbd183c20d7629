"""On a link, messages are read in turns, and between them those settle that are done."""

import asyncio
from typing import Any

import pytest

from tests.unit.bus.test_receiver_leaving import Client, StubbornReceiver, completes
from workers.bus import turns as module
from workers.bus.connection import SOCKET_TIMEOUT_S
from workers.bus.receiver import QueueReceiver
from workers.bus.turns import ALONE_S, PATIENCE_S, Turns

SOON_S = PATIENCE_S * 10


async def read(turns: Turns, count: int = 1) -> None:
    for _ in range(count):
        await turns.to_read()
        turns.read()


async def goes(waiting: asyncio.Task[None]) -> bool:
    """Whether it needs to wait for nothing that takes time."""
    for _ in range(3):
        await asyncio.sleep(0)
    return waiting.done()


class TestReading:
    async def test_it_begins_at_once(self) -> None:
        assert await goes(asyncio.create_task(Turns(8).to_read()))

    async def test_one_at_a_time_is_followed_by_the_next_at_once(self) -> None:
        turns = Turns(1)
        await read(turns)
        reading = asyncio.create_task(turns.to_read())
        assert not await goes(reading)
        turns.done()
        assert await goes(reading)

    async def test_a_whole_turn_is_read_before_those_settle_that_are_done(self) -> None:
        turns = Turns(8)
        await read(turns, turns.size - 1)
        settling = asyncio.create_task(turns.to_settle())
        assert not await goes(settling)
        await read(turns)
        assert await goes(settling)

    async def test_the_next_turn_begins_when_all_have_settled(self) -> None:
        turns = Turns(8)
        await read(turns, turns.size)
        await asyncio.gather(turns.to_settle(), turns.to_settle())
        reading = asyncio.create_task(turns.to_read())
        assert not await goes(reading)
        turns.settled()
        assert not await goes(reading)
        turns.settled()
        assert await goes(reading)

    async def test_who_asks_to_settle_when_a_turn_ends_comes_before_the_next_one(self) -> None:
        turns = Turns(8)
        await read(turns, turns.size - 1)
        settling = asyncio.create_task(turns.to_settle())
        await asyncio.sleep(0)
        turns.read()
        reading = asyncio.create_task(turns.to_read())
        assert await goes(settling)
        assert not await goes(reading)

    async def test_the_next_turn_begins_when_there_is_room_for_all_of_it(self) -> None:
        turns = Turns(8)
        await read(turns, turns.size)
        await read(turns, turns.size)
        reading = asyncio.create_task(turns.to_read())
        for _ in range(turns.size):
            assert not await goes(reading)
            turns.done()
        assert await goes(reading)

    @pytest.mark.parametrize("most", [2, 3, 8])
    async def test_it_waits_no_longer_for_slow_messages_than_it_has_patience(self, most: int) -> None:
        turns = Turns(most)
        for _ in range(most):
            await asyncio.wait_for(read(turns), SOON_S)

    async def test_it_waits_no_longer_for_who_settles_than_it_has_patience(self) -> None:
        turns = Turns(8)
        await read(turns, turns.size)
        await turns.to_settle()
        await asyncio.wait_for(turns.to_read(), SOON_S)

    @pytest.mark.parametrize("most", [1, 2, 3, 8])
    async def test_no_more_are_under_way_than_allowed(self, most: int) -> None:
        turns = Turns(most)
        for _ in range(most):
            await read(turns)
        another = asyncio.create_task(turns.to_read())
        await asyncio.sleep(PATIENCE_S * 2)
        assert not another.done()
        turns.done()
        await asyncio.wait_for(another, SOON_S)


class TestSettling:
    async def test_it_waits_for_no_message_that_does_not_come(self) -> None:
        turns = Turns(8)
        await read(turns)
        await turns.to_read()
        await asyncio.wait_for(turns.to_settle(), SOON_S)

    async def test_nothing_is_waited_for_where_nothing_has_come_for_a_while(self) -> None:
        turns = Turns(8)
        await turns.to_read()
        await asyncio.sleep(PATIENCE_S * 2)
        assert await goes(asyncio.create_task(turns.to_settle()))

    async def test_nobody_waits_for_a_turn_that_can_not_go_on(self) -> None:
        turns = Turns(3)
        await read(turns, 3)
        reading = asyncio.create_task(turns.to_read())
        await asyncio.sleep(0)
        assert await goes(asyncio.create_task(turns.to_settle()))
        assert not reading.done()

    async def test_a_turn_goes_on_while_messages_come(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "PATIENCE_S", 0.5)
        monkeypatch.setattr(module, "LONGEST_S", 30.0)
        turns = Turns(1000)
        await read(turns)
        settling = asyncio.create_task(turns.to_settle())
        for _ in range(10):
            await asyncio.sleep(0.1)
            await read(turns)
        assert not settling.done()
        await asyncio.wait_for(settling, 5)

    async def test_messages_that_come_one_by_one_do_not_hold_it_back_for_ever(self) -> None:
        turns = Turns(10_000)
        settling: asyncio.Task[None] | None = None
        for _ in range(turns.size):
            await read(turns)
            settling = settling or asyncio.create_task(turns.to_settle())
            if settling.done():
                return
            await asyncio.sleep(PATIENCE_S / 10)
        pytest.fail("it waited for the whole turn")

    async def test_it_waits_for_nobody_once_no_more_is_read(self) -> None:
        turns = Turns(8)
        await read(turns)
        settling = asyncio.create_task(turns.to_settle())
        assert not await goes(settling)
        turns.end()
        assert await goes(settling)
        assert turns._watch is None, "no timer is left behind"


class TestLooking:
    async def test_only_who_is_read_for_alone_is_looked_for_long(self) -> None:
        turns, told = Turns(8), list[float]()
        turns.look = told.append
        await turns.to_read()
        assert told == [ALONE_S]
        turns.read()
        await read(turns, 2)
        await turns.to_read()
        assert told == [ALONE_S, SOCKET_TIMEOUT_S]
        turns.done()
        turns.done()
        assert told == [ALONE_S, SOCKET_TIMEOUT_S]
        turns.done()
        assert told == [ALONE_S, SOCKET_TIMEOUT_S, ALONE_S]

    async def test_at_the_end_it_is_short_whatever_ends_then(self) -> None:
        turns, told = Turns(8), list[float]()
        turns.look = told.append
        await read(turns, 2)
        turns.end()
        assert told[-1] == SOCKET_TIMEOUT_S
        count = len(told)
        turns.done()
        turns.done()
        assert len(told) == count


class TestWhatTheLinkAsksFor:
    async def test_after_a_pause_a_turn_ends_where_it_would_have(self) -> None:
        """The link asks for more when it has read all it asked for: no sooner is nothing on its way."""
        turns = Turns(8)
        await read(turns)
        await asyncio.sleep(PATIENCE_S * 2)
        await read(turns, turns.size - 2)
        settling = asyncio.create_task(turns.to_settle())
        assert not await goes(settling)
        await read(turns)
        assert await goes(settling)

    @pytest.mark.parametrize("concurrency", [1, 2, 3, 32, 128])
    async def test_it_is_one_turn(self, concurrency: int) -> None:
        """It asks for one more than it is told to keep ready; told none, it hands back what comes late."""
        asked: list[dict[str, Any]] = []

        class Watched(Client):
            def get_queue_receiver(self, queue: str, **given: object) -> StubbornReceiver:
                asked.append(given)
                return super().get_queue_receiver(queue, **given)

        client: Any = Watched(StubbornReceiver(0))
        receiver = QueueReceiver(client, "work", completes, concurrency=concurrency)
        running = asyncio.create_task(receiver.run())
        await receiver.listening.wait()
        running.cancel()
        await asyncio.wait([running], timeout=3)
        (given,) = asked
        assert given["prefetch_count"] == Turns(concurrency).size - 1 >= 1
