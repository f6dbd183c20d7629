"""A Redis client that fails fast and says so, instead of waiting with a message's lock held."""

import contextlib
import ipaddress
from collections.abc import AsyncIterator, Callable
from typing import Any, Self, cast
from urllib.parse import urlsplit

import redis.asyncio as redis
import structlog
from pydantic import SecretStr
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.connection import SSLConnection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    BusyLoadingError,
    ClusterCrossSlotError,
    DataError,
    MasterDownError,
    MovedError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    ResponseError,
)
from redis.maint_notifications import MaintNotificationsConfig

from workers.domain.errors import DependencyAway
from workers.runtime.cloud import REDIS_HOSTS
from workers.runtime.credential import SignIn
from workers.store.users.sign_in import SignedInPlain, SignedInTls, Tokens

log = structlog.get_logger(__name__)

_MOST_CONNECTIONS = 50
"""A process opens no more to one server; whoever comes then waits for one that is free."""
_WAIT_S = 5.0
_PLAIN = ("redis", "rediss", "unix")
_CLUSTER = ("redis+cluster", "rediss+cluster")


def connect(url: SecretStr, sign_in: SignIn | None = None) -> redis.Redis:
    """A client for the URL; connects at first use.

    ``redis://`` and ``rediss://`` name one server, ``redis+cluster://`` and ``rediss+cluster://`` any node of
    a cluster (Azure Managed Redis with the OSS clustering policy; its Enterprise policy wants ``rediss://``).
    The scheme says which: asking the server would need it to be there when a process starts.

    No retry of its own: a write that was sent twice would read as somebody else's conflict, and the caller
    knows better what to do while Redis is away. On a cluster, redirections are followed all the same.

    Args:
        url: where it is; with a user or a password, unless tokens are asked for.
        sign_in: signs in by Entra ID; over TLS, or on this machine.

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
    tokens = Tokens(sign_in) if sign_in else None
    if parts.scheme in _PLAIN:
        pool = _Pool(tokens, text, max_connections=_MOST_CONNECTIONS, timeout=_WAIT_S, **options)
        return redis.Redis.from_pool(pool)
    if parts.scheme not in _CLUSTER:
        raise ValueError(
            "STARTGATE_REDIS_URL has to start with rediss:// or redis://, "
            "or with rediss+cluster:// or redis+cluster:// for a cluster"
        )
    if parts.path.strip("/") not in ("", "0"):
        raise ValueError("STARTGATE_REDIS_URL names a database, but a cluster has only number 0")
    plain = text.replace("+cluster://", "://", 1)
    cluster = _Cluster.from_url(plain, address_remap=_remap(parts.hostname or ""), **options)
    if tokens is not None and isinstance(cluster, _Cluster):
        cluster.sign_in_with(tokens)
    # Both have every command that is used here; the SDK gives them no common type that says so.
    return cast("redis.Redis", cluster)


class _Pool(redis.BlockingConnectionPool):
    """The connections to one server, which sign in by Entra ID where they are given tokens."""

    def __init__(self, tokens: Tokens | None, url: str, **options: Any) -> None:
        self._tokens = tokens
        given: dict[str, Any] = {**options, **parse_url(url)}
        if tokens is not None:
            tls = given.pop("connection_class", None) is SSLConnection
            given |= {"tokens": tokens, "connection_class": SignedInTls if tls else SignedInPlain}
        super().__init__(**given)

    async def aclose(self) -> None:
        """Close the connections and let go of the credential."""
        await super().aclose()
        if self._tokens is not None:
            await self._tokens.aclose()


class _Cluster(RedisCluster):
    """Connects at first use, not when entered, so that a process can start while Redis is away."""

    tokens: Tokens | None = None

    def sign_in_with(self, tokens: Tokens) -> None:
        """Have every connection sign in by Entra ID; before the first is made.

        The SDK takes a class of connections for each node, but none for a cluster.
        """
        self.tokens = tokens
        tls = self.connection_kwargs["connection_class"] is SSLConnection
        ours = SignedInTls if tls else SignedInPlain
        self.connection_kwargs.update(tokens=tokens, connection_class=ours)
        for node in self.nodes_manager.startup_nodes.values():
            node.connection_class = ours
            node.connection_kwargs["tokens"] = tokens

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
        # The SDK skips these for a client that met an error last and has not looked for the nodes anew.
        await self.nodes_manager.aclose()
        await self.nodes_manager.aclose("startup_nodes")
        if self.tokens is not None:
            await self.tokens.aclose()


def _remap(host: str) -> Callable[[tuple[str, int]], tuple[str, int]] | None:
    """For Azure: nodes announce addresses, but the certificate holds the cluster's name."""
    # It serves every node of a cluster under the cluster's one name, each at a port of its own.
    if not host.lower().endswith(REDIS_HOSTS):
        return None
    return lambda address: (host, address[1]) if _is_address(address[0]) else address


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


_ELSEWHERE = (ReadOnlyError, MovedError, BusyLoadingError, MasterDownError)
"""This server does not serve us now, another one may: READONLY, MOVED, LOADING, MASTERDOWN."""


def is_cluster(client: redis.Redis | RedisCluster) -> bool:
    """Whether its keys are spread over several servers, of which one may be away alone."""
    return isinstance(client, RedisCluster)


@contextlib.asynccontextmanager
async def redis_away(client: redis.Redis | RedisCluster) -> AsyncIterator[None]:
    """Inside, Redis being away or unable to serve becomes ``DependencyAway``.

    After a failover the old primary may live on as a replica that refuses all writes. Its idle connections
    are closed then, so that the next ones look the host name up anew. A cluster client does that by itself.

    What we did wrong (a script that fails, a key of another type) stays the client's own error: waiting
    would not heal it, and a receiver that waits for it would never take a message again.

    Raises:
        DependencyAway: no answer, a lost connection, or a state of the server: out of memory, a failover, no
            right, a full disk, too few replicas. Whether the command was carried out is unknown.
    """
    try:
        yield
    except (RedisError, RedisClusterException, OSError, TimeoutError) as error:
        if _our_own_fault(error):
            raise
        if isinstance(error, _ELSEWHERE) and not isinstance(client, RedisCluster):
            await _look_up_anew(client, error)
        raise DependencyAway("redis", f"{type(error).__name__}: {error}") from error


def _our_own_fault(error: Exception) -> bool:
    """Errors without a code of their own are about the command; most other codes tell the server's state.

    Source: https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors
    """
    if isinstance(error, (DataError, ClusterCrossSlotError)):
        return True
    if type(error) is not ResponseError:
        return False
    return error.status_code == "ERR" or str(error).startswith("WRONGTYPE")


async def _look_up_anew(client: redis.Redis, because: RedisError) -> None:
    log.warning("this Redis server can't serve us; looking its host up anew", because=str(because))
    with contextlib.suppress(RedisError, OSError):
        # Those in use meet the same refusal by themselves.
        await client.connection_pool.disconnect(inuse_connections=False)
