"""Two Redis servers behind one name: a primary and a replica that may take its place.

As with Azure Managed Redis and every other managed one: clients know a name, behind which another server
answers after a failover, and their connections are cut. It is planned, before maintenance, or it is not.
Sources: https://valkey.io/commands/failover/, https://valkey.io/commands/replicaof/,
https://learn.microsoft.com/azure/redis/failover
"""

import asyncio
import contextlib
import time
from pathlib import Path

import redis.asyncio as redis
from redis.exceptions import RedisError

from deploy.sandbox.processes import Process, free_port

VALKEY, REPLICA = "valkey", "replica"
_CAUGHT_UP_S, _SWAPPED_S, _POLL_S = 3.0, 3.0, 0.02


class Name:
    """Forwards connections to the server that it stands for at the moment."""

    def __init__(self, port: int) -> None:
        self.leads_to = port
        self.port = free_port()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def close(self) -> None:
        """Cut all, and listen no more."""
        if self._server is not None:
            self._server.close()
        self.cut()

    def cut(self) -> None:
        """End every connection, whatever is under way on it."""
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            there_reader, there = await asyncio.open_connection("127.0.0.1", self.leads_to)
        except OSError:
            self._writers.discard(writer)
            writer.transport.abort()
            return
        self._writers.add(there)
        both = ((reader, there), (there_reader, writer))
        ways = [asyncio.create_task(_pass_on(source, target)) for source, target in both]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        for end in (writer, there):
            self._writers.discard(end)
            end.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()


class Pair:
    """The two servers, of which one is the primary.

    Attributes:
        name: what clients connect to.
    """

    def __init__(self, processes: dict[str, Process], port: int, *, directory: Path, logs: Path) -> None:
        self._processes = processes
        self._ports = {VALKEY: port, REPLICA: free_port()}
        self._primary = VALKEY
        self.name = Name(port)
        data = directory / REPLICA
        data.mkdir(parents=True, exist_ok=True)
        moved = {str(port): str(self._ports[REPLICA]), str(directory / VALKEY): str(data)}
        command = [moved.get(word, word) for word in processes[VALKEY].command]
        processes[REPLICA] = Process(REPLICA, command, logs=logs)
        processes[REPLICA].ready_text = processes[VALKEY].ready_text

    @property
    def url(self) -> str:
        """The name's."""
        return f"redis://127.0.0.1:{self.name.port}/0"

    async def open(self) -> None:
        """Start the replica, and listen."""
        await self._processes[REPLICA].start()
        await self.attach()
        await self.name.open()

    async def attach(self) -> None:
        """Have the one that is not the primary follow it, after any of them was started again."""
        follower = self._other
        if self._processes[follower].alive:
            async with self._client(follower) as client:
                await client.replicaof("127.0.0.1", str(self._ports[self._primary]))  # type: ignore[arg-type]

    async def fail_over(self, *, crash: bool) -> tuple[float, float] | None:
        """Give the name to the other one; when that began and ended, in Unix ms.

        ``None`` where it can't be: the other one has not caught up, as nobody would promote it then.
        """
        old, new = self._primary, self._other
        if not await self._caught_up(new):
            return None
        began = time.time() * 1000
        if crash:
            await self._processes[old].kill()
            async with self._client(new) as client:
                await client.replicaof("NO", "ONE")
        elif not await self._swapped(old, new):
            return None
        self._primary, self.name.leads_to = new, self._ports[new]
        self.name.cut()
        ended = time.time() * 1000
        if crash:
            await self._processes[old].start()
        await self.attach()
        return began, ended

    @property
    def _other(self) -> str:
        return REPLICA if self._primary == VALKEY else VALKEY

    async def _caught_up(self, follower: str) -> bool:
        deadline = time.monotonic() + _CAUGHT_UP_S
        while time.monotonic() < deadline and all(self._processes[one].alive for one in self._ports):
            with contextlib.suppress(RedisError, OSError):
                async with self._client(follower) as client:
                    told = await client.info("replication")
                if told["role"] == "slave" and told["master_link_status"] == "up":
                    return True
            await asyncio.sleep(_POLL_S)
        return False

    async def _swapped(self, old: str, new: str) -> bool:
        """Planned: the primary stops writing, waits until the other one has all, and follows it."""
        async with self._client(old) as client:
            await client.execute_command("FAILOVER", "TO", "127.0.0.1", self._ports[new], "TIMEOUT", 2000)  # type: ignore[no-untyped-call]
            deadline = time.monotonic() + _SWAPPED_S
            while time.monotonic() < deadline:
                if (await client.info("replication"))["role"] == "slave":
                    return True
                await asyncio.sleep(_POLL_S)
        return False

    def _client(self, which: str) -> redis.Redis:
        return redis.Redis(host="127.0.0.1", port=self._ports[which])
