"""How far readers of the audit have come, and which pages are open, kept over restarts."""

from typing import Any

import redis.asyncio as redis
from pydantic import ValidationError

from workers.domain.audit import AuditRecord
from workers.domain.errors import NewerDocument
from workers.domain.ports.audit.archive import Raw
from workers.domain.ports.paging import Written
from workers.domain.schema import read
from workers.store import keys
from workers.store.connection import redis_away

BEFORE_ALL = "0-0"


class RedisAuditCursor:
    """``workers.domain.ports.AuditCursor`` on Redis. Every method raises ``DependencyAway``.

    Args:
        client: made by ``workers.store.connection.connect``.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    async def place(self, name: str, partition: int) -> str | None:
        """Up to which record it has read."""
        async with redis_away(self._redis):
            found = await self._redis.hget(keys.cursor(name), f"{partition:x}")
        return found.decode() if isinstance(found, bytes) else found

    async def move(self, name: str, partition: int, place: str) -> None:
        """It has read up to this place."""
        async with redis_away(self._redis):
            await self._redis.hset(keys.cursor(name), f"{partition:x}", place)

    async def newest(self, partition: int) -> str:
        """The place of the newest record."""
        async with redis_away(self._redis):
            page: Any = await self._redis.xrevrange(keys.audit(partition), count=1)
        return str(page[0][0].decode()) if page else BEFORE_ALL

    async def after(self, partition: int, place: str, *, limit: int) -> tuple[Written, ...]:
        """The next records."""
        async with redis_away(self._redis):
            page: Any = await self._redis.xrange(keys.audit(partition), min=f"({place}", count=limit)
        return tuple(
            Written(stream_id.decode(), _record(fields.get(b"r", b""))) for stream_id, fields in page
        )

    async def raw_after(self, partition: int, place: str, *, limit: int) -> tuple[Raw, ...]:
        """The next records, byte for byte: ``workers.domain.ports.RawAudit``."""
        async with redis_away(self._redis):
            page: Any = await self._redis.xrange(keys.audit(partition), min=f"({place}", count=limit)
        return tuple(
            Raw(
                stream_id.decode(),
                *(fields.get(name, b"").decode(errors="replace") for name in (b"r", b"p", b"h")),
            )
            for stream_id, fields in page
        )


class RedisOpenPages:
    """``workers.domain.ports.OpenPages`` on Redis. Every method raises ``DependencyAway``."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    async def is_open(self, target: str, key: str) -> bool:
        """Whether it was triggered and not resolved."""
        async with redis_away(self._redis):
            return await self._redis.hget(keys.open_pages(target), key) is not None

    async def opened(self, target: str, key: str) -> None:
        """It was triggered."""
        async with redis_away(self._redis):
            await self._redis.hset(keys.open_pages(target), key, "1")

    async def closed(self, target: str, key: str) -> None:
        """It was resolved."""
        async with redis_away(self._redis):
            await self._redis.hdel(keys.open_pages(target), key)


def _record(text: bytes) -> AuditRecord | None:
    try:
        return read(AuditRecord, text)
    except (ValidationError, NewerDocument):
        return None
