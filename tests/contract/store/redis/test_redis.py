"""What only the store on Redis promises, and what it says when Redis is away."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
import redis.asyncio as redis
from pydantic import SecretStr

from deploy.sandbox.processes import free_port
from tests import builders as a
from tests.contract.store.rig import RETENTION_S, START, VM, P, approval, commit, containment, record, sha1
from tests.doubles import FakeClock
from tests.valkey_server import Valkey
from workers.domain.asking.approvals import ApprovalState
from workers.domain.asking.cards import Card
from workers.domain.containment.containment import ContainmentState
from workers.domain.errors import Conflict, DependencyAway
from workers.domain.ids import approval_id
from workers.domain.nudges import Scheduled
from workers.domain.starts.vm import VmRecord
from workers.store import keys
from workers.store.connection import connect
from workers.store.inventory import RedisInventory
from workers.store.redis_store import RedisStore
from workers.store.retention import ONCE_TTL


class TestOnRedis:
    """What only Redis can promise: it forgets in time, and what was said can't be unsaid unnoticed."""

    @pytest_asyncio.fixture
    async def stored(self, client: redis.Redis, clock: FakeClock) -> RedisStore:
        return RedisStore(client, clock=clock)

    async def test_each_record_vouches_for_all_before_it(
        self, stored: RedisStore, client: redis.Redis
    ) -> None:
        for n in range(4):
            await stored.commit(commit(audit=(record(by=f"ä{n}"), record(by="\u0000"))))
        previous = b""
        entries = await client.xrange(keys.audit(P))
        assert len(entries) == 8
        for _, fields in entries:
            assert fields[b"p"] == previous
            assert fields[b"h"].decode() == sha1(previous + fields[b"r"])
            previous = fields[b"h"]
        assert await client.get(keys.audit_head(P)) == previous

    async def test_pages_follow_one_another(self, stored: RedisStore, client: redis.Redis) -> None:
        await stored.commit(commit(audit=tuple(record(by=str(n)) for n in range(7))))
        third = (await client.xrange(keys.audit(P)))[2][0].decode()
        assert [r.by for r in await stored.audit(P, after=third, limit=2)] == ["3", "4"]

    @pytest.mark.parametrize("state", ApprovalState)
    async def test_a_closed_approval_goes_after_the_retention_an_open_one_never(
        self, stored: RedisStore, client: redis.Redis, state: ApprovalState
    ) -> None:
        asked = approval(state=state)
        await stored.commit(commit(asked))
        ttl = await client.ttl(keys.by_id(asked.id))
        assert ttl == -1 if asked.open else RETENTION_S - 120 <= ttl <= RETENTION_S

    @pytest.mark.parametrize("state", ContainmentState)
    async def test_a_containment_stays_until_it_is_restored(
        self, stored: RedisStore, client: redis.Redis, state: ContainmentState
    ) -> None:
        contained = containment(state=state)
        await stored.commit(commit(contained))
        ttl = await client.ttl(keys.by_id(contained.id))
        assert (ttl == -1) is (state is not ContainmentState.RESTORED)

    async def test_what_is_taken_up_again_is_kept_again(
        self, stored: RedisStore, client: redis.Redis
    ) -> None:
        asked = approval(state=ApprovalState.CONFIRMED)
        await stored.commit(commit(asked))
        await stored.commit(commit(approval().changed(version=1)))
        assert await client.ttl(keys.by_id(asked.id)) == -1

    async def test_the_right_to_a_containment_is_kept_as_long_as_the_containment(
        self, stored: RedisStore, client: redis.Redis
    ) -> None:
        contained = containment(state=ContainmentState.CONTAINED)
        asked = approval(state=ApprovalState.REJECTED, containment_id=contained.id)
        await stored.commit(commit(asked, contained))
        assert await client.ttl(keys.by_id(asked.id)) == await client.ttl(keys.by_id(contained.id))

    async def test_a_once_key_outlives_event_grids_retries_and_then_goes(
        self, stored: RedisStore, client: redis.Redis
    ) -> None:
        await stored.commit(commit(once="o"))
        ttl = await client.ttl(keys.once(P, "o"))
        assert timedelta(hours=24) < timedelta(seconds=ttl) <= ONCE_TTL

    async def test_a_configured_retention_holds(self, client: redis.Redis) -> None:
        asked = approval(state=ApprovalState.EXPIRED)
        await RedisStore(client, retention=timedelta(seconds=60)).commit(commit(asked))
        assert 55 <= await client.ttl(keys.by_id(asked.id)) <= 60

    async def test_a_record_that_does_not_say_whether_its_vm_is_free_is_taken_as_held(
        self, stored: RedisStore, client: redis.Redis
    ) -> None:
        await stored.commit(commit(VmRecord(vm=VM)))
        await client.hdel(keys.vm_record(VM), "f")

        with pytest.raises(Conflict):
            await stored.commit(commit(free=VM))

    async def test_everything_of_one_vm_shares_one_slot(
        self, stored: RedisStore, client: redis.Redis
    ) -> None:
        asked = approval()
        await stored.commit(
            commit(asked, containment(), VmRecord(vm=VM), Card(id=asked.id), once="o", audit=(record(),))
        )
        await stored.note_scheduled(asked.id, Scheduled(sequence_number=1, due=a.NOW))
        names = [name.decode() for name in await client.keys()]
        assert len(names) == 11
        assert {name[: name.index("}")] for name in names} == {f"sg:{{p{P:x}"}

    async def test_ids_of_one_vm_name_its_partition(self) -> None:
        assert keys.of(approval())[0] == keys.of(VmRecord(vm=VM))[0] == P
        assert approval_id(VM.key, "0" * 32)[1] == f"{P:x}"


class TestRedisAway:
    CALLS: dict[str, Callable[[RedisStore], Any]] = {
        "commit": lambda s: s.commit(commit(approval())),
        "approval": lambda s: s.approval(approval().id),
        "containment": lambda s: s.containment(containment().id),
        "card": lambda s: s.card(approval().id),
        "vm_record": lambda s: s.vm_record(VM),
        "shown_question": lambda s: s.shown_question(approval().id),
        "known_start": lambda s: s.known_start(approval().id, START),
        "past_due": lambda s: s.past_due(a.NOW),
        "unshown": lambda s: s.unshown(a.NOW),
        "open_approvals": lambda s: s.open_approvals(),
        "note_scheduled": lambda s: s.note_scheduled(approval().id, Scheduled(sequence_number=1, due=a.NOW)),
        "take_scheduled": lambda s: s.take_scheduled(approval().id),
        "audit": lambda s: s.audit(P),
        "ping": lambda s: s.ping(),
    }

    @pytest.mark.parametrize("name", CALLS)
    async def test_every_call_says_that_redis_is_away(self, name: str) -> None:
        async with connect(SecretStr(f"redis://127.0.0.1:{free_port()}/0")) as nobody:
            with pytest.raises(DependencyAway, match="redis: "):
                await self.CALLS[name](RedisStore(nobody))

    async def test_the_inventory_says_so_too(self) -> None:
        async with connect(SecretStr(f"redis://127.0.0.1:{free_port()}/0")) as nobody:
            inventory = RedisInventory(nobody)
            for call in (
                inventory.put([a.known_vm()]),
                inventory.put([], whole_subscription=a.SUBSCRIPTION),
                inventory.named("vm"),
                inventory.containing("vm", limit=1),
                inventory.lines([VM]),
                inventory.of(a.SUBSCRIPTION),
                inventory.count(),
            ):
                with pytest.raises(DependencyAway, match="redis: "):
                    await call

    async def test_once_it_is_back_the_same_client_goes_on(self, valkey: Valkey) -> None:
        async with connect(SecretStr(valkey.url)) as client:
            store = RedisStore(client)
            await store.commit(commit(approval()))
            valkey.stop()
            with pytest.raises(DependencyAway):
                await store.approval(approval().id)
            with pytest.raises(DependencyAway):
                await store.commit(commit(approval(1)))
            valkey.start()
            assert await store.commit(commit(approval(2)))

    @pytest.mark.parametrize("url", ["http://127.0.0.1", "127.0.0.1:6379", ""])
    def test_another_kind_of_url_is_refused_with_its_remedy(self, url: str) -> None:
        with pytest.raises(ValueError, match="STARTGATE_REDIS_URL has to start with rediss://"):
            connect(SecretStr(url))
