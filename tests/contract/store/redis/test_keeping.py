"""How long Redis keeps what: each card and each record of a VM goes with what it belongs to."""

from datetime import timedelta

import pytest
import redis.asyncio as redis

from tests import builders as a
from tests.contract.store.rig import RETENTION_S, VM, approval, commit, containment
from tests.doubles import FakeClock
from workers.domain.asking.approvals import ApprovalState
from workers.domain.asking.cards import Card
from workers.domain.containment.containment import ContainmentState
from workers.domain.errors import Conflict
from workers.domain.ports.store import Said
from workers.domain.starts.vm import ExpectedStart, VmRecord
from workers.store import keys
from workers.store.redis_store import RedisStore
from workers.store.retention import ONCE_TTL, SCHEDULED_TTL

DAYS = timedelta(days=1).total_seconds()


@pytest.fixture
def stored(client: redis.Redis, clock: FakeClock) -> RedisStore:
    return RedisStore(client, clock=clock)


class TestCards:
    @pytest.mark.parametrize("order", ["card first", "document first", "together"])
    async def test_a_card_goes_with_its_approval(
        self, stored: RedisStore, client: redis.Redis, order: str
    ) -> None:
        asked, closed = approval(), approval(state=ApprovalState.CONFIRMED).changed(version=1)
        card = Card(id=asked.id)
        await stored.commit(commit(asked, card))
        assert await client.ttl(keys.card(card.id)) == -1, "an open question keeps its card"
        card = card.changed(version=1)
        writes = {"card first": [[card], [closed]], "document first": [[closed], [card]]}
        for documents in writes.get(order, [[card, closed]]):
            await stored.commit(commit(*documents))
        ttls = [await client.pttl(key) for key in (keys.card(asked.id), keys.by_id(asked.id))]
        assert all((RETENTION_S - 120) * 1000 <= ttl <= RETENTION_S * 1000 for ttl in ttls), ttls

    async def test_a_card_that_is_edited_late_lives_no_longer_than_its_document(
        self, stored: RedisStore, client: redis.Redis
    ) -> None:
        asked = approval(state=ApprovalState.EXPIRED)
        await stored.commit(commit(asked, Card(id=asked.id)))
        await client.pexpire(keys.by_id(asked.id), 60_000)
        await stored.commit(commit(Card(id=asked.id, version=1)))
        assert 50 <= await client.ttl(keys.card(asked.id)) <= 60

    async def test_a_containments_card_stays_until_it_is_restored(
        self, stored: RedisStore, client: redis.Redis
    ) -> None:
        held = containment(state=ContainmentState.CONTAINED)
        await stored.commit(commit(held, Card(id=held.id)))
        assert await client.ttl(keys.card(held.id)) == -1
        await stored.commit(commit(containment(state=ContainmentState.RESTORED).changed(version=1)))
        assert RETENTION_S - 120 <= await client.ttl(keys.card(held.id)) <= RETENTION_S

    async def test_a_card_is_kept_again_when_its_document_is(
        self, stored: RedisStore, client: redis.Redis
    ) -> None:
        asked = approval(state=ApprovalState.CONFIRMED)
        await stored.commit(commit(asked, Card(id=asked.id)))
        await stored.commit(commit(approval().changed(version=1)))
        assert await client.ttl(keys.card(asked.id)) == -1

    async def test_a_card_whose_document_is_gone_goes_too(
        self, stored: RedisStore, client: redis.Redis
    ) -> None:
        await stored.commit(commit(Card(id=approval().id)))
        assert 0 < await client.ttl(keys.card(approval().id)) <= RETENTION_S


class TestRecordsOfVms:
    @pytest.mark.parametrize(
        ("record", "least", "most"),
        [
            (VmRecord(vm=VM), 1 * DAYS, ONCE_TTL.total_seconds()),
            (
                VmRecord(
                    vm=VM,
                    expected_start=ExpectedStart(
                        correlation_ids=("x",), after=a.NOW, until=a.NOW + timedelta(days=3)
                    ),
                ),
                3 * DAYS,
                3 * DAYS + ONCE_TTL.total_seconds(),
            ),
            (VmRecord(vm=VM, open_approvals=(approval().id,)), SCHEDULED_TTL.total_seconds(), RETENTION_S),
        ],
        ids=["nothing in it", "an expected start", "questions"],
    )
    async def test_a_free_vms_record_goes_once_nothing_in_it_can_matter(
        self, stored: RedisStore, client: redis.Redis, record: VmRecord, least: float, most: float
    ) -> None:
        await stored.commit(commit(record))
        assert least <= await client.ttl(keys.vm_record(VM)) <= most

    async def test_a_contained_vms_record_stays(self, stored: RedisStore, client: redis.Redis) -> None:
        await stored.commit(commit(VmRecord(vm=VM)))
        await stored.commit(commit(VmRecord(vm=VM, version=1, containment_id=containment().id)))
        assert await client.ttl(keys.vm_record(VM)) == -1

    async def test_whoever_read_a_record_that_went_since_is_told_of_a_conflict(
        self, stored: RedisStore, client: redis.Redis
    ) -> None:
        await stored.commit(commit(VmRecord(vm=VM)))
        read = await stored.vm_record(VM)
        await client.delete(keys.vm_record(VM))
        with pytest.raises(Conflict):
            await stored.commit(commit(read.changed(open_approvals=(approval().id,))))

    async def test_a_short_retention_takes_no_open_question_from_its_vm(
        self, client: redis.Redis, clock: FakeClock
    ) -> None:
        store = RedisStore(client, clock=clock, retention=timedelta(hours=1))
        await store.commit(commit(VmRecord(vm=VM, open_approvals=(approval().id,))))
        assert await client.ttl(keys.vm_record(VM)) > 7 * DAYS


async def test_what_is_gone_before_it_was_shown_is_settled_by_showing_it(
    stored: RedisStore, client: redis.Redis, clock: FakeClock
) -> None:
    asked = approval(state=ApprovalState.CONFIRMED)
    await stored.commit(commit(asked))
    await client.delete(keys.by_id(asked.id))
    assert list(await stored.unshown(clock.now())) == [asked.id]
    await stored.commit(commit(shown=((asked.id, 1),)))
    assert list(await stored.unshown(clock.now())) == []


class TestExchanges:
    async def test_they_stay_and_go_with_their_containment(
        self, stored: RedisStore, client: redis.Redis
    ) -> None:
        held = containment(state=ContainmentState.RESTORING)
        await stored.commit(commit(held, exchanges=("one",), exchanges_of=held.id))
        assert await client.ttl(keys.exchanges(held.id)) == -1
        restored = containment(state=ContainmentState.RESTORED).changed(version=1)
        await stored.commit(commit(restored, exchanges=("two",), exchanges_of=held.id))
        assert RETENTION_S - 120 <= await client.ttl(keys.exchanges(held.id)) <= RETENTION_S
        assert await client.lrange(keys.exchanges(held.id), 0, -1) == [b"one", b"two"]

    async def test_any_write_of_the_containment_moves_their_end(
        self, stored: RedisStore, client: redis.Redis
    ) -> None:
        held = containment(state=ContainmentState.RESTORING)
        await stored.commit(commit(held, exchanges=("one",), exchanges_of=held.id))
        await stored.commit(commit(containment(state=ContainmentState.RESTORED).changed(version=1)))
        assert RETENTION_S - 120 <= await client.ttl(keys.exchanges(held.id)) <= RETENTION_S

    async def test_those_that_come_late_don_t_stay_for_ever(
        self, stored: RedisStore, client: redis.Redis
    ) -> None:
        held = containment()
        await stored.commit(commit(exchanges=("one",), exchanges_of=held.id))
        assert RETENTION_S - 120 <= await client.ttl(keys.exchanges(held.id)) <= RETENTION_S
        await client.expire(keys.exchanges(held.id), 60)
        await stored.commit(commit(exchanges=("two",), exchanges_of=held.id))
        assert await client.ttl(keys.exchanges(held.id)) <= 60


async def test_what_cards_say_goes_once_nothing_is_said_any_more(
    stored: RedisStore, client: redis.Redis
) -> None:
    await stored.commit(commit(said=Said(approval().id, {"d": "text"})))
    assert RETENTION_S - 120 <= await client.ttl(keys.said(approval().id)) <= RETENTION_S
