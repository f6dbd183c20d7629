"""Sends to one queue, and schedules messages there: on one link, which is opened anew when it fails."""

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import NamedTuple, TypeVar

import structlog
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusSender
from azure.servicebus.exceptions import MessageSizeExceededError

from workers.bus.connection import OPEN_S, QUIET_S, SOCKET_TIMEOUT_S, close
from workers.bus.refusals import MISSING, NO_RIGHT, TOO_LARGE, refusal, told
from workers.domain.errors import DependencyAway

log = structlog.get_logger(__name__)

WITHIN_S = 10.0
"""Seconds within which something is sent, or said to be not."""
_ATTEMPT_S = 4.0
"""Seconds for one attempt on a link that may be silent."""
_PAUSES_S = (0.0, 0.2, 0.4, 0.8, 1.6)
"""Before each attempt; the last one before all that follow."""
_MOST_MANAGED = 9_000
"""Schedulings for which a link is used. The SDK lets the broker answer 10,000 of them, and no more: the next
one would be carried out, and wait for its answer until it times out."""
_HOPELESS = (MISSING, NO_RIGHT, TOO_LARGE)
"""Trying again at once does not help."""

Result = TypeVar("Result")


class _Waiting(NamedTuple):
    """What one caller wants sent."""

    messages: Sequence[ServiceBusMessage]
    done: asyncio.Future[None]


class QueueSender:
    """One queue's sender. Whatever is handed in while a send is under way goes out together, next.

    Sending and scheduling take turns on the link: the SDK's concurrent sends get in each other's way.

    Args:
        quiet_s: seconds after which the link is replaced, for it may have fallen silent.
    """

    def __init__(self, client: ServiceBusClient, queue: str, *, quiet_s: float = QUIET_S) -> None:
        self._client = client
        self._queue = queue
        self._quiet_s = quiet_s
        self._link: ServiceBusSender | None = None
        self._managed = 0
        self._turn = asyncio.Lock()
        self._waiting: list[_Waiting] = []
        self._sending: asyncio.Task[None] | None = None
        self._freshening: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()

    async def send(self, messages: Sequence[ServiceBusMessage]) -> None:
        """Returns once the broker has acknowledged all of them.

        Raises:
            DependencyAway: it did not; some may have arrived all the same.
        """
        if not messages:
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(messages, done))
        if self._sending is None:
            # A task of its own: a caller that is cancelled does not cut off what others send.
            self._sending = asyncio.create_task(self._send_waiting())
        await done

    async def schedule(self, message: ServiceBusMessage, due: datetime) -> int:
        """Have the broker enqueue it then; answers its sequence number.

        Raises:
            DependencyAway: not acknowledged; it may be scheduled all the same.
        """

        async def schedule(link: ServiceBusSender) -> int:
            self._managed += 1
            (number,) = await link.schedule_messages(message, due, timeout=_ATTEMPT_S)
            return int(number)

        try:
            return await self._on_link(schedule)
        except Exception as error:
            raise self._away(error) from error

    async def open(self) -> None:
        """Connect now: opening takes half a second, which the first message should not wait for.

        Raises:
            DependencyAway: it could not be opened in time.
        """

        async def nothing(_: ServiceBusSender) -> None:
            return

        try:
            await self._on_link(nothing)
        except Exception as error:
            raise self._away(error) from error

    async def close(self) -> None:
        """Send what waits, then close."""
        while self._sending is not None:
            await asyncio.wait([self._sending])
        if self._freshening is not None:
            self._freshening.cancel()
            await asyncio.wait([self._freshening])
        self._drop()
        if self._closing:
            await asyncio.wait(self._closing)

    async def _on_link(self, act: Callable[[ServiceBusSender], Awaitable[Result]]) -> Result:
        """Do it on the open link, and on fresh ones after a failure, until it is done or time is up."""
        last: Exception | None = None
        try:
            async with asyncio.timeout(WITHIN_S), self._turn:
                for pause in itertools.chain(_PAUSES_S, itertools.repeat(_PAUSES_S[-1])):
                    await asyncio.sleep(pause)
                    try:
                        async with asyncio.timeout(_ATTEMPT_S):
                            return await act(await self._opened())
                    except BaseException as error:
                        # After an error a link may be stuck in a state that it doesn't leave.
                        self._drop()
                        if not isinstance(error, Exception) or refusal(error) in _HOPELESS:
                            raise
                        if last is None:
                            log.warning(
                                "trying again on a fresh link", queue=self._queue, because=told(error)
                            )
                        last = error
        except TimeoutError as error:
            raise last or error from None
        raise AssertionError("pauses have no end")

    async def _opened(self) -> ServiceBusSender:
        if self._managed >= _MOST_MANAGED:
            self._drop()
        if self._link is None:
            self._link, self._managed = await self._fresh(), 0
        if self._freshening is None:
            self._freshening = asyncio.create_task(self._keep_fresh())
        return self._link

    async def _fresh(self) -> ServiceBusSender:
        link = self._client.get_queue_sender(self._queue, socket_timeout=SOCKET_TIMEOUT_S)
        try:
            await link.__aenter__()
        except BaseException:
            self._close(link)
            raise
        return link

    async def _keep_fresh(self) -> None:
        """Replace the link from time to time: one that fell silent looks as good as ever."""
        while True:
            await asyncio.sleep(self._quiet_s * random.uniform(0.8, 1.0))
            try:
                async with asyncio.timeout(OPEN_S):
                    link = await self._fresh()
            except Exception as error:
                # Whoever sends next finds out, and says so.
                log.info("no fresh link", queue=self._queue, because=told(error))
                continue
            async with self._turn:
                self._drop()
                self._link, self._managed = link, 0

    def _drop(self) -> None:
        """The next one who needs a link opens another."""
        if self._link is not None:
            self._close(self._link)
            self._link = None

    def _close(self, link: ServiceBusSender) -> None:
        """Beside: nobody waits for its goodbye."""
        closing = asyncio.create_task(close(link))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    async def _send_waiting(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting, []
                await self._send_group(group)
        finally:
            self._sending = None

    async def _send_group(self, group: Sequence[_Waiting]) -> None:
        messages = [message for one in group for message in one.messages]
        try:
            await self._on_link(lambda link: _send(link, messages))
        except MessageSizeExceededError as error:
            if len(group) == 1:
                _end(group, self._away(error))
                return
            # One of them is too large; the others are not to suffer for it.
            for one in group:
                await self._send_group([one])
        except BaseException as error:
            _end(group, self._away(error))
            if not isinstance(error, Exception):
                raise
        else:
            _end(group, None)

    def _away(self, error: BaseException) -> DependencyAway:
        return DependencyAway("servicebus", f"could not send to {self._queue}: {told(error)}")


async def _send(link: ServiceBusSender, messages: Sequence[ServiceBusMessage]) -> None:
    """In as few batches as hold them.

    Raises:
        MessageSizeExceededError: one of them is too large by itself.
    """
    batch = await link.create_message_batch()
    for message in messages:
        try:
            batch.add_message(message)
        except MessageSizeExceededError:
            if not len(batch):
                raise
            await link.send_messages(batch, timeout=_ATTEMPT_S)
            batch = await link.create_message_batch()
            batch.add_message(message)
    await link.send_messages(batch, timeout=_ATTEMPT_S)


def _end(group: Sequence[_Waiting], error: Exception | None) -> None:
    """Tell each caller, but for those who no longer wait."""
    for one in group:
        if one.done.done():
            continue
        if error is None:
            one.done.set_result(None)
        else:
            one.done.set_exception(error)
