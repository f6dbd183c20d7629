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
