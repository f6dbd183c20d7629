"""A decision is on a replica when its commit returns, where there is one; nothing else waits."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
import redis.asyncio as redis
from pydantic import SecretStr
from structlog.testing import capture_logs

from deploy.sandbox.stage import eventually
from tests.contract.store.redis.wire import Wire, wire_to
from tests.contract.store.rig import approval, commit, record
from tests.doubles import FakeClock
from tests.valkey_server import Valkey
from workers.domain.ports.store import Commit
from workers.store import keys
from workers.store.connection import connect
from workers.store.redis_store import RedisStore


@pytest.fixture
def replica(tmp_path: Path) -> Iterator[Valkey]:
    server = Valkey(tmp_path)
    server.start()
    yield server
    if server.pid is not None:
        os.kill(server.pid, signal.SIGCONT)
    server.stop()


@pytest_asyncio.fixture
async def follower(valkey: Valkey, client: redis.Redis, replica: Valkey) -> AsyncIterator[redis.Redis]:
    """A client of the replica, which has caught up."""
    async with redis.Redis.from_url(replica.url) as follower:
        await follower.replicaof("127.0.0.1", valkey.url.rpartition(":")[2].partition("/")[0])

        async def caught_up() -> bool:
            mine, theirs = await follower.info("replication"), await client.info("replication")
            return mine["master_link_status"] == "up" and theirs["connected_slaves"] == 1

        await eventually("the replica to have caught up", caught_up)
        yield follower
        await follower.replicaof("NO", "ONE")


@pytest_asyncio.fixture
async def wire(valkey: Valkey) -> AsyncIterator[Wire]:
    async with wire_to(valkey.url) as laid:
        yield laid


@pytest_asyncio.fixture
async def store(wire: Wire, clock: FakeClock) -> AsyncIterator[RedisStore]:
    async with connect(SecretStr(wire.url)) as connected:
        yield RedisStore(connected, clock=clock)


def decision(n: int = 0) -> Commit:
    return commit(approval(n), audit=(record("approval.rejected"),))


class TestWithAReplica:
    async def test_a_decision_is_on_it_when_the_commit_returns_and_takes_one_trip(
        self, store: RedisStore, wire: Wire, follower: redis.Redis
    ) -> None:
        await store.ping()
        assert await store.commit(decision())
        assert await follower.hget(keys.by_id(approval().id), "v") == b"1"  # type: ignore[misc]
        await asyncio.sleep(0)
        before = len(wire.trips)
        assert await store.commit(decision(1))
        (trip,) = wire.trips[before:]
        assert b"EVALSHA" in trip
        assert b"WAIT" in trip

    async def test_other_writes_do_not_wait(
        self, store: RedisStore, wire: Wire, follower: redis.Redis
    ) -> None:
        assert (await follower.info("replication"))["role"] == "slave"
        await store.ping()
        assert await store.commit(commit(approval(), audit=(record("approval.opened"),)))
        assert not any(b"WAIT" in trip for trip in wire.trips)

    async def test_one_that_hangs_holds_a_decision_for_half_a_second_and_the_log_says_so(
        self, store: RedisStore, follower: redis.Redis, replica: Valkey
    ) -> None:
        assert (await follower.info("replication"))["role"] == "slave"
        await store.ping()
        assert replica.pid is not None
        os.kill(replica.pid, signal.SIGSTOP)
        begun = time.monotonic()
        with capture_logs() as logs:
            assert await store.commit(decision())
        assert 0.4 < time.monotonic() - begun < 10, "not for as long as it hangs"
        assert [line["event"] for line in logs if line["log_level"] == "warning"] == [
            "a decision is on no replica yet"
        ]
        os.kill(replica.pid, signal.SIGCONT)

    async def test_a_server_that_forgot_its_scripts_is_sent_the_text_and_waits_all_the_same(
        self, store: RedisStore, client: redis.Redis, follower: redis.Redis
    ) -> None:
        await store.ping()
        await client.script_flush()
        assert await store.commit(decision())
        assert await follower.hget(keys.by_id(approval().id), "v") == b"1"  # type: ignore[misc]


async def test_without_replicas_nothing_waits(store: RedisStore, wire: Wire) -> None:
    await store.ping()
    assert await store.commit(decision())
    assert not any(b"WAIT" in trip for trip in wire.trips)
