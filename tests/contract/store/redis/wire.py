"""A wire to Redis that counts what goes through it, and can be cut."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit


class Wire:
    """Forwards bytes both ways.

    Attributes:
        trips: requests as the network sees them: what was sent before an answer came back.
        cut_after: bytes that, once they were passed on to Redis, cut this connection: no answer comes back.
        cuts: how many connections were cut.
        connections: how many there were.
    """

    def __init__(self) -> None:
        self.url = ""
        self.port = 0
        self.connections = 0
        self.trips: list[bytes] = []
        self.cut_after: bytes | None = None
        self.cuts = 0

    def leads_to(self, url: str) -> None:
        """From now on new connections go to the server of this URL; those that are there stay."""
        self.port = urlsplit(url).port or 6379

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of the client."""
        self.connections += 1
        redis_reader, redis_writer = await asyncio.open_connection("127.0.0.1", self.port)
        answering = False
        cut = asyncio.Event()

        async def to_redis() -> None:
            nonlocal answering
            while data := await reader.read(1 << 20):
                if answering or not self.trips:
                    self.trips.append(b"")
                answering = False
                self.trips[-1] += data
                if self.cut_after is not None and self.cut_after in self.trips[-1]:
                    cut.set()
                redis_writer.write(data)
                await redis_writer.drain()

        async def to_client() -> None:
            nonlocal answering
            while data := await redis_reader.read(1 << 20):
                answering = True
                if cut.is_set():
                    self.cuts += 1
                    return
                writer.write(data)
                await writer.drain()

        ways = [asyncio.ensure_future(way()) for way in (to_redis, to_client)]
        answering = True
        with contextlib.suppress(OSError):
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        for end in (writer, redis_writer):
            end.close()


@contextlib.asynccontextmanager
async def wire_to(url: str) -> AsyncIterator[Wire]:
    """A wire to the server of this URL; ``wire.url`` is that of its near end."""
    wire = Wire()
    wire.leads_to(url)
    connections: set[asyncio.Task[None]] = set()

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        await wire.serve(reader, writer)

    server = await asyncio.start_server(accepted, "127.0.0.1", 0)
    wire.url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
    try:
        yield wire
    finally:
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        await server.wait_closed()
