"""What a doctor looks at in Redis."""

import dataclasses
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import redis.asyncio as redis
from redis.asyncio.cluster import RedisCluster
from redis.exceptions import NoPermissionError, ResponseError

from workers.domain.errors import DependencyAway
from workers.domain.ports.store import Commit, Store
from workers.runtime.checks import CannotTell, Check, Failed
from workers.store.connection import redis_away

SKEW_S = 5.0
"""More than this between our clock and Redis' puts the audit's times in doubt."""

_OLDEST_MAJOR = 7
_REACH = "check STARTGATE_REDIS_URL, its password, the firewall and the private endpoint"


def redis_checks(
    client: redis.Redis | RedisCluster, store: Store, now_s: Callable[[], float] = time.time
) -> list[Check]:
    """Reachable, writable, persistent, not evicting, and of one time with us.

    Args:
        client: also made for a cluster; then every node is looked at.
        store: over the same client.
        now_s: our clock, in seconds since 1970.
    """

    async def paused() -> str:
        pause = await store.pause()
        if pause.until is not None and pause.on(datetime.fromtimestamp(now_s(), UTC)):
            until = pause.until.strftime("%Y-%m-%d %H:%M UTC")
            raise CannotTell(
                f"changes in Azure are paused by {pause.by} until {until}: {pause.reason}. "
                "`startgate resume` ends it"
            )
        return "changes in Azure are not paused"

    async def reachable() -> str:
        async with redis_away(client):
            nodes = await _info(client, "server")
        versions = {str(node.get("valkey_version") or node.get("redis_version", "?")) for node in nodes}
        for version in versions:
            if version.partition(".")[0].isdigit() and int(version.partition(".")[0]) < _OLDEST_MAJOR:
                raise Failed(f"version {version}", remedy="use Redis 7 or newer, or Valkey")
        return f"{len(nodes)} node{'s' if len(nodes) != 1 else ''}, version {', '.join(sorted(versions))}"

    async def writable() -> str:
        # A commit of nothing: the script is loaded and run on our keys, and writes nothing.
        await store.commit(Commit(partition=0))
        return "the script that makes every write can be loaded and run"

    async def clock() -> str:
        before = now_s()
        async with redis_away(client):
            times = await _times(client)
        after = now_s()
        # Theirs was read somewhere between ours: what lies outside is certainly skew.
        theirs = [seconds + microseconds / 1e6 for seconds, microseconds in times]
        skew = max(0.0, before - min(theirs), max(theirs) - after)
        if skew > SKEW_S:
            raise Failed(f"Redis' clock and ours are {skew:.1f} s apart")
        return f"at most {(after - before) + skew:.2f} s apart from ours"

    checks = [
        Check(
            name="Redis reachable",
            look=reachable,
            remedy=_REACH,
        ),
        Check(
            name="Redis writable",
            look=writable,
            remedy="give the user its rights; deploy/README.md has them, Two users of Redis",
        ),
        Check(
            name="Redis persistence",
            look=lambda: _persistence(client),
            remedy="turn AOF on (appendonly yes, appendfsync everysec): approvals live nowhere else",
        ),
        Check(
            name="Redis eviction",
            look=lambda: _eviction(client),
            remedy="set maxmemory-policy noeviction: any other one may throw open approvals away",
        ),
        Check(name="Redis clock", look=clock, remedy="have both synchronise their clocks (NTP)"),
        Check(name="pause", look=paused, remedy="update this process: a newer version wrote it"),
    ]
    return [dataclasses.replace(check, look=_reaching(check.look)) for check in checks]


def _reaching(look: Callable[[], Awaitable[str]]) -> Callable[[], Awaitable[str]]:
    """Whatever is looked at: where Redis can't be reached, that is what has to be healed."""

    async def wrapped() -> str:
        try:
            return await look()
        except DependencyAway as away:
            if "NoPermission" in str(away):
                raise
            raise Failed(str(away), remedy=_REACH) from None

    return wrapped


async def _persistence(client: redis.Redis | RedisCluster) -> str:
    nodes = await _info_or_unclear(client, "persistence")
    if all(node.get("aof_enabled") for node in nodes):
        if any(node.get("aof_last_write_status", "ok") != "ok" for node in nodes):
            raise Failed("AOF is on, but its last write failed", remedy="free disk space on the Redis server")
        return "AOF is on"
    try:
        answer: Any = await client.config_get("save")
    except (NoPermissionError, ResponseError) as error:
        raise CannotTell(
            f"AOF is off as far as INFO says, and CONFIG is forbidden ({type(error).__name__}): managed "
            "services configure persistence outside, so look there whether it is on"
        ) from None
    if answer.get("save"):
        raise Failed("snapshots only: a restart loses what was written since the last one")
    raise Failed("off: a restart loses everything")


async def _eviction(client: redis.Redis | RedisCluster) -> str:
    nodes = await _info_or_unclear(client, "memory")
    policies = {str(node.get("maxmemory_policy", "")) for node in nodes if node.get("maxmemory")}
    evicting = policies - {"noeviction", ""}
    if evicting:
        raise Failed(f"maxmemory-policy is {', '.join(sorted(evicting))}")
    return "nothing is evicted"


async def _info_or_unclear(client: redis.Redis | RedisCluster, section: str) -> list[dict[str, Any]]:
    async with redis_away(client):
        try:
            return await _info(client, section)
        except (NoPermissionError, ResponseError):
            raise CannotTell("INFO is forbidden; look at the service's own configuration") from None


async def _info(client: redis.Redis | RedisCluster, section: str) -> list[dict[str, Any]]:
    """One dict for a server, or one for each primary of a cluster."""
    if not isinstance(client, RedisCluster):
        return [await client.info(section)]
    answer: Any = await client.execute_command("INFO", section, target_nodes=RedisCluster.PRIMARIES)
    by_node = all(isinstance(value, dict) for value in answer.values())
    return list(answer.values()) if by_node else [answer]


async def _times(client: redis.Redis | RedisCluster) -> list[tuple[int, int]]:
    """Seconds since 1970, and microseconds: of a server, or of each primary of a cluster."""
    if not isinstance(client, RedisCluster):
        return [await client.time()]
    answer: Any = await client.execute_command("TIME", target_nodes=RedisCluster.PRIMARIES)
    return list(answer.values()) if isinstance(answer, dict) else [answer]
