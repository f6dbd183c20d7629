"""What is asked of Redis in the same turn of the event loop goes out together: one pipeline, one round trip.

A process works on many messages at once, and the client costs more processor time for a command that is sent
by itself than Redis does for carrying it out: borrowing a connection, writing, waiting, one system call each.
In a pipeline all of that is paid once.
"""

import asyncio
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import redis.asyncio as redis
from redis.asyncio.cluster import RedisCluster
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisClusterException, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

MOST_COMMANDS = 150
MOST_BYTES = 1_000_000
"""A pipeline holds no more, except for a single larger command: nobody waits long for others' answers."""

_MOST_JOINED_BYTES = 100_000
_READS = frozenset({"HGET", "GET"})


@dataclass(slots=True)
class _Asked:
    name: str
    arguments: list[bytes | int]
    length: int
    options: dict[str, Any]
    answer: asyncio.Future[Any]


class Pipe:
    """Sends commands together, and gives each caller the answer or the error of its own.

    Commands of one turn have no order among each other: who needs one awaits the first before asking the
    second. What is asked while a pipeline is under way goes out in the next one: a pipeline costs the client
    as much as ten commands. Nothing is ever sent twice: after a lost connection nobody knows what was carried
    out, and everybody whose command was in that pipeline is told so.

    On a cluster only reads go in pipelines, which the client divides by node. Writes go out one by one, side
    by side: the client follows redirections and learns of a changed cluster by those, and a pipeline that
    fails for one node fails for all. There nothing waits for what is under way: one node may be slow.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._client: Any = client  # what is used of it has no types, or untrue ones for a cluster
        self._on_cluster = isinstance(client, RedisCluster)
        self._waiting: list[_Asked] = []
        self._joined: dict[tuple[str, str], _Asked] = {}
        self._sending = False
        self._under_way: set[asyncio.Task[None]] = set()

    async def ask(self, name: str, /, *arguments: str | bytes | int, **options: Any) -> Any:
        """The answer to one command; raises what the client raises.

        A caller that is cancelled takes nobody with it. Its command may be carried out all the same.
        """
        return await self.begin(name, *arguments, **options)

    def begin(self, name: str, /, *arguments: str | bytes | int, **options: Any) -> asyncio.Future[Any]:
        """As ``ask``, for who wants several answers: a task for each would cost more than the command.

        Args:
            name: the command's.
            arguments: as Redis takes them, in its order.
            options: for the client's reading of the answer, such as ``get=True`` for ``SET … GET``.
        """
        encoded, length = _encoded(arguments)
        return self._wait(name, encoded, length, options).answer

    def join(self, name: str, key: str, /, *arguments: str | bytes) -> asyncio.Future[Any]:
        """As ``begin``, for a command that takes any number of arguments, such as ``HSET``.

        What waits to be sent with the same name and key becomes one command with it, and has the same answer.
        """
        encoded, length = _encoded(arguments)
        waiting = self._joined.get((name, key))
        if waiting is None or waiting.length + length > _MOST_JOINED_BYTES:
            first = key.encode()
            waiting = self._wait(name, [first, *encoded], len(first) + length, {})
            self._joined[name, key] = waiting
        else:
            waiting.arguments += encoded
            waiting.length += length
        return waiting.answer

    def _wait(self, name: str, arguments: list[bytes | int], length: int, options: dict[str, Any]) -> _Asked:
        loop = asyncio.get_running_loop()
        asked = _Asked(name, arguments, length, options, loop.create_future())
        self._waiting.append(asked)
        if not self._sending:
            # It begins in the next turn: until then others may join.
            self._sending = True
            task = loop.create_task(self._send())
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        return asked

    async def _send(self) -> None:
        try:
            while self._waiting:
                waiting, self._waiting, self._joined = self._waiting, [], {}
                self._sending = not self._on_cluster  # there the next may be sent meanwhile
                batches = list(_divided(waiting, by_kind=self._on_cluster))
                if len(batches) == 1:  # as nearly always; it needs no task of its own
                    await self._send_batch(batches[0])
                else:
                    await asyncio.gather(*(self._send_batch(batch) for batch in batches))
        finally:
            self._sending = False

    async def _send_batch(self, batch: list[_Asked]) -> None:
        try:
            answers = await self._answers(batch)
        except BaseException as error:
            for asked in batch:
                if not asked.answer.done():
                    asked.answer.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        for asked, answer in zip(batch, answers, strict=True):
            if asked.answer.done():
                continue
            if isinstance(answer, Exception):
                asked.answer.set_exception(answer)
            else:
                asked.answer.set_result(answer)

    async def _answers(self, batch: list[_Asked]) -> list[Any]:
        if not self._on_cluster:
            return await self._answers_of_server(batch)
        if len(batch) == 1:
            (asked,) = batch
            return [await self._client.execute_command(asked.name, *asked.arguments, **asked.options)]
        try:
            async with self._client.pipeline(transaction=False) as pipeline:
                for asked in batch:
                    pipeline.execute_command(asked.name, *asked.arguments, **asked.options)
                return list(await pipeline.execute(raise_on_error=False))
        except RedisClusterException as error:
            # An unreachable cluster: the SDK's error of it is no RedisError.
            raise RedisConnectionError(str(error)) from error

    async def _answers_of_server(self, batch: list[_Asked]) -> list[Any]:
        """As the client's own pipeline does it, with one timer for all answers instead of one for each.

        Those, and what the pipeline has for features that are not used here, cost as much as all the rest.

        Raises:
            RedisError: for all of them: nobody knows what was carried out. A refused command is an answer.
        """
        pool = self._client.connection_pool
        connection = await pool.get_connection()
        try:
            async with asyncio.timeout(connection.socket_timeout):
                commands = [(asked.name, *asked.arguments) for asked in batch]
                await connection.send_packed_command(connection.pack_commands(commands))
                return [await self._answer(connection, asked) for asked in batch]
        except TimeoutError:
            raise RedisTimeoutError("Timeout reading from Redis") from None
        finally:
            await pool.release(connection)

    async def _answer(self, connection: Any, asked: _Asked) -> Any:
        try:
            # Without a timer of its own; whatever ends it early closes the connection, with what comes yet.
            answer = await connection.read_response(timeout=math.inf)
        except ResponseError as refused:
            return refused
        read = self._client.response_callbacks.get(asked.name)
        return answer if read is None else read(answer, **asked.options)


def _encoded(arguments: Iterable[str | bytes | int]) -> tuple[list[bytes | int], int]:
    """And how many bytes. Done when asked: text that can't be encoded is then its caller's error alone."""
    encoded: list[bytes | int] = []
    length = 0
    for part in arguments:
        if isinstance(part, int):
            encoded.append(part)
            continue
        text = part.encode() if isinstance(part, str) else part
        encoded.append(text)
        length += len(text)
    return encoded, length


def _divided(waiting: Iterable[_Asked], *, by_kind: bool) -> Iterator[list[_Asked]]:
    """Batches within the bounds; without what nobody waits for any more. On a cluster, writes are alone."""
    batch: list[_Asked] = []
    size = 0
    for asked in waiting:
        if asked.answer.done():
            continue
        if by_kind and asked.name not in _READS:
            yield [asked]
            continue
        if batch and (len(batch) == MOST_COMMANDS or size + asked.length > MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(asked)
        size += asked.length
    if batch:
        yield batch
