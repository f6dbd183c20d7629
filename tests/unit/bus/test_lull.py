"""When it is told that nobody comes any more."""

import asyncio
import time

import pytest

from workers.runtime.lull import QUIET_TURNS, after_lull

LONG_S = 60.0


class Gathering:
    """Counts who has come, and the turns of the loop until the lull."""

    def __init__(self, *, within_s: float = LONG_S) -> None:
        self.come = 1
        self.told: list[int] = []
        after_lull(lambda: self.told.append(self.come), lambda: self.come, within_s=within_s)

    async def turns(self, most: int = 1000) -> int:
        """Turns until it was told; as many as ``most`` if it was not."""
        for turn in range(most):
            if self.told:
                return turn
            await asyncio.sleep(0)
        return most


async def test_who_comes_alone_waits_for_a_few_turns_of_the_loop() -> None:
    gathering, began = Gathering(), time.monotonic()
    assert await gathering.turns() <= QUIET_TURNS + 1
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("pause", range(1, QUIET_TURNS))
async def test_it_goes_on_while_others_come_one_after_the_other(pause: int) -> None:
    gathering = Gathering()
    for _ in range(20):
        await gathering.turns(pause)
        gathering.come += 1
    await gathering.turns()
    assert gathering.told == [21]


async def test_who_comes_after_a_lull_is_too_late() -> None:
    gathering = Gathering()
    await gathering.turns()
    gathering.come += 1
    for _ in range(3 * QUIET_TURNS):
        await asyncio.sleep(0)
    assert gathering.told == [1], "and it is told once"


async def test_while_somebody_comes_in_every_turn_it_is_told_after_the_time() -> None:
    began = time.monotonic()  # before the time begins to run
    gathering = Gathering(within_s=0.05)
    while not gathering.told and time.monotonic() - began < LONG_S:
        gathering.come += 1
        await asyncio.sleep(0)
    assert 0.05 <= time.monotonic() - began < 5


async def test_a_turn_that_takes_long_is_not_waited_for_again() -> None:
    gathering = Gathering(within_s=0.02)
    await asyncio.sleep(0)
    time.sleep(0.05)  # noqa: ASYNC251 - the loop is busy with something else
    assert await gathering.turns() <= 1
