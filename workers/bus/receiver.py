"""Receives from one queue and settles, with several messages under way on each of several links."""

import asyncio
import contextlib
import datetime as dt
import re
from collections.abc import Awaitable, Callable

import structlog
from azure.servicebus import ServiceBusMessage, ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver

from workers.bus.connection import SOCKET_TIMEOUT_S
from workers.bus.gate import Gate
from workers.bus.nudger import QueueSender
from workers.bus.turns import Turns
from workers.domain.errors import DependencyAway
from workers.domain.messages import Complete, DeadLetter, Later, Message, Settlement
from workers.runtime.health import Health

log = structlog.get_logger(__name__)

Handler = Callable[[Message], Awaitable[Settlement]]

_FINISH_S = 20.0
_LONGEST_PAUSE_S = 8.0
_SETTLE_S = 15.0
"""Cut off at the wrong moment, the SDK has been seen to wait for ever; half a lock is long enough."""
_REOPEN_S = 1.0
_CANCEL_EVERY_S = 0.1
_DESCRIPTION_LIMIT = 1000
_ENDING = re.compile(r"~\d+$")


class QueueReceiver:
    """Hands each message to a handler and settles it by the handler's word.

    A handler that raises ``DependencyAway`` shuts the gate: the message goes back to the queue for later, and
    nothing more is taken until the dependency may be back. Any other exception abandons the message, which
    counts as a failed delivery: after ten of them Service Bus dead-letters it, so that one poisonous message
    stops nobody.

    Args:
        handler: takes each message; ``run`` may give it instead.
        receivers: links, each with a connection of its own; two with many messages under way fill a process.
        concurrency: messages under way at once on each link.
        health: told what is away, and what answers again.
        proves: the dependency that has answered when a handler succeeds, such as ``slack``.
    """

    def __init__(
        self,
        client: ServiceBusClient,
        queue: str,
        handler: Handler | None = None,
        *,
        receivers: int = 1,
        concurrency: int = 16,
        health: Health | None = None,
        proves: str = "",
    ) -> None:
        self._client = client
        self._queue = queue
        self._handler = handler or _nobody
        self._receivers = receivers
        self._concurrency = concurrency
        self._gate = Gate(queue)
        self._health = health or Health()
        self._proves = proves
        self._sender = QueueSender(client, queue)
        self._opened = 0
        self._links: set[asyncio.Task[None]] = set()
        self._leaving: set[asyncio.Task[None] | None] = set()
        self._running = asyncio.Event()
        self.listening = asyncio.Event()
        """Set once every link has been open: messages are taken as soon as this runs."""

    def open(self) -> None:
        """Begin to open the links; what comes in by them waits until ``run``. ``close`` without it."""
        self._links = {asyncio.create_task(self._keep_receiving()) for _ in range(self._receivers)}

    async def run(self, handler: Handler | None = None) -> None:
        """Receive until cancelled; then finish or hand back what is under way.

        Args:
            handler: for a receiver that was made, and opened, before its handler could be.
        """
        self._handler = handler or self._handler
        if not self._links:
            self.open()
        self._running.set()
        try:
            await asyncio.wait(self._links)
        finally:
            await self.close()

    async def close(self) -> None:
        """Stop receiving, as ``run`` does by itself at its end; safe to call twice."""
        await self._leave(self._links)
        await self._sender.close()

    async def _leave(self, links: set[asyncio.Task[None]]) -> None:
        """Cancel each link until it is on its way out, and let it finish then.

        Once is not enough: the SDK reads with ``asyncio.wait_for``, which in Python 3.11 keeps a cancellation
        to itself that comes at the same moment as a frame.
        """
        while alive := {link for link in links if not link.done()}:
            for link in alive - self._leaving:
                link.cancel()
            await asyncio.wait(alive, timeout=_CANCEL_EVERY_S)

    async def _keep_receiving(self) -> None:
        while True:
            await self._gate.wait()
            try:
                await self._receive_until_shut()
            except asyncio.CancelledError:
                raise
            except Exception as error:
                log.warning(
                    "link broke; opening another", queue=self._queue, error=f"{type(error).__name__}: {error}"
                )
                await asyncio.sleep(_REOPEN_S)

    async def _receive_until_shut(self) -> None:
        """One link's life. It is closed while the gate is shut, lest prefetched messages lose their locks."""
        turns = Turns(self._concurrency)
        receiver = self._client.get_queue_receiver(
            self._queue, prefetch_count=turns.size - 1, socket_timeout=SOCKET_TIMEOUT_S
        )
        under_way: set[asyncio.Task[None]] = set()
        this = asyncio.current_task()
        async with contextlib.AsyncExitStack() as ending:
            ending.callback(self._leaving.discard, this)
            await ending.enter_async_context(receiver)
            self._opened += 1
            self._health.ok("servicebus")
            if self._opened >= self._receivers:
                self.listening.set()
            try:
                await self._running.wait()
                messages = aiter(receiver)
                while True:
                    # Its turn first: a message that waits for one here would stay locked when this ends.
                    await turns.to_read()
                    message = await anext(messages)
                    turns.read()
                    task = asyncio.create_task(self._take(receiver, message, turns))
                    under_way.add(task)
                    task.add_done_callback(under_way.discard)
                    task.add_done_callback(lambda _: turns.done())
                    if self._gate.shut:
                        # Half open: what this one message shows decides whether the link goes on.
                        await asyncio.wait([task])
                        if self._gate.shut:
                            return
            finally:
                self._leaving.add(this)
                turns.end()
                if under_way:
                    # A copy: the set may be empty by the time it is waited for.
                    await asyncio.shield(asyncio.wait(set(under_way), timeout=_FINISH_S))

    async def _take(self, receiver: ServiceBusReceiver, raw: ServiceBusReceivedMessage, turns: Turns) -> None:
        try:
            settlement = await self._handler(_message(raw))
        except DependencyAway as away:
            self._health.away(away.service, str(away), retry_after_s=away.retry_after_s)
            wait = self._gate.trip(str(away), wait_s=away.retry_after_s)
            settlement = Later(after_s=wait)
        except Exception:
            log.exception("a message could not be worked on", queue=self._queue, message=raw.message_id)
            # Abandoned at once it would come back at once, and be dead-lettered within a tenth of a second.
            await asyncio.sleep(min(_LONGEST_PAUSE_S, 0.25 * 2 ** (raw.delivery_count or 0)))
            settlement = None
        else:
            self._gate.reset()
            if self._proves:
                self._health.ok(self._proves)
        await self._settle(receiver, raw, settlement, turns)

    async def _settle(
        self,
        receiver: ServiceBusReceiver,
        raw: ServiceBusReceivedMessage,
        settlement: Settlement | None,
        turns: Turns,
    ) -> None:
        """A settlement that fails is no loss: the lock runs out and the message comes again."""
        try:
            await turns.to_settle()
            async with asyncio.timeout(_SETTLE_S):
                await self._tell(receiver, raw, settlement)
        except Exception as error:
            log.warning(
                "a message could not be settled; it will come again",
                queue=self._queue,
                message=raw.message_id,
                error=f"{type(error).__name__}: {error}",
            )
        finally:
            turns.settled()

    async def _tell(
        self, receiver: ServiceBusReceiver, raw: ServiceBusReceivedMessage, settlement: Settlement | None
    ) -> None:
        match settlement:
            case Complete():
                await receiver.complete_message(raw)
            case DeadLetter():
                await receiver.dead_letter_message(
                    raw,
                    reason=settlement.reason,
                    error_description=settlement.description[:_DESCRIPTION_LIMIT],
                )
            case Later():
                await self._sender.send([_again(raw, settlement.after_s)])
                await receiver.complete_message(raw)
            case None:
                await receiver.abandon_message(raw)


async def _nobody(message: Message) -> Settlement:
    raise RuntimeError(f"nobody was named who takes {message.message_id}")


def _message(raw: ServiceBusReceivedMessage) -> Message:
    return Message(
        body=_body(raw),
        message_id=raw.message_id or "",
        delivery_count=raw.delivery_count or 0,
        enqueued_at=raw.enqueued_time_utc,
    )


def _body(raw: ServiceBusReceivedMessage) -> bytes:
    """The body as bytes. AMQP value and sequence bodies are no JSON of ours: their text shows what came."""
    body = raw.body
    if isinstance(body, (bytes, str)):
        return body.encode() if isinstance(body, str) else body
    try:
        return b"".join(bytes(part) for part in body)
    except (TypeError, ValueError):
        return str(raw).encode()


def _again(raw: ServiceBusReceivedMessage, after_s: float) -> ServiceBusMessage:
    """The same message, scheduled.

    Its id gets a new ending, or duplicate detection would drop it; its sequence number, which no other
    message has, or detection would take two of them for one.
    """
    base = _ENDING.sub("", raw.message_id or "")
    return ServiceBusMessage(
        _body(raw),
        message_id=f"{base[:100]}~{raw.sequence_number}",
        content_type=raw.content_type,
        subject=raw.subject,
        application_properties=raw.application_properties,
        scheduled_enqueue_time_utc=dt.datetime.now(dt.UTC) + dt.timedelta(seconds=after_s),
    )
