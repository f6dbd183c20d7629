"""Reads of documents: what is asked for in the same turn of the event loop goes out in one round trip."""

import asyncio
from typing import Any

import redis.asyncio as redis

_MOST_AT_ONCE = 100


class Reads:
    """Reads the field ``d`` of hashes. On a cluster the client divides a round trip by node."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client
        self._waiting: list[tuple[str, asyncio.Future[bytes | None]]] = []
        self._under_way: set[asyncio.Task[None]] = set()

    async def get(self, key: str) -> bytes | None:
        """The document under this key as JSON, or ``None``; raises what the client raises."""
        future: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, future))
        if len(self._waiting) == 1:
            # It begins in the next turn: until then others may join.
            task = asyncio.get_running_loop().create_task(self._read())
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        return await future

    async def _read(self) -> None:
        waiting, self._waiting = self._waiting, []
        batches = [waiting[at : at + _MOST_AT_ONCE] for at in range(0, len(waiting), _MOST_AT_ONCE)]
        await asyncio.gather(*(self._read_batch(batch) for batch in batches))

    async def _read_batch(self, batch: list[tuple[str, asyncio.Future[bytes | None]]]) -> None:
        try:
            found = await self._answers([key for key, _ in batch])
        except BaseException as error:
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        for (_, future), data in zip(batch, found, strict=True):
            if not future.done():
                future.set_result(data)

    async def _answers(self, keys: list[str]) -> list[Any]:
        if len(keys) == 1:
            return [await self._redis.hget(keys[0], "d")]
        async with self._redis.pipeline(transaction=False) as pipeline:
            for key in keys:
                pipeline.hget(key, "d")
            return list(await pipeline.execute())
