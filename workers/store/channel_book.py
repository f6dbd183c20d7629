"""``workers.domain.ports.ChannelBook`` on Redis: one hash a workspace, name → id."""

from redis.asyncio import Redis

from workers.store import keys
from workers.store.connection import redis_away


class RedisChannelBook:
    """Names and ids of channels."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def look_up(self, workspace: str, name: str) -> str | None:
        """The id noted for this name."""
        async with redis_away(self._redis):
            found = await self._redis.hget(keys.channels(workspace), name)
        return found.decode() if isinstance(found, bytes) else found

    async def note(self, workspace: str, name: str, channel: str) -> None:
        """Remember it."""
        async with redis_away(self._redis):
            await self._redis.hset(keys.channels(workspace), name, channel)
