"""The Service Bus stand-in with clients of it, and what the tests ask of messages."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

import aiohttp
import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusReceivedMessage, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver, ServiceBusSender

from deploy.sandbox.client import PATIENCE_S
from deploy.sandbox.servicebus.messages import Settings
from deploy.sandbox.servicebus.server import BusServer

MARKS = [
    pytest.mark.asyncio(loop_scope="package"),
    # When a connection is cut or refused, the client leaves its socket to the garbage collector, which may
    # come round in any later test.
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning", "ignore:loop is closed:ResourceWarning"),
]
QUEUES = (
    Settings(name="plain"),
    Settings(name="quick", lock_ms=1_000, max_delivery=3),
    Settings(name="steady", lock_ms=5_000),
    Settings(name="once", dedup_ms=600_000),
    Settings(name="fading", expired="dead-letter"),
    Settings(name="brief", ttl_ms=6_000, expired="dead-letter"),
)


class Bus:
    """The server under test, and clients of it that live as long as the package."""

    def __init__(self, server: BusServer, client: ServiceBusClient, http: aiohttp.ClientSession) -> None:
        self.server = server
        self.client = client
        self.http = http
        self._senders: dict[str, ServiceBusSender] = {}
        self._closing: list[asyncio.Task[None]] = []

    async def sender(self, queue: str) -> ServiceBusSender:
        if queue not in self._senders:
            self._senders[queue] = await self.client.get_queue_sender(queue).__aenter__()
        return self._senders[queue]

    async def send(self, queue: str, *bodies: str, **options: Any) -> None:
        await (await self.sender(queue)).send_messages([ServiceBusMessage(b, **options) for b in bodies])

    @contextlib.asynccontextmanager
    async def receiver(self, queue: str, **options: Any) -> AsyncIterator[ServiceBusReceiver]:
        """One receiver. The client takes a second to close it, which the next test need not wait for."""
        chosen = {"max_wait_time": PATIENCE_S, "socket_timeout": 0.05, **options}
        receiver = self.client.get_queue_receiver(queue, **chosen)
        try:
            yield await receiver.__aenter__()
        finally:
            self._closing.append(asyncio.create_task(receiver.close()))
            await asyncio.sleep(0.15)

    def dead(self, queue: str) -> contextlib.AbstractAsyncContextManager[ServiceBusReceiver]:
        return self.receiver(queue, sub_queue=ServiceBusSubQueue.DEAD_LETTER)

    async def state(self, queue: str) -> dict[str, Any]:
        async with self.http.get(f"{self.server.url}/_state") as response:
            return cast("dict[str, Any]", (await response.json())[queue])

    def impatient(self) -> ServiceBusClient:
        """A client that does not try again."""
        return ServiceBusClient.from_connection_string(self.server.connection, retry_total=0)

    def events(self, kind: str, since: int = 0) -> list[dict[str, Any]]:
        return [entry.data for entry in self.server.record.since(since, kind)]

    async def close(self) -> None:
        await asyncio.gather(*self._closing, *(sender.close() for sender in self._senders.values()))


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[Bus]:
    """A server, and clients of it."""
    server = BusServer(queues=QUEUES)
    await server.start()
    async with (
        ServiceBusClient.from_connection_string(server.connection) as client,
        aiohttp.ClientSession() as http,
    ):
        bus = Bus(server, client, http)
        yield bus
        await bus.close()
    await server.stop()


async def only(receiver: ServiceBusReceiver, count: int = 1) -> list[ServiceBusReceivedMessage]:
    """Exactly so many messages, over as many calls as it takes."""
    found: list[ServiceBusReceivedMessage] = []
    while len(found) < count:
        more = await receiver.receive_messages(count - len(found))
        assert more, f"{len(found)} of {count} messages came"
        found += more
    return found


def texts(messages: list[ServiceBusReceivedMessage]) -> list[str]:
    return [str(message) for message in messages]


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = PATIENCE_S) -> None:
    async with asyncio.timeout(seconds):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.02)
