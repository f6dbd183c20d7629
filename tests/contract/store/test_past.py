"""What every store remembers of VMs and of callers: bounded, for its time, and the same when told again."""

import asyncio
import time
from datetime import timedelta

import pytest
import redis.asyncio as redis
from pydantic import SecretStr

from tests import builders as a
from tests.contract.store.rig import RETENTION_S, START, VM, P, approval, commit
from tests.doubles import FakeClock
from tests.valkey_server import Valkey
from workers.domain.errors import Conflict
from workers.domain.ports.inventory import Inventory
from workers.domain.ports.store import Background, Commit, KnownStart, Remembered, Store
from workers.domain.starts.events import Phase, StartEvent
from workers.domain.starts.past.entries import (
    MOST_OF_CALLER,
    MOST_OF_VM,
    Past,
    PastStart,
    What,
    caller_key,
    of_answer,
    of_event,
)
from workers.store import keys
from workers.store.connection import connect
from workers.store.in_memory.inventory import MemoryInventory
from workers.store.in_memory.store import MemoryStore
from workers.store.inventory import RedisInventory
from workers.store.redis_store import RedisStore


def start(n: int, **changes: object) -> StartEvent:
    """The n-th start before the usual one, a minute apart."""
    return a.start_event(at=START.at - timedelta(minutes=n), correlation_id=f"start-{n}", **changes)


def remembered(entry: PastStart, *, of_caller: bool = False) -> Commit:
    return commit(past=Remembered(VM, entry, of_caller))


async def past(store: Store, event: StartEvent = START) -> Past:
    known = await store.known_start(approval().id, event)
    assert known.background is not None
    return known.background.past


async def test_nothing_is_remembered_at_first_but_the_start_itself(store: Store) -> None:
    assert await past(store) == Past(of_vm=(), of_caller=(of_event(START),))


async def test_what_a_commit_remembers_is_read_oldest_first(store: Store) -> None:
    entries = [of_event(start(2)), of_event(start(3)), of_answer(What.REJECTED, a.NOW, "id", START, "Olga")]
    for entry in entries:
        await store.commit(remembered(entry))
    assert (await past(store)).of_vm == (entries[1], entries[0], entries[2])
    assert tuple(await store.past_of(VM)) == (entries[1], entries[0], entries[2])


async def test_hostile_text_in_it_comes_back_as_it_was(store: Store) -> None:
    text = "\u202e'] \\u0000 😀 \ud800 {{}} %s"
    entry = PastStart(a.NOW, What.CONFIRMED, "id", who=text, client=text, by=text)
    await store.commit(remembered(entry))
    assert (await past(store)).of_vm == (entry,)


async def test_a_start_that_is_told_again_is_remembered_once_and_as_of_its_first_time(store: Store) -> None:
    first = start(5)
    for phase in (Phase.STARTED, Phase.SUCCEEDED):
        told = first.changed(phase=phase, at=first.at + timedelta(seconds=phase is Phase.SUCCEEDED))
        await store.commit(remembered(of_event(told)))
        await store.known_start(approval().id, told)
    assert await past(store) == Past((of_event(first),), (of_event(first), of_event(START)))


async def test_a_write_that_meets_a_conflict_remembers_nothing(store: Store) -> None:
    with pytest.raises(Conflict):
        await store.commit(commit(approval().changed(version=7), past=Remembered(VM, of_event(START))))
    assert await store.commit(commit(once="o"))
    assert not await store.commit(commit(once="o", past=Remembered(VM, of_event(START))))
    assert (await past(store)).of_vm == ()


async def test_the_newest_are_kept(store: Store) -> None:
    for n in range(MOST_OF_VM + 3):
        await store.commit(remembered(of_event(start(n))))
    for n in range(MOST_OF_CALLER + 3):
        await store.known_start(approval().id, start(n))
    known = await past(store, start(0))
    assert known.of_vm == tuple(of_event(start(n)) for n in reversed(range(MOST_OF_VM)))
    assert known.of_caller == tuple(of_event(start(n)) for n in reversed(range(MOST_OF_CALLER)))


async def test_what_is_older_than_the_audit_goes(store: Store, clock: FakeClock) -> None:
    await store.commit(remembered(of_event(start(1))))
    await past(store, start(1))
    clock.advance(timedelta(seconds=RETENTION_S))
    later = START.changed(at=clock.now(), correlation_id="later")
    await store.commit(remembered(of_event(later)))
    assert await past(store, later) == Past((of_event(later),), (of_event(later),))


async def test_each_vm_and_each_caller_has_a_past_of_its_own(store: Store) -> None:
    other = start(1, vm=a.vm_ref(name="vm-2"), caller=a.caller(object_id="bbbb"))
    await past(store, other)
    await store.commit(remembered(of_event(start(2))))
    mine = await past(store)
    assert mine == Past((of_event(start(2)),), (of_event(START),))
    assert (await past(store, other)).of_caller == (of_event(other),)


async def test_callers_whom_nobody_can_tell_apart_have_none(store: Store) -> None:
    nobody = START.changed(caller=a.caller(object_id="", email="", app_id=""))
    await past(store, nobody)
    assert (await past(store, nobody)).of_caller == ()


async def test_a_start_that_passes_is_soon_part_of_its_callers_past(store: Store) -> None:
    passed = of_event(start(1), passed=True)
    await store.commit(remembered(passed, of_caller=True))
    await store.aclose()
    assert (await past(store)).of_caller == (passed, of_event(START))


async def test_of_many_starts_at_once_each_later_one_sees_the_earlier(store: Store) -> None:
    """Or no burst would ever be seen as one."""
    starts = [start(0, vm=a.vm_ref(name=f"vm-{n}")) for n in range(20)]
    known = await asyncio.gather(*(store.known_start(approval().id, one) for one in starts))
    seen = sorted(len(one.background.past.of_caller) for one in known if one.background)
    assert seen == list(range(1, 21))


@pytest.fixture(params=["memory", "redis"])
def both(request: pytest.FixtureRequest) -> tuple[Inventory, Store]:
    if request.param == "memory":
        inventory = MemoryInventory()
        return inventory, MemoryStore(inventory=inventory)
    client = request.getfixturevalue("client")
    return RedisInventory(client), RedisStore(client)


async def test_the_vms_line_is_read_with_it(both: tuple[Inventory, Store]) -> None:
    inventory, store = both
    assert (await store.known_start(approval().id, START)).background == Background(
        Past((), (of_event(START),)), None
    )
    await inventory.put([a.known_vm()])
    shouting = START.changed(vm=START.vm.changed(resource_id=START.vm.resource_id.upper()))
    known: KnownStart = await store.known_start(approval().id, shouting)
    assert known.background is not None
    assert known.background.line == a.known_vm()


class TestOnRedis:
    async def test_it_goes_by_itself_once_nothing_is_added(
        self, client: redis.Redis, clock: FakeClock
    ) -> None:
        store = RedisStore(client, clock=clock)
        await store.commit(remembered(of_event(START)))
        await store.known_start(approval().id, START)
        for key in (keys.past_of_vm(VM), keys.past_of_caller(caller_key(START.caller))):
            assert RETENTION_S - 120 <= await client.ttl(key) <= RETENTION_S

    async def test_an_entry_that_cannot_be_read_is_left_out(self, client: redis.Redis) -> None:
        store = RedisStore(client)
        await client.zadd(keys.past_of_vm(VM), {"no json": 1, '["teleported"]': 2, of_event(START).text: 3})
        assert [one.what for one in (await past(store)).of_vm] == [What.STARTED]

    async def test_a_line_that_cannot_be_read_is_none(self, client: redis.Redis) -> None:
        await client.hset(keys.inventory(VM.subscription_id), VM.key, "no json")
        known = await RedisStore(client).known_start(approval().id, START)
        assert known.background is not None
        assert known.background.line is None

    async def test_a_whole_past_takes_little_room_and_time(
        self, client: redis.Redis, clock: FakeClock
    ) -> None:
        store = RedisStore(client, clock=clock)
        for n in range(MOST_OF_CALLER):
            await store.known_start(approval().id, start(n))
            await store.commit(remembered(of_event(start(n))))
        sizes = [
            await client.memory_usage(key, samples=0)
            for key in (keys.past_of_vm(VM), keys.past_of_caller(caller_key(START.caller)))
        ]
        assert sizes[0] < 40_000, sizes
        assert sizes[1] < 80_000, sizes
        took = []
        for _ in range(5):
            begun = time.process_time()
            await past(store)
            took.append(time.process_time() - begun)
        assert min(took) < 0.02, took

    async def test_the_vms_past_is_in_its_partition(self) -> None:
        assert f"{{p{P:x}}}" in keys.past_of_vm(VM)


async def test_a_caller_s_past_is_read_and_added_to_by_itself(store: Store) -> None:
    rejected = of_answer(What.REJECTED, START.at, approval().id, START, "Alice")
    store.note_of_caller(rejected)
    store.note_of_caller(rejected)
    await store.aclose()
    who = caller_key(START.caller)
    assert await store.past_of_caller(who) == (rejected,)
    assert await store.past_of_caller("somebody else") == ()


async def test_the_older_protocol_tells_the_same_past(valkey: Valkey, clock: FakeClock) -> None:
    for url in (valkey.url, f"{valkey.url}?protocol=2"):
        async with connect(SecretStr(url)) as client:
            store = RedisStore(client, clock=clock)
            await store.commit(remembered(of_event(start(2))))
            known = await past(store)
            assert (known.of_vm, known.of_caller[-1]) == ((of_event(start(2)),), of_event(START))
