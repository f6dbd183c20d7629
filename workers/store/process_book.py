"""``workers.domain.ports.ProcessBook``: on Redis, one hash, name of a process → its line; and in memory."""

from collections.abc import Mapping
from typing import Any

import structlog
from pydantic import ValidationError
from redis.asyncio import Redis

from workers.domain.ports.process_book import Running
from workers.store import keys
from workers.store.connection import redis_away

log = structlog.get_logger(__name__)


class RedisProcessBook:
    """The book that all processes share."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def note(self, name: str, running: Running) -> None:
        """Write or renew a line."""
        async with redis_away(self._redis):
            await self._redis.hset(keys.PROCESSES, name, running.model_dump_json())

    async def forget(self, *names: str) -> None:
        """Take lines out."""
        if names:
            async with redis_away(self._redis):
                await self._redis.hdel(keys.PROCESSES, *names)

    async def running(self) -> Mapping[str, Running]:
        """Every line that can be read."""
        async with redis_away(self._redis):
            lines: Any = await self._redis.hgetall(keys.PROCESSES)
        found: dict[str, Running] = {}
        for name, text in lines.items():
            try:
                found[name.decode()] = Running.model_validate_json(text)
            except ValidationError as error:
                log.warning("a line about a process can't be read", process=name, error=str(error)[:300])
        return found


class MemoryProcessBook:
    """The same for tests, in one process."""

    def __init__(self) -> None:
        self._lines: dict[str, Running] = {}

    async def note(self, name: str, running: Running) -> None:
        """Write or renew a line."""
        self._lines[name] = running

    async def forget(self, *names: str) -> None:
        """Take lines out."""
        for name in names:
            self._lines.pop(name, None)

    async def running(self) -> Mapping[str, Running]:
        """Every line."""
        return dict(self._lines)
