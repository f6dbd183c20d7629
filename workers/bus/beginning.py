"""Begins the work on messages: each at once while few are under way, in a burst those of a turn together.

What begins together stays together: it asks Redis, Azure and the queues for like things at the same moments,
which then share a pipeline or a list, and each stretch of code runs for all of them in a row. Measured, a
start that is asked about takes 14 % less processor time that way.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from azure.servicebus import ServiceBusReceivedMessage

from workers.bus.turns import Turns


class Beginning:
    """Work on messages that one link has brought.

    Args:
        take: works on one message until it is settled; never raises.
        turns: the link's. When one is over, everything that waited for it begins.
        together: whether to wait for the others of a turn at all. A process that people wait for does not:
            its loop would be busy with all of them when somebody clicks.

    Attributes:
        under_way: what has begun and has not ended.
    """

    def __init__(
        self,
        take: Callable[[ServiceBusReceivedMessage], Coroutine[Any, Any, None]],
        turns: Turns,
        *,
        together: bool,
    ) -> None:
        self._take = take
        self._turns = turns
        self._together = together
        self._waiting: list[ServiceBusReceivedMessage] = []
        self.under_way: set[asyncio.Task[None]] = set()
        turns.over = self._begin_waiting

    def add(self, message: ServiceBusReceivedMessage) -> None:
        """Begin with it, now or when its turn is over, which ``turns.read`` is told next.

        That is within ``turns.LONGEST_S`` in any case.
        """
        if self._together and not self._turns.few:
            self._waiting.append(message)
        else:
            self.begin(message)

    def begin(self, message: ServiceBusReceivedMessage) -> asyncio.Task[None]:
        """Begin with it now."""
        task = asyncio.create_task(self._take(message))
        self.under_way.add(task)
        task.add_done_callback(self._ended)
        return task

    def _begin_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        for message in waiting:
            self.begin(message)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.under_way.discard(task)
        self._turns.done()
