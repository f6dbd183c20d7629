"""How often a link that opens is asked, by what its broker sends."""

import asyncio
import time
from typing import Any, Self

import pytest

from workers.bus.opening import reading_on


class Connection:
    def __init__(self) -> None:
        self._last_frame_received_time: float | None = None


class Handler:
    """As the SDK's: each time that it is asked, ``frames`` says whether one comes; ready after the last."""

    def __init__(self, frames: list[bool]) -> None:
        self._connection: Connection | None = Connection()
        self._frames = iter(frames)
        self.asked = 0

    async def client_ready_async(self) -> bool:
        self.asked += 1
        comes = next(self._frames, None)
        if comes is None:
            return True
        if comes and self._connection is not None:
            self._connection._last_frame_received_time = time.time_ns()
        return False


class Link:
    """A receiver's or sender's part that opens it; each opening makes a handler."""

    def __init__(self, *openings: Any) -> None:
        self._openings = iter(openings)
        self._handler: Any = None
        self.given: list[str] = []

    def _create_handler(self, auth: str) -> None:
        self.given.append(auth)
        self._handler = next(self._openings)

    def opens(self) -> Self:
        self._create_handler("token")
        return self


async def test_while_frames_come_it_is_asked_on() -> None:
    handler = Handler([True, True, True])
    assert await reading_on(Link(handler)).opens()._handler.client_ready_async()
    assert handler.asked == 4


@pytest.mark.parametrize(("frames", "asked"), [([False], 1), ([True, False], 2), ([True, True, False], 3)])
async def test_a_broker_that_is_silent_is_not_asked_on(frames: list[bool], asked: int) -> None:
    handler = Handler(frames)
    assert not await reading_on(Link(handler)).opens()._handler.client_ready_async()
    assert handler.asked == asked


async def test_after_a_silence_it_is_asked_on_again() -> None:
    link = reading_on(Link(Handler([True, False, True, True]))).opens()
    assert [await link._handler.client_ready_async() for _ in range(2)] == [False, True]


async def test_once_it_is_open_nothing_stands_between() -> None:
    handler = Handler([True])
    link = reading_on(Link(handler)).opens()
    plain = Handler([]).client_ready_async.__func__
    assert link._handler.client_ready_async is not plain
    await link._handler.client_ready_async()
    assert link._handler.client_ready_async.__func__ is plain


async def test_two_who_open_it_at_once_both_find_it_open() -> None:
    class Slow(Handler):
        async def client_ready_async(self) -> bool:
            await asyncio.sleep(0)
            return await super().client_ready_async()

    handler = reading_on(Link(Slow([True, True, True]))).opens()._handler
    assert await asyncio.gather(handler.client_ready_async(), handler.client_ready_async()) == [True, True]


async def test_each_opening_reads_on() -> None:
    first, second = Handler([True, False]), Handler([True, True])
    link = reading_on(Link(first, second))
    assert not await link.opens()._handler.client_ready_async()
    assert await link.opens()._handler.client_ready_async()
    assert link.given == ["token", "token"]


async def test_an_error_of_the_link_is_passed_on() -> None:
    class Refused(Handler):
        async def client_ready_async(self) -> bool:
            await super().client_ready_async()
            if self.asked == 2:
                raise PermissionError("Unauthorized access")
            return False

    with pytest.raises(PermissionError, match="Unauthorized"):
        await reading_on(Link(Refused([True]))).opens()._handler.client_ready_async()


async def test_without_what_it_reaches_for_a_link_opens_at_the_clients_own_pace() -> None:
    nothing = object()
    assert reading_on(nothing) is nothing
    handler = Handler([True, True])
    handler._connection = None
    assert not await reading_on(Link(handler)).opens()._handler.client_ready_async()
    assert handler.asked == 1
