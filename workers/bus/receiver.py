"""Receives from one queue on several links, and settles each message by its handler's word."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog
from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import AutoLockRenewer, ServiceBusClient

from workers.bus import payload
from workers.bus.connection import CLOSE_S, QUIET_S, SOCKET_TIMEOUT_S, opened
from workers.bus.gate import Gate
from workers.bus.link import Link
from workers.bus.refusals import told
from workers.bus.sender import QueueSender
from workers.bus.settling import Settler
from workers.domain.errors import DependencyAway
from workers.domain.messages import Complete, Later, Message, Settlement
from workers.telemetry.health import Health
from workers.telemetry.instruments import MESSAGE_AGE, SETTLED
from workers.telemetry.spans import taken

log = structlog.get_logger(__name__)

Handler = Callable[[Message], Awaitable[Settlement]]

_FINISH_S = 18.0
_LONGEST_PAUSE_S = 8.0
_REOPEN_S, _LONGEST_REOPEN_S = 0.5, 8.0


class QueueReceiver:
    """Hands each message to a handler and settles it by the handler's word.

    A handler that raises ``DependencyAway`` shuts the gate: the message goes back to the queue for later, and
    nothing more is taken until the dependency may be back. Any other exception abandons the message, which
    counts as a failed delivery: after ten of them Service Bus dead-letters it, so that one poisonous message
    stops nobody.

    Args:
        handler: takes each message.
        receivers: links, each with a connection of its own.
        concurrency: messages under way at once on each link.
        quiet_s: seconds after which a link that heard nothing is opened anew.
        health: told what is away, and what answers again.
        proves: the dependency that every message asks before it is completed, whatever is in it. Of all
            others, their own clients tell ``health`` that they answer: many messages never ask them.
    """

    def __init__(
        self,
        client: ServiceBusClient,
        queue: str,
        handler: Handler,
        *,
        receivers: int = 4,
        concurrency: int = 16,
        quiet_s: float = QUIET_S,
        health: Health | None = None,
        proves: str = "redis",
    ) -> None:
        self._client = client
        self._queue = queue
        self._handler = handler
        self._receivers = receivers
        self._concurrency = concurrency
        self._quiet_s = quiet_s
        self._gate = Gate(queue)
        self._waits_for = ""
        self._health = health or Health()
        self._proves = proves
        self._again = QueueSender(client, queue, quiet_s=quiet_s)
        self._renewer = AutoLockRenewer()
        self._opened = 0
        self._refused = False
        self._leaving = asyncio.Event()
        self.listening = asyncio.Event()
        """Set once every link has been open."""

    async def run(self) -> None:
        """Receive until cancelled; then finish or hand back what is under way."""
        links = {asyncio.create_task(self._keep_receiving()) for _ in range(self._receivers)}
        try:
            await asyncio.wait(links)
        finally:
            await self._leave(links)

    async def _leave(self, links: set[asyncio.Task[None]]) -> None:
        """Each link sees within a second that it should end. Cancelled is only what does not come to one."""
        self._leaving.set()
        _, late = await asyncio.wait(links, timeout=_FINISH_S)
        for link in late:
            link.cancel()
        if late:
            await asyncio.wait(late, timeout=CLOSE_S)
        await self._again.close()
        await self._renewer.close()

    async def _keep_receiving(self) -> None:
        pause = _REOPEN_S
        while not self._leaving.is_set():
            await self._pause(self._gate.remaining_s)
            try:
                await self._receive()
                pause = _REOPEN_S
            except Exception as error:
                self._say_refused(error)
                await self._pause(pause)
                pause = min(_LONGEST_REOPEN_S, 2 * pause)

    async def _receive(self) -> None:
        """One link's life. It ends while the gate is shut, so that prefetched messages keep their locks."""
        receiver = self._client.get_queue_receiver(
            self._queue, prefetch_count=self._concurrency, socket_timeout=SOCKET_TIMEOUT_S
        )
        async with opened(receiver):
            self._say_open()
            settler = Settler(receiver, self._again, self._queue)
            await Link(
                receiver,
                lambda raw: self._take(raw, settler),
                renewer=self._renewer,
                concurrency=self._concurrency,
                quiet_s=self._quiet_s,
                gate=self._gate,
                leaving=self._leaving,
                works=self._say_works,
            ).run()

    async def _take(self, raw: ServiceBusReceivedMessage, settler: Settler) -> None:
        try:
            MESSAGE_AGE.record(payload.age_s(raw), {"queue": self._queue})
            message = payload.message(raw)
            with taken(self._queue, message.properties):
                settlement = await self._handler(message)
        except DependencyAway as away:
            self._health.away(away.service, str(away), retry_after_s=away.retry_after_s)
            self._waits_for = away.service
            wait = self._gate.trip(str(away), wait_s=away.retry_after_s)
            settlement = Later(after_s=wait)
        except Exception:
            log.exception("a message could not be worked on", queue=self._queue, message=raw.message_id)
            # Abandoned at once it would come back at once, and be dead-lettered within a tenth of a second.
            await asyncio.sleep(min(_LONGEST_PAUSE_S, 0.25 * 2 ** (raw.delivery_count or 0)))
            settlement = None
        else:
            self._went_well(settlement)
        if not isinstance(settlement, Complete):
            how = "abandoned" if settlement is None else type(settlement).__name__.lower()
            SETTLED.add(1, {"queue": self._queue, "how": how})
        await settler.settle(raw, settlement)

    def _went_well(self, settlement: Settlement | None) -> None:
        """The gate opens once what it was shut for has answered; until then it lets one through at a time."""
        if isinstance(settlement, Complete):
            self._health.ok(self._proves)
        # That a message has come shows that Service Bus is there.
        if self._waits_for in ("", "servicebus") or self._health.answers(self._waits_for):
            self._waits_for = ""
            self._gate.reset()

    def _say_open(self) -> None:
        """The SDK calls a link open before Service Bus has said that it refuses it."""
        self._opened += 1
        if not self._refused:
            self._health.ok("servicebus")
        if self._opened >= self._receivers:
            self.listening.set()

    def _say_works(self) -> None:
        if self._refused:
            log.info("links are open again", queue=self._queue)
            self._health.ok("servicebus")
        self._refused = False

    def _say_refused(self, error: Exception) -> None:
        """In the log once, until a link works again; several links are refused for the same reason."""
        because = f"queue {self._queue}: {told(error)}"
        self._health.away("servicebus", because)
        if not self._refused:
            log.warning("link broke; opening another", queue=self._queue, because=told(error))
        self._refused = True

    async def _pause(self, seconds: float) -> None:
        """So long, or until the process leaves."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, seconds)):
                await self._leaving.wait()
