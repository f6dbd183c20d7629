"""Questions to the workers in both stores: kept for an hour, shown by no card, due at no time."""

from datetime import timedelta

import pytest
import redis.asyncio as redis

from tests import builders as a
from tests.contract.store.rig import VM, commit
from tests.doubles import FakeClock
from workers.domain.containment.foresight.lookups import Foresight, Lookup
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import Conflict, NotFound
from workers.domain.ids import lookup_id
from workers.domain.ports.store import Store
from workers.store import keys
from workers.store.redis_store import RedisStore
from workers.store.retention import LOOKUP_TTL


def asked() -> Lookup:
    return Lookup(id=lookup_id(VM.key), vm=VM, profile=LockdownProfile(), by=a.oncall(), asked_at=a.NOW)


async def test_a_question_is_read_back_with_its_answer(store: Store) -> None:
    question = asked()
    await store.commit(commit(question))
    stored = await store.lookup(question.id)
    answer = stored.answered(a.NOW, Foresight(plan=a.plan()))
    await store.commit(commit(answer))
    assert (await store.lookup(question.id)).foresight == answer.foresight
    with pytest.raises(Conflict):
        await store.commit(commit(answer))


async def test_there_is_no_other_document_of_its_id(store: Store) -> None:
    question = asked()
    await store.commit(commit(question))
    with pytest.raises(NotFound):
        await store.containment(question.id)
    with pytest.raises(NotFound):
        await store.lookup(lookup_id(VM.key))
    with pytest.raises(NotFound):
        await store.lookup(a.containment().id)


async def test_nobody_is_sent_to_look_at_it_again_or_to_show_it(store: Store, clock: FakeClock) -> None:
    await store.commit(commit(asked()))
    later = clock.now() + timedelta(days=1)
    assert list(await store.past_due(later)) == []
    assert list(await store.unshown(later)) == []


async def test_it_goes_after_an_hour(client: redis.Redis, clock: FakeClock) -> None:
    question = asked()
    await RedisStore(client, clock=clock).commit(commit(question))
    left = await client.ttl(keys.by_id(question.id))
    assert LOOKUP_TTL.total_seconds() - 5 <= left <= LOOKUP_TTL.total_seconds()
