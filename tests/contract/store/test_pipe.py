"""What is asked in one turn goes out together, and to each caller comes back what is theirs alone."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import redis.asyncio as redis
from pydantic import SecretStr
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError
from structlog.testing import capture_logs

from tests import builders as a
from tests.conftest import FakeClock, Valkey
from tests.contract.store.rig import P, approval, commit, record
from tests.contract.store.wire import Wire, wire_to
from workers.domain.audit import AuditRecord
from workers.domain.errors import Conflict, DependencyAway
from workers.domain.ids import PARTITIONS
from workers.domain.nudges import Scheduled
from workers.domain.ports.store import Commit
from workers.store import keys
from workers.store import pipe as pipe_module
from workers.store.audit_log import AuditLog
from workers.store.connection import connect
from workers.store.inventory import RedisInventory
from workers.store.pipe import MOST_BYTES, MOST_COMMANDS, Pipe
from workers.store.redis_store import RedisStore


@pytest_asyncio.fixture
async def wire(valkey: Valkey) -> AsyncIterator[Wire]:
    async with wire_to(valkey.url) as laid:
        yield laid


@pytest_asyncio.fixture
async def far(wire: Wire) -> AsyncIterator[redis.Redis]:
    """A client at the near end of the wire, connected, so that only what the test asks is counted."""
    async with connect(SecretStr(wire.url)) as connected:
        await connected.ping()
        wire.trips.clear()
        yield connected


@pytest.fixture
def pipe(far: redis.Redis) -> Pipe:
    return Pipe(far)


@pytest.fixture
def far_store(far: redis.Redis, clock: FakeClock) -> RedisStore:
    return RedisStore(far, clock=clock)


class TestTogether:
    async def test_what_is_asked_in_one_turn_is_one_round_trip(self, pipe: Pipe, wire: Wire) -> None:
        assert await asyncio.gather(
            pipe.ask("SET", "sg:x", "1"), pipe.ask("INCR", "sg:y"), pipe.ask("HGET", "sg:z", "d")
        ) == [True, 1, None]
        assert len(wire.trips) == 1

    async def test_what_is_asked_later_is_another(self, pipe: Pipe, wire: Wire) -> None:
        assert [await pipe.ask("INCR", "sg:y") for _ in range(3)] == [1, 2, 3]
        assert len(wire.trips) == 3

    async def test_what_is_asked_while_a_pipeline_is_under_way_shares_the_next_one(
        self, pipe: Pipe, wire: Wire
    ) -> None:
        slow = asyncio.create_task(pipe.ask("BLPOP", "sg:none", 1))
        await asyncio.sleep(0.05)
        quick = []
        for n in range(3):
            quick.append(asyncio.create_task(pipe.ask("INCR", f"sg:{n}")))
            await asyncio.sleep(0.02)
        assert not any(task.done() for task in quick)
        assert await asyncio.gather(slow, *quick) == [None, 1, 1, 1]
        assert len(wire.trips) == 2

    async def test_a_commit_a_read_a_vm_and_a_scheduled_message_share_one(
        self, far_store: RedisStore, far: redis.Redis, wire: Wire
    ) -> None:
        inventory = RedisInventory(far, pipe=far_store.pipe)
        await far_store.commit(Commit(partition=P))  # the script is known from here on
        wire.trips.clear()
        asked = approval()
        written, *_, card = await asyncio.gather(
            far_store.commit(commit(asked, audit=(record(),))),
            inventory.put([a.known_vm()]),
            far_store.note_scheduled(asked.id, Scheduled(sequence_number=1, due=a.NOW)),
            far_store.take_scheduled(approval(1).id),
            far_store.card(asked.id),
        )
        assert (written, card.version) == (True, 0)
        assert len(wire.trips) == 1
        assert (await far_store.approval(asked.id)).version == 1
        assert len(await inventory.all()) == 1

    async def test_lines_of_the_inventory_are_one_command_beside_what_else_waits(
        self, pipe: Pipe, far: redis.Redis, wire: Wire
    ) -> None:
        inventory = RedisInventory(far, pipe=pipe)
        vms = [a.known_vm(ref=a.vm_ref(name=f"vm-{n}")) for n in range(10)]
        for vm in vms:
            inventory.note(vm)
        assert await pipe.ask("INCR", "sg:n") == 1
        assert len(wire.trips) == 1
        assert wire.trips[0].count(b"HSET") == 1
        inventory.note(vms[0].changed(location="northeurope"))
        assert await pipe.ask("INCR", "sg:n") == 2
        assert len(wire.trips) == 2
        assert sorted(vm.ref.name for vm in await inventory.all()) == sorted(vm.ref.name for vm in vms)
        assert [vm.location for vm in await inventory.all()].count("northeurope") == 1

    async def test_a_joined_command_does_not_grow_without_end(
        self, pipe: Pipe, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pipe_module, "_MOST_JOINED_BYTES", 100)
        answers = [pipe.join("HSET", "sg:h", f"field-{n}", "x" * 40) for n in range(9)]
        assert len({id(answer) for answer in answers}) == 5
        assert [await answer for answer in answers] == [2] * 8 + [1]
        assert await client.hlen("sg:h") == 9

    async def test_a_pipeline_holds_so_many_commands_and_no_more(self, pipe: Pipe, wire: Wire) -> None:
        count = MOST_COMMANDS * 2 + 1
        answers = await asyncio.gather(*(pipe.ask("INCRBY", "sg:n", 1) for _ in range(count)))
        assert sorted(answers) == list(range(1, count + 1))
        carried = sorted(trip.count(b"INCRBY") for trip in wire.trips if b"INCRBY" in trip)
        assert max(carried) <= MOST_COMMANDS
        assert sum(carried) == count

    async def test_a_pipeline_holds_so_many_bytes_and_a_larger_command_goes_by_itself(
        self, pipe: Pipe, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        batches: list[list[int]] = []
        sent = pipe._send_batch

        async def watched(batch: list[object]) -> None:
            batches.append([len(asked.arguments[1]) for asked in batch])  # type: ignore[attr-defined]
            await sent(batch)  # type: ignore[arg-type]

        monkeypatch.setattr(pipe, "_send_batch", watched)
        third, small = MOST_BYTES // 3, 10
        sizes = [third, third, third, small, MOST_BYTES * 2, small, small]
        asking = (pipe.ask("SET", f"sg:{n}", "x" * size) for n, size in enumerate(sizes))
        assert await asyncio.gather(*asking) == [True] * len(sizes)
        assert batches == [[third, third], [third, small], [MOST_BYTES * 2], [small, small]]


class TestToEachTheirOwn:
    async def test_an_error_reaches_only_who_made_it(self, pipe: Pipe, wire: Wire) -> None:
        await pipe.ask("SET", "sg:text", "no number")
        wire.trips.clear()
        right, wrong, also_right = await asyncio.gather(
            pipe.ask("INCR", "sg:n"),
            pipe.ask("INCR", "sg:text"),
            pipe.ask("INCR", "sg:n"),
            return_exceptions=True,
        )
        assert (right, also_right) == (1, 2)
        assert isinstance(wrong, ResponseError)
        assert len(wire.trips) == 1

    async def test_text_that_can_not_be_sent_is_only_that_callers(self, pipe: Pipe) -> None:
        answers = await asyncio.gather(
            pipe.ask("INCR", "sg:n"),
            pipe.ask("INCR", "\ud800"),
            pipe.ask("INCR", "sg:n"),
            return_exceptions=True,
        )
        assert isinstance(answers.pop(1), UnicodeEncodeError)
        assert answers == [1, 2]

    async def test_a_conflict_is_only_that_callers(self, far_store: RedisStore) -> None:
        await far_store.commit(commit(approval()))
        results = await asyncio.gather(
            far_store.commit(commit(approval())),
            far_store.commit(commit(approval(1))),
            far_store.commit(commit(once="o")),
            far_store.commit(commit(once="o")),
            return_exceptions=True,
        )
        assert isinstance(results[0], Conflict)
        assert results[1:] == [True, True, False]

    async def test_without_its_line_in_the_inventory_the_question_stands(
        self, far_store: RedisStore, far: redis.Redis, client: redis.Redis
    ) -> None:
        await client.set(keys.INVENTORY, "no hash")
        asked = approval()
        with capture_logs() as logs:
            RedisInventory(far, pipe=far_store.pipe).note(a.known_vm())
            assert await far_store.commit(commit(asked))
        assert (await far_store.approval(asked.id)).version == 1
        assert [line["event"] for line in logs] == ["the inventory was not renewed"]

    async def test_who_gives_up_takes_nobody_with_them(self, pipe: Pipe) -> None:
        waiting = [asyncio.ensure_future(pipe.ask("INCR", f"sg:{n}")) for n in range(5)]
        await asyncio.sleep(0)  # asked, not sent
        waiting[0].cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # under way
        waiting[1].cancel()
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(answer) for answer in answers[:2]] == [asyncio.CancelledError] * 2
        assert answers[2:] == [1, 1, 1]
        assert await pipe.ask("GET", "sg:0") is None, "nobody waited for it any more, so it was not sent"

    async def test_the_pipe_goes_on_after_everybody_has_given_up(self, pipe: Pipe) -> None:
        alone = asyncio.ensure_future(pipe.ask("INCR", "sg:n"))
        await asyncio.sleep(0)
        alone.cancel()
        await asyncio.gather(alone, return_exceptions=True)
        assert await pipe.ask("INCR", "sg:n") == 1


class TestCut:
    async def test_a_connection_that_is_lost_fails_all_and_nothing_is_repeated(
        self, pipe: Pipe, wire: Wire, client: redis.Redis
    ) -> None:
        wire.cut_after = b"sg:last"
        names = [*(["sg:n"] * 10), "sg:last"]
        answers = await asyncio.gather(*(pipe.ask("INCR", name) for name in names), return_exceptions=True)
        assert all(isinstance(answer, RedisConnectionError) for answer in answers), answers
        await asyncio.sleep(0.05)
        assert wire.cuts == 1
        assert (await client.get("sg:n"), await client.get("sg:last")) == (b"10", b"1")
        wire.cut_after = None
        assert await pipe.ask("INCR", "sg:n") == 11, "the same pipe goes on"

    async def test_what_waits_behind_a_pipeline_that_is_lost_is_sent_after_it(
        self, pipe: Pipe, wire: Wire
    ) -> None:
        wire.cut_after = b"sg:last"
        lost = asyncio.create_task(pipe.ask("INCR", "sg:last"))
        await asyncio.sleep(0)  # begun
        await asyncio.sleep(0)  # under way
        behind = asyncio.create_task(pipe.ask("INCR", "sg:n"))
        answers = await asyncio.gather(lost, behind, return_exceptions=True)
        assert isinstance(answers[0], RedisConnectionError)
        assert answers[1] == 1

    async def test_commits_that_were_carried_out_unheard_say_that_redis_is_away(
        self, far_store: RedisStore, far: redis.Redis, wire: Wire, client: redis.Redis, clock: FakeClock
    ) -> None:
        await far_store.commit(commit())
        inventory = RedisInventory(far, pipe=far_store.pipe)
        wire.cut_after = b"EVALSHA"
        answers = await asyncio.gather(
            *(far_store.commit(commit(approval(n), audit=(record(by=str(n)),))) for n in range(20)),
            inventory.put([a.known_vm()]),
            far_store.card(approval().id),
            return_exceptions=True,
        )
        assert [type(answer) for answer in answers] == [DependencyAway] * 22
        near = RedisStore(client, clock=clock)
        assert sorted(int(r.by) for r in await near.audit(P)) == list(range(20)), "each once"
        assert [(await near.approval(approval(n).id)).version for n in range(20)] == [1] * 20

    async def test_lines_of_the_inventory_that_were_not_written_are_told_to_the_log_once(
        self, pipe: Pipe, far: redis.Redis, wire: Wire
    ) -> None:
        inventory = RedisInventory(far, pipe=pipe)
        wire.cut_after = b"HSET"
        with capture_logs() as logs:
            for n in range(5):
                inventory.note(a.known_vm(ref=a.vm_ref(name=f"vm-{n}")))
            inventory.note(a.known_vm(tags={"owner": "\ud800"}))
            with pytest.raises(RedisConnectionError):
                await pipe.ask("INCR", "sg:n")
            await asyncio.sleep(0)
        told = [line["because"] for line in logs if line["event"] == "the inventory was not renewed"]
        assert ["ConnectionError" in because for because in told] == [False, True], told

    async def test_a_server_that_stops_in_between_is_away_for_everybody(
        self, valkey: Valkey, far_store: RedisStore
    ) -> None:
        valkey.stop()
        try:
            asking = (far_store.commit(commit(approval(n))) for n in range(5))
            answers = await asyncio.gather(*asking, return_exceptions=True)
            assert [type(answer) for answer in answers] == [DependencyAway] * 5
        finally:
            valkey.start()
        answers = await asyncio.gather(*(far_store.commit(commit(approval(n))) for n in range(5)))
        assert answers == [True] * 5


class TestSlow:
    async def test_what_does_not_come_in_time_fails_all_and_comes_to_nobody_later(self, wire: Wire) -> None:
        async with redis.Redis.from_url(wire.url, socket_timeout=0.3, retry=Retry(NoBackoff(), 0)) as patient:
            pipe = Pipe(patient)
            asking = (pipe.ask("INCR", "sg:n"), pipe.ask("BLPOP", "sg:none", 1), pipe.ask("INCR", "sg:n"))
            began = time.monotonic()
            answers = await asyncio.gather(*asking, return_exceptions=True)
            assert [type(answer) for answer in answers] == [RedisTimeoutError] * 3, answers
            assert time.monotonic() - began < 0.6, "one bound for all of them, not one for each"
            later = await asyncio.gather(pipe.ask("SET", "sg:x", "1"), pipe.ask("GET", "sg:x"))
            assert later == [True, b"1"]
            await asyncio.sleep(1)
            assert await pipe.ask("GET", "sg:x") == b"1"

    async def test_every_connection_goes_back_to_the_pool(self, pipe: Pipe, far: redis.Redis) -> None:
        for names in (("sg:n",), ("sg:n", "sg:m"), ("\ud800", "sg:n")):
            await asyncio.gather(*(pipe.ask("INCR", name) for name in names), return_exceptions=True)
        await pipe.ask("SET", "sg:text", "no number")
        with pytest.raises(ResponseError):
            await pipe.ask("INCR", "sg:text")
        pool = far.connection_pool
        assert (len(pool._in_use_connections), len(pool._available_connections)) == (0, 1)


class TestForgottenScript:
    async def test_commits_that_meet_a_server_without_the_script_are_each_made_once(
        self, far_store: RedisStore, wire: Wire, client: redis.Redis
    ) -> None:
        await client.script_flush()
        asked = [far_store.commit(commit(approval(n), audit=(record(by=str(n)),))) for n in range(30)]
        *written, card = await asyncio.gather(*asked, far_store.card(approval().id))
        assert written == [True] * 30
        assert card.version == 0
        assert sorted(int(r.by) for r in await far_store.audit(P, limit=100)) == list(range(30))
        assert await far_store.commit(commit(once="o"))
        sent = b"".join(wire.trips)
        assert sent.count(b"\r\nEVALSHA\r\n") == 31
        assert sent.count(b"\r\nEVAL\r\n") == 30, "each that was refused again, and from there on it is known"

    async def test_a_flush_in_the_midst_of_many_commits_loses_and_doubles_none(
        self, far_store: RedisStore, far: redis.Redis, client: redis.Redis
    ) -> None:
        async def many(partition: int) -> None:
            for n in range(25):
                told = AuditRecord(kind="test.done", at=a.NOW, by=str(n))
                await far_store.commit(Commit(partition=partition, audit=(told,), once=str(n)))

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
            told = [r.by for r in await far_store.audit(partition, limit=100)]
            assert told == [str(n) for n in range(25)]
            assert (await AuditLog(far).verify(partition)).broken is None
