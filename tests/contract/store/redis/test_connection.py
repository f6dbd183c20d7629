"""How often Redis is asked, and what a caller is told when the answer does not come."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import redis.asyncio as redis
from pydantic import SecretStr

from tests import builders as a
from tests.contract.store.redis.wire import Wire, wire_to
from tests.contract.store.rig import START, VM, P, approval, commit, record
from tests.doubles import FakeClock
from tests.valkey_server import Valkey
from workers.domain.audit import AuditRecord
from workers.domain.errors import Conflict, DependencyAway
from workers.domain.ids import PARTITIONS
from workers.domain.nudges import Scheduled
from workers.domain.ports.store import Commit
from workers.store.audit.log import AuditLog
from workers.store.connection import connect
from workers.store.redis_store import RedisStore


@pytest_asyncio.fixture
async def wire(valkey: Valkey) -> AsyncIterator[Wire]:
    async with wire_to(valkey.url) as laid:
        yield laid


@pytest_asyncio.fixture
async def far(wire: Wire, clock: FakeClock) -> AsyncIterator[RedisStore]:
    """A store at the near end of the wire, connected, so that only what the test asks is counted."""
    async with connect(SecretStr(wire.url)) as client:
        store = RedisStore(client, clock=clock)
        await store.commit(Commit(partition=0))  # the script is known from here on
        wire.trips.clear()
        yield store


@pytest.fixture
def near(client: redis.Redis, clock: FakeClock) -> RedisStore:
    return RedisStore(client, clock=clock)


class TestRoundTrips:
    async def test_what_is_known_of_a_start_is_one(self, far: RedisStore, wire: Wire) -> None:
        assert (await far.known_start(approval().id, START))[:2] == (None, await far.vm_record(VM))
        assert len(wire.trips) == 2  # the second is the record's own

    async def test_a_commit_of_documents_and_audit_is_one(self, far: RedisStore, wire: Wire) -> None:
        await far.commit(commit(approval(), audit=(record(), record())))
        assert len(wire.trips) == 1

    async def test_a_scheduled_message_is_one_each(self, far: RedisStore, wire: Wire) -> None:
        await far.note_scheduled(approval().id, Scheduled(sequence_number=1, due=a.NOW))
        await far.take_scheduled(approval().id)
        assert len(wire.trips) == 2


class TestToEachTheirOwn:
    async def test_a_conflict_is_only_that_callers(self, far: RedisStore) -> None:
        await far.commit(commit(approval()))
        results = await asyncio.gather(
            far.commit(commit(approval())),
            far.commit(commit(approval(1))),
            far.commit(commit(once="o")),
            return_exceptions=True,
        )
        assert isinstance(results[0], Conflict)
        assert results[1:] == [True, True]

    async def test_more_callers_than_connections_are_all_served(self, far: RedisStore, wire: Wire) -> None:
        found = await asyncio.gather(*(far.vm_record(VM) for _ in range(300)))
        assert len(found) == 300
        assert wire.connections <= 50

    async def test_text_that_can_not_be_written_is_only_that_callers(self, far: RedisStore) -> None:
        results = await asyncio.gather(
            far.commit(commit(approval(), audit=(record(by="\ud800"),))),
            far.commit(commit(approval(1))),
            return_exceptions=True,
        )
        assert isinstance(results[0], ValueError)
        assert results[1] is True


class TestCut:
    async def test_commits_that_were_carried_out_unheard_say_that_redis_is_away_and_are_not_repeated(
        self, far: RedisStore, wire: Wire, near: RedisStore
    ) -> None:
        wire.cut_after = b"EVALSHA"
        answers = await asyncio.gather(
            *(far.commit(commit(approval(n), audit=(record(by=str(n)),))) for n in range(20)),
            return_exceptions=True,
        )
        assert [type(answer) for answer in answers] == [DependencyAway] * 20
        # A commit whose connection went with the others' before it was sent is not carried out at all.
        carried_out = [int(r.by) for r in await near.audit(P)]
        assert carried_out, "at least the first to be cut off"
        assert len(carried_out) == len(set(carried_out)), "each once"
        assert {(await near.approval(approval(n).id)).version for n in carried_out} == {1}
        wire.cut_after = None
        assert await far.commit(commit(approval(20))), "the same client goes on"

    async def test_a_server_that_stops_in_between_is_away_for_everybody(
        self, valkey: Valkey, near: RedisStore
    ) -> None:
        valkey.stop()
        try:
            asking = (near.commit(commit(approval(n))) for n in range(5))
            answers = await asyncio.gather(*asking, return_exceptions=True)
            assert [type(answer) for answer in answers] == [DependencyAway] * 5
        finally:
            valkey.start()
        answers = await asyncio.gather(*(near.commit(commit(approval(n))) for n in range(5)))
        assert answers == [True] * 5

    async def test_a_server_that_does_not_answer_is_away_after_five_seconds(
        self, valkey: Valkey, client: redis.Redis
    ) -> None:
        async with connect(SecretStr(valkey.url)) as product:
            near = RedisStore(product)
            await near.vm_record(VM)
            await client.client_pause(25_000)
            try:
                began = time.monotonic()
                with pytest.raises(DependencyAway, match="Timeout"):
                    await near.vm_record(VM)
                assert 4 < time.monotonic() - began < 20
            finally:
                await client.client_unpause()


class TestForgottenScript:
    async def test_commits_that_meet_a_server_without_the_script_are_each_made_once(
        self, far: RedisStore, client: redis.Redis
    ) -> None:
        await client.script_flush()
        asked = [far.commit(commit(approval(n), audit=(record(by=str(n)),))) for n in range(30)]
        assert await asyncio.gather(*asked) == [True] * 30
        assert sorted(int(r.by) for r in await far.audit(P, limit=100)) == list(range(30))

    async def test_a_flush_in_the_midst_of_many_commits_loses_and_doubles_none(
        self, far: RedisStore, client: redis.Redis
    ) -> None:
        async def many(partition: int) -> None:
            for n in range(25):
                told = AuditRecord(kind="test.done", at=a.NOW, by=str(n))
                assert await far.commit(Commit(partition=partition, audit=(told,), once=str(n)))

        async def flushing() -> None:
            while True:
                await client.script_flush()
                await asyncio.sleep(0.005)

        flusher = asyncio.ensure_future(flushing())
        try:
            await asyncio.gather(*(many(partition) for partition in range(PARTITIONS)))
        finally:
            flusher.cancel()
        for partition in range(PARTITIONS):
            told = [r.by for r in await far.audit(partition, limit=100)]
            assert told == [str(n) for n in range(25)]
            assert (await AuditLog(client).verify(partition)).broken is None
