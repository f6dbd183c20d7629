"""A Redis client that fails fast and says so, instead of waiting with a message's lock held."""

from urllib.parse import urlsplit

import redis.asyncio as redis
from pydantic import SecretStr
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff


def connect(url: SecretStr) -> redis.Redis:
    """A client for ``redis://`` or ``rediss://`` URLs; connects at first use.

    No retry of its own: a write that was sent twice would read as somebody else's conflict, and the caller
    knows better what to do while Redis is away.
    """
    text = url.get_secret_value()
    if urlsplit(text).scheme not in ("redis", "rediss", "unix"):
        raise ValueError("STARTGATE_REDIS_URL has to start with rediss:// or redis://")
    return redis.Redis.from_url(
        text,
        socket_timeout=5.0,
        socket_connect_timeout=3.0,
        health_check_interval=15,
        retry=Retry(NoBackoff(), 0),
    )
