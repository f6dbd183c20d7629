"""Leases in Redis: one key each, set only if it is not there, gone by itself."""

import redis.asyncio as redis

from workers.store import keys
from workers.store.connection import redis_away


class RedisLeases:
    """``workers.domain.ports.Leases`` on Redis.

    Args:
        client: made by ``workers.store.connection.connect``.
        holder: who takes them, for people who look.
    """

    def __init__(self, client: redis.Redis, holder: str) -> None:
        self._redis = client
        self._holder = holder

    async def take(self, name: str, *, for_s: float) -> bool:
        """Whether it is ours now."""
        async with redis_away(self._redis):
            return bool(
                await self._redis.set(keys.lease(name), self._holder, nx=True, px=max(1, int(for_s * 1000)))
            )
