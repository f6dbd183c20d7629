"""Starts of one caller for one owner, noted together for a while: in memory, and on a real Valkey."""

from datetime import timedelta

import redis.asyncio as redis

from tests import builders as a
from tests.doubles import FakeClock
from workers.domain.asking.bursts import REMEMBERED, Burst, BurstStart
from workers.domain.policy.limits import MOST_NOTED
from workers.domain.ports.store import Store
from workers.store import keys
from workers.store.in_memory.store import MemoryStore
from workers.store.redis_store import RedisStore

IDS = FIRST, SECOND, THIRD = tuple(f"a{n:025}" for n in (1, 2, 3))
ALIKE, ODD = "0011 no backup", "2233 no backup, no mfa"


def start(approval_id: str, look: str = ALIKE, *, pair: str = "pair", after_s: float = 0) -> BurstStart:
    return BurstStart(pair, look, approval_id, a.NOW + timedelta(seconds=after_s))


async def test_the_first_that_looks_so_leads_the_others(store: Store) -> None:
    assert (await store.join_burst(start(FIRST))).leads == {ALIKE: FIRST}
    joined = await store.join_burst(start(SECOND))
    odd = await store.join_burst(start(THIRD, ODD))
    assert joined.leads == {ALIKE: FIRST}
    assert odd.leads == {ALIKE: FIRST, ODD: THIRD}
    assert odd.looks == {FIRST: ALIKE, SECOND: ALIKE, THIRD: ODD}
    assert (odd.differing(ALIKE), odd.differing(ODD)) == (("no mfa",), ())
    assert (await store.join_burst(start(THIRD, pair="another"))).leads == {ALIKE: THIRD}


def test_how_others_differ_is_said_in_words() -> None:
    def of(these: str, other: str) -> tuple[str, ...]:
        return Burst({}, {FIRST: these, SECOND: these, THIRD: other}).differing(these)

    assert of(ODD, ALIKE) == ("without no mfa",)
    assert of("0 no mfa", "1 no mfa") == ("started in another way",)


async def test_noting_one_again_changes_nothing_and_a_new_lead_takes_over(store: Store) -> None:
    await store.join_burst(start(FIRST))
    once = await store.join_burst(start(SECOND))
    assert await store.join_burst(start(SECOND)) == once
    assert (await store.join_burst(start(SECOND), leads=True)).leads == {ALIKE: SECOND}
    assert (await store.join_burst(start(THIRD))).leads == {ALIKE: SECOND}


async def test_only_those_at_about_the_same_time_are_compared(store: Store) -> None:
    await store.join_burst(start(FIRST))
    assert (await store.join_burst(start(SECOND, after_s=90))).looks == {SECOND: ALIKE}


async def test_an_owners_newest_questions_are_noted_and_closed_ones_forgotten(store: Store) -> None:
    assert (await store.join_burst(start(FIRST))).noted == 0, "nobody asked for it"
    assert await store.noted_of("owner") == ()
    for count, one in enumerate((SECOND, FIRST, FIRST), start=1):
        noting = start(one, pair=one, after_s=-count)._replace(owner="owner")
        assert (await store.join_burst(noting)).noted == min(count, 2)
    assert set(await store.noted_of("owner")) == {FIRST, SECOND}
    await store.forget_noted("owner", [FIRST])
    assert list(await store.noted_of("owner")) == [SECOND]
    assert await store.noted_of("another") == ()


async def test_of_many_questions_only_the_newest_are_noted(store: Store) -> None:
    ids = [f"a{n:025}" for n in range(MOST_NOTED + 5)]
    for n, one in enumerate(ids):
        burst = await store.join_burst(start(one, after_s=n)._replace(owner="owner"))
    assert burst.noted == MOST_NOTED
    assert list(await store.noted_of("owner")) == ids[5:]


async def test_what_is_kept_longer_is_forgotten_later(client: redis.Redis, clock: FakeClock) -> None:
    kept = start(FIRST)._replace(kept=timedelta(hours=24), owner="owner")
    await RedisStore(client, clock=clock).join_burst(kept)
    for key in (keys.burst("pair"), keys.noted("owner")):
        assert await client.pttl(key) > REMEMBERED.total_seconds() * 1000
    memory = MemoryStore(clock)
    await memory.join_burst(kept)
    clock.advance(REMEMBERED.total_seconds())
    assert (await memory.join_burst(start(SECOND))).leads == {ALIKE: FIRST}


async def test_it_is_forgotten_when_no_other_follows(client: redis.Redis, clock: FakeClock) -> None:
    await RedisStore(client, clock=clock).join_burst(start(FIRST))
    assert 0 < await client.pttl(keys.burst("pair")) <= REMEMBERED.total_seconds() * 1000
    memory = MemoryStore(clock)
    await memory.join_burst(start(FIRST))
    clock.advance(REMEMBERED.total_seconds())
    assert (await memory.join_burst(start(SECOND))).leads == {ALIKE: SECOND}
