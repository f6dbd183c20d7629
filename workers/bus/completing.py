"""Completes the messages of one link, those that are done at the same time with one disposition.

Most of what a message costs the SDK is its settlement: to receive and to complete one takes 0.34 ms, and
0.19 ms when many are completed at once.
"""

import asyncio
from collections.abc import Sequence

import structlog
from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusReceiver

from workers.bus.disposition import complete_range, ranges, refused
from workers.bus.turns import Turns

log = structlog.get_logger(__name__)

SETTLE_S = 15.0
"""Cut off at the wrong moment, the SDK has been seen to wait for ever; half a lock is long enough."""
_NAMED = 5
"""So many messages are named in the log when a range of them could not be completed."""

Group = dict[ServiceBusReceivedMessage, asyncio.Future[None]]


class Completions:
    """What is to be completed on one link. One group is under way; what comes meanwhile is the next.

    Args:
        receiver: the link.
        turns: when it may settle.
        queue: for the log.
    """

    def __init__(self, receiver: ServiceBusReceiver, turns: Turns, queue: str) -> None:
        self._receiver = receiver
        self._turns = turns
        self._queue = queue
        self._waiting: Group = {}
        self._working: asyncio.Task[None] | None = None

    async def complete(self, message: ServiceBusReceivedMessage) -> None:
        """Returns when the service has confirmed it, or when that failed, which only the log is told.

        A failure is no loss: the lock runs out and the message comes again.
        """
        done = self._waiting[message] = asyncio.get_running_loop().create_future()
        if self._working is None:
            self._working = asyncio.create_task(self._work())
        await done

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._turns.to_settle()
                group, self._waiting = self._waiting, {}
                await asyncio.gather(*(self._complete(messages, group) for messages in ranges(group)))
                self._turns.settled()
        finally:
            self._working = None

    async def _complete(self, messages: Sequence[ServiceBusReceivedMessage], group: Group) -> None:
        one, *others = messages
        try:
            async with asyncio.timeout(SETTLE_S):
                await (
                    complete_range(self._receiver, messages)
                    if others
                    else self._receiver.complete_message(one)
                )
        except Exception as error:
            if others and not refused(error) and not isinstance(error, TimeoutError):
                # Each for itself then: the SDK knows another way when a link has broken meanwhile.
                await asyncio.gather(*(self._complete([message], group) for message in messages))
                return
            log.warning(
                "could not be completed, or not all of them; what is left comes again",
                queue=self._queue,
                messages=[message.message_id for message in messages[:_NAMED]],
                count=len(messages),
                error=f"{type(error).__name__}: {error}",
            )
        finally:
            for message in messages:
                if not (done := group[message]).done():
                    done.set_result(None)
