"""A Redis client that fails fast and says so, instead of waiting with a message's lock held."""

import contextlib
import ipaddress
from collections.abc import Callable, Iterator
from typing import Any, Self, cast
from urllib.parse import urlsplit

import redis.asyncio as redis
from pydantic import SecretStr
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisClusterException, RedisError
from redis.maint_notifications import MaintNotificationsConfig

from workers.domain.errors import DependencyAway

_PLAIN = ("redis", "rediss", "unix")
_CLUSTER = ("redis+cluster", "rediss+cluster")
_ONE_NAME = (".redis.azure.net", ".redis.cache.windows.net", ".redis.cache.usgovcloudapi.net")
"""Azure serves every node of a cluster under the cluster's one name, each at a port of its own."""


def connect(url: SecretStr) -> redis.Redis:
    """A client for the URL; connects at first use.

    ``redis://`` and ``rediss://`` name one server, ``redis+cluster://`` and ``rediss+cluster://`` any node of
    a cluster (Azure Managed Redis with the OSS clustering policy; its Enterprise policy wants ``rediss://``).
    The scheme says which: asking the server would need it to be there when a process starts.

    No retry of its own: a write that was sent twice would read as somebody else's conflict, and the caller
    knows better what to do while Redis is away. On a cluster, redirections are followed all the same.

    Raises:
        ValueError: another scheme, or a database number on a cluster, which has only one.
    """
    text = url.get_secret_value()
    options: dict[str, Any] = {
        "socket_timeout": 5.0,
        "socket_connect_timeout": 3.0,
        "health_check_interval": 15,
        "retry": Retry(NoBackoff(), 0),
        # While these are on, and they are by default, the pool hands out connections that the server has
        # closed: after a restart of Redis each of them would cost one call, which is never repeated.
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
    }
    parts = urlsplit(text)
    if parts.scheme in _PLAIN:
        return redis.Redis.from_url(text, **options)
    if parts.scheme not in _CLUSTER:
        raise ValueError(
            "STARTGATE_REDIS_URL has to start with rediss:// or redis://, "
            "or with rediss+cluster:// or redis+cluster:// for a cluster"
        )
    if parts.path.strip("/") not in ("", "0"):
        raise ValueError("STARTGATE_REDIS_URL names a database, but a cluster has only number 0")
    plain = text.replace("+cluster://", "://", 1)
    cluster = _Cluster.from_url(plain, address_remap=_remap(parts.hostname or ""), **options)
    # Both have every command that is used here; the SDK gives them no common type that says so.
    return cast("redis.Redis", cluster)


class _Cluster(RedisCluster):
    """A cluster client that behaves as the one for a single server does where the two differ.

    It connects at first use, not when entered, so that a process can start while Redis is away; and it raises
    ``RedisError`` for everything: the SDK's own errors of an unreachable cluster are none.
    """

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
        # The SDK skips these for a client that met an error last and has not looked for the nodes anew.
        await self.nodes_manager.aclose()
        await self.nodes_manager.aclose("startup_nodes")

    async def execute_command(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return await super().execute_command(*args, **kwargs)
        except RedisClusterException as error:
            raise RedisConnectionError(str(error)) from error


def _remap(host: str) -> Callable[[tuple[str, int]], tuple[str, int]] | None:
    """For Azure: nodes announce addresses, but the certificate holds the cluster's name."""
    if not host.lower().endswith(_ONE_NAME):
        return None
    return lambda address: (host, address[1]) if _is_address(address[0]) else address


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


@contextlib.contextmanager
def redis_away() -> Iterator[None]:
    """Inside, everything that the client raises becomes ``DependencyAway``."""
    try:
        yield
    except (RedisError, OSError, TimeoutError) as error:
        raise DependencyAway("redis", f"{type(error).__name__}: {error}") from error
