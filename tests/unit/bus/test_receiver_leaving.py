"""A receiver that is stopped leaves, whatever the SDK makes of the cancellation."""

import asyncio
from typing import Any, Self

import pytest

from workers.bus.receiver import QueueReceiver
from workers.domain.messages import Complete, Message, Settlement


class StubbornReceiver:
    """As the SDK's on Python 3.11: a cancellation that comes together with a frame is lost on it."""

    def __init__(self, keeps: int) -> None:
        self.keeps = keeps
        self.closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.closed = True

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if not self.keeps:
                    raise
                self.keeps -= 1


class Client:
    def __init__(self, *receivers: StubbornReceiver) -> None:
        self._receivers = list(receivers)

    def get_queue_receiver(self, _queue: str, **_: object) -> StubbornReceiver:
        return self._receivers.pop()


async def completes(_: Message) -> Settlement:
    return Complete()


@pytest.mark.parametrize("keeps", [0, 1, 3])
async def test_a_receiver_leaves_also_when_cancellations_are_lost(keeps: int) -> None:
    links = [StubbornReceiver(keeps), StubbornReceiver(0)]
    client: Any = Client(*links)
    receiver = QueueReceiver(client, "work", completes, receivers=len(links))
    running = asyncio.create_task(receiver.run())
    await receiver.listening.wait()
    await asyncio.sleep(0)

    running.cancel()
    done, _ = await asyncio.wait([running], timeout=3)

    assert done
    assert running.cancelled()
    assert [link.closed for link in links] == [True, True]


class Delivery:
    """As much of a received message as a link's end needs."""

    def __init__(self, number: int) -> None:
        self.message_id, self.delivery_count, self.body = f"m-{number}", 0, b"{}"
        self._delivery_id, self._delivery_tag = number, bytes([number])


class BringingReceiver(StubbornReceiver):
    """Brings some messages and then no more; knows which were completed before it was closed."""

    def __init__(self, count: int) -> None:
        super().__init__(keeps=0)
        self._left = [Delivery(number) for number in range(count)]
        self.all_brought = asyncio.Event()
        self.completed: list[str] = []

    async def __anext__(self) -> Any:
        if self._left:
            return self._left.pop(0)
        self.all_brought.set()
        return await super().__anext__()

    async def complete_message(self, message: Delivery) -> None:
        if not self.closed:
            self.completed.append(message.message_id)


async def test_a_link_that_ends_works_on_what_waits_to_begin() -> None:
    """Left as it is it would stay locked, and come again a minute later."""
    link, released = BringingReceiver(3), asyncio.Event()
    begun: list[str] = []

    async def waits(message: Message) -> Settlement:
        begun.append(message.message_id)
        await released.wait()
        return Complete()

    client: Any = Client(link)
    receiver = QueueReceiver(client, "work", waits, concurrency=8, together=True)
    running = asyncio.create_task(receiver.run())
    await link.all_brought.wait()
    before = list(begun)
    running.cancel()
    released.set()
    await asyncio.wait([running], timeout=3)

    assert before == ["m-0", "m-1"], "half a turn begins at once"
    assert begun == ["m-0", "m-1", "m-2"]
    assert sorted(link.completed) == begun
