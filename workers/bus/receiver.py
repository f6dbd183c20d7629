"""Receives from one queue and settles, with several messages under way on each of several links."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog
from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusClient

from workers.bus import payload
from workers.bus.beginning import Beginning
from workers.bus.connection import SOCKET_TIMEOUT_S
from workers.bus.gate import Gate
from workers.bus.nudger import QueueSender
from workers.bus.reading import look_of
from workers.bus.settling import Settler
from workers.bus.turns import Turns
from workers.domain.errors import DependencyAway
from workers.domain.messages import Later, Message, Settlement
from workers.telemetry.health import Health

log = structlog.get_logger(__name__)

Handler = Callable[[Message], Awaitable[Settlement]]

_FINISH_S = 20.0
_LONGEST_PAUSE_S = 8.0
_REOPEN_S = 1.0
_CANCEL_EVERY_S = 0.1


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
        together: begin the messages of a turn together while many are under way.
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
        together: bool = False,
        health: Health | None = None,
        proves: str = "",
    ) -> None:
        self._client = client
        self._queue = queue
        self._handler = handler or _nobody
        self._receivers = receivers
        self._concurrency = concurrency
        self._together = together
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
        settler = Settler(receiver, turns, self._sender, self._queue)
        work = Beginning(lambda message: self._take(message, settler), turns, together=self._together)
        turns.look = look_of(receiver)
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
                    if not self._gate.shut:
                        work.add(message)
                        turns.read()
                        continue
                    # Half open: what this one message shows decides whether the link goes on.
                    shown = work.begin(message)
                    turns.read()
                    await asyncio.wait([shown])
                    if self._gate.shut:
                        return
            finally:
                self._leaving.add(this)
                turns.end()
                if work.under_way:
                    # A copy: the set may be empty by the time it is waited for.
                    await asyncio.shield(asyncio.wait(set(work.under_way), timeout=_FINISH_S))

    async def _take(self, raw: ServiceBusReceivedMessage, settler: Settler) -> None:
        try:
            settlement = await self._handler(payload.message(raw))
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
        await settler.settle(raw, settlement)


async def _nobody(message: Message) -> Settlement:
    raise RuntimeError(f"nobody was named who takes {message.message_id}")
