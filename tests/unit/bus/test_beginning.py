"""While few messages are under way each begins at once; in a burst those of a turn begin together."""

import asyncio
from typing import Any

import pytest

from workers.bus.beginning import Beginning
from workers.bus.turns import LONGEST_S, PATIENCE_S, Turns

MOST = 16
"""Under way at once; eight are a turn, and four of those few."""


class Link:
    """Messages that come by numbers, and whoever works on them until ``done``."""

    def __init__(self, *, together: bool = True, most: int = MOST) -> None:
        self.turns = Turns(most)
        self.begun: list[int] = []
        self.done = asyncio.Event()
        self.work = Beginning(self._take, self.turns, together=together)
        self._next = 0

    async def _take(self, message: Any) -> None:
        self.begun.append(message)
        await self.done.wait()

    async def brings(self, count: int) -> None:
        for _ in range(count):
            await asyncio.wait_for(self.turns.to_read(), 2)
            message: Any = self._next
            self._next += 1
            self.work.add(message)
            self.turns.read()
            await asyncio.sleep(0)

    async def ends(self) -> None:
        self.done.set()
        self.turns.end()
        await asyncio.gather(*self.work.under_way)


async def test_few_begin_at_once() -> None:
    link = Link()
    for n in range(1, 5):
        await link.brings(1)
        assert link.begun == list(range(n))
    await link.ends()


async def test_more_begin_together_when_the_turn_is_over() -> None:
    link = Link()
    await link.brings(7)
    assert link.begun == [0, 1, 2, 3]
    await link.brings(1)
    assert link.begun == list(range(8))
    await link.ends()


async def test_what_no_more_messages_follow_begins_all_the_same() -> None:
    link = Link()
    await link.brings(6)
    assert len(link.begun) == 4
    await asyncio.sleep(PATIENCE_S * 2)
    assert link.begun == list(range(6))
    await link.ends()


async def test_messages_that_trickle_in_hold_nobody_back_for_long() -> None:
    link = Link(most=1000)
    loop = asyncio.get_running_loop()
    await link.brings(251)
    began, waited = loop.time(), len(link.begun)
    while len(link.begun) == waited and loop.time() - began < 2:
        await asyncio.sleep(PATIENCE_S / 5)
        await link.brings(1)
    assert waited == 250
    assert loop.time() - began < LONGEST_S + 0.2
    await link.ends()


async def test_a_message_that_comes_when_the_turn_is_over_begins_with_the_next_reading() -> None:
    link = Link()
    await link.brings(4)
    await link.turns.to_read()
    await asyncio.sleep(PATIENCE_S * 2)  # the turn has ended meanwhile
    late: Any = 4
    link.work.add(late)
    link.turns.read()
    assert late not in link.begun
    reading = asyncio.create_task(link.turns.to_read())
    await asyncio.sleep(PATIENCE_S / 5)
    assert late in link.begun
    await asyncio.wait_for(reading, 2)
    await link.ends()


async def test_a_link_that_is_full_begins_what_waits() -> None:
    """Or nothing would ever end, and no place become free."""
    link = Link(most=3)
    await link.brings(3)
    reading = asyncio.create_task(link.turns.to_read())
    await asyncio.sleep(PATIENCE_S / 5)
    assert link.begun == [0, 1, 2]
    link.done.set()
    await asyncio.wait_for(reading, 2)
    await link.ends()


async def test_a_link_that_ends_begins_what_it_has_taken() -> None:
    link = Link()
    await link.brings(6)
    await link.ends()
    assert link.begun == list(range(6))
    assert not link.work.under_way


async def test_few_again_begin_at_once_again() -> None:
    link = Link()
    await link.brings(8)
    link.done.set()
    await asyncio.gather(*link.work.under_way)
    await link.brings(2)
    assert link.begun == list(range(10))
    await link.ends()


@pytest.mark.parametrize("count", [5, 8])
async def test_where_nobody_is_to_wait_for_others_nobody_does(count: int) -> None:
    link = Link(together=False)
    await link.brings(count)
    assert link.begun == list(range(count))
    await link.ends()
