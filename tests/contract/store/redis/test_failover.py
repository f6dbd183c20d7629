"""A server that can't serve us is away, and another is looked for; what we did wrong is not.

Sources: https://redis.io/docs/latest/operate/oss_and_stack/management/replication/ (READONLY, MASTERDOWN),
https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
import redis.asyncio as redis
from pydantic import SecretStr
from redis.exceptions import ResponseError

from tests import builders as a
from tests.contract.store.redis.wire import Wire, wire_to
from tests.contract.store.rig import VM, approval, commit
from tests.doubles import FakeClock
from tests.valkey_server import Valkey
from workers.domain.errors import DependencyAway
from workers.domain.starts.vm import VmRecord
from workers.store import keys
from workers.store.connection import connect, redis_away
from workers.store.redis_store import RedisStore


@pytest.fixture
def second(tmp_path: Path) -> Iterator[Valkey]:
    server = Valkey(tmp_path)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest_asyncio.fixture
async def name(valkey: Valkey) -> AsyncIterator[Wire]:
    """Stands for a host name: who connects reaches the server that it names at that moment."""
    async with wire_to(valkey.url) as laid:
        yield laid


class TestFailover:
    async def test_the_old_primary_lives_on_as_a_replica_and_the_new_one_is_found_at_once(
        self, name: Wire, client: redis.Redis, second: Valkey, clock: FakeClock
    ) -> None:
        async with connect(SecretStr(name.url)) as connected:
            store = RedisStore(connected, clock=clock)
            await asyncio.gather(*(store.commit(commit(approval(n))) for n in range(20)))
            assert name.connections > 5, "the pool holds several"

            name.leads_to(second.url)
            await client.replicaof("127.0.0.1", "1")
            try:
                with pytest.raises(DependencyAway, match="ReadOnlyError"):
                    await store.commit(commit(approval(20)))
                written = await asyncio.gather(*(store.commit(commit(approval(n))) for n in range(20)))
            finally:
                await client.replicaof("NO", "ONE")
            assert written == [True] * 20

    async def test_those_in_use_at_that_moment_find_it_by_their_own_refusal(
        self, name: Wire, client: redis.Redis, second: Valkey, clock: FakeClock
    ) -> None:
        async with connect(SecretStr(name.url)) as connected:
            store = RedisStore(connected, clock=clock)
            await asyncio.gather(*(store.commit(commit(approval(n))) for n in range(20)))
            name.leads_to(second.url)
            await client.replicaof("127.0.0.1", "1")
            try:
                asking = (store.commit(commit(approval(n))) for n in range(20, 40))
                first = await asyncio.gather(*asking, return_exceptions=True)
                odd = [one for one in first if one is not True and not isinstance(one, DependencyAway)]
                assert not odd
                again = [n for n, answer in enumerate(first, start=20) if answer is not True]
                assert again
                written = await asyncio.gather(*(store.commit(commit(approval(n))) for n in again))
            finally:
                await client.replicaof("NO", "ONE")
            assert written == [True] * len(again)


class TestAway:
    """Each is a state of the server that passes."""

    @pytest.fixture
    def store(self, client: redis.Redis, clock: FakeClock) -> RedisStore:
        return RedisStore(client, clock=clock)

    async def test_out_of_memory(self, store: RedisStore, client: redis.Redis) -> None:
        await client.config_set("maxmemory", 1)
        try:
            with pytest.raises(DependencyAway, match="OutOfMemoryError"):
                await store.commit(commit(approval()))
        finally:
            await client.config_set("maxmemory", 0)
        assert await store.commit(commit(approval()))

    async def test_a_replica_that_has_lost_its_primary(self, store: RedisStore, client: redis.Redis) -> None:
        await client.config_set("replica-serve-stale-data", "no")
        await client.replicaof("127.0.0.1", "1")
        try:
            with pytest.raises(DependencyAway, match="MasterDownError"):
                await store.vm_record(VM)
        finally:
            await client.replicaof("NO", "ONE")
            await client.config_set("replica-serve-stale-data", "yes")

    async def test_too_few_replicas(self, store: RedisStore, client: redis.Redis) -> None:
        await client.config_set("min-replicas-to-write", 1)
        try:
            with pytest.raises(DependencyAway, match="NOREPLICAS"):
                await store.commit(commit(approval()))
        finally:
            await client.config_set("min-replicas-to-write", 0)

    async def test_a_right_that_was_taken_away(self, store: RedisStore, client: redis.Redis) -> None:
        await client.acl_setuser("default", commands=["-evalsha"], enabled=True)
        try:
            with pytest.raises(DependencyAway, match="NoPermissionError"):
                await store.commit(commit(approval()))
        finally:
            await client.acl_setuser("default", commands=["+evalsha"], enabled=True)

    @pytest.mark.parametrize(
        "answer",
        [
            "LOADING Redis is loading the dataset in memory",
            "MOVED 3999 127.0.0.1:6381",
            "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
            "READONLY You can't write against a read only replica.",
            "MISCONF Redis is configured to save RDB snapshots, but is currently unable to persist to disk.",
            "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
            "CLUSTERDOWN The cluster is down",
            "TRYAGAIN Multiple keys request during rehashing of slot",
            "OOM command not allowed when used memory > 'maxmemory'.",
        ],
    )
    async def test_whatever_the_server_says_of_itself(self, client: redis.Redis, answer: str) -> None:
        with pytest.raises(DependencyAway, match="redis: "):
            async with redis_away(client):
                # The server answers in these very words, as its own states would have it.
                await client.eval("return redis.error_reply(ARGV[1])", 0, answer)
        await client.ping()


class TestDefect:
    """Waiting heals none of these, so that a receiver must not wait for them."""

    async def test_a_script_that_fails_is_no_server_that_is_away(self, client: redis.Redis) -> None:
        with pytest.raises(ResponseError, match="user_script"):
            async with redis_away(client):
                await client.eval("local nothing = nil; return nothing.x", 0)

    async def test_a_commit_that_meets_a_key_of_another_type_is_none_either(
        self, client: redis.Redis, clock: FakeClock
    ) -> None:
        await client.set(keys.vm_record(VM), "no hash")
        store = RedisStore(client, clock=clock)
        with pytest.raises(ResponseError, match="WRONGTYPE"):
            await store.commit(commit(VmRecord(vm=VM)))
        assert await store.commit(commit(approval(), audit=(), once="other")), "the next one is written"
        assert (await store.approval(approval().id)).opened_at == a.NOW
