"""A lease is one process's at a time, and goes by itself: over a real Valkey."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import redis.asyncio as redis

from tests.valkey_server import Valkey
from workers.store import keys
from workers.store.leases import RedisLeases


@pytest.fixture
async def client(valkey: Valkey) -> AsyncIterator[redis.Redis]:
    async with redis.Redis.from_url(valkey.url) as client:
        await client.flushall()
        yield client


async def test_one_of_many_takes_it(client: redis.Redis) -> None:
    workers = [RedisLeases(client, f"worker-{number}") for number in range(8)]
    taken = await asyncio.gather(*(each.take("sweep", for_s=60) for each in workers))
    assert sorted(taken) == [False] * 7 + [True]
    assert await client.get(keys.lease("sweep")) == f"worker-{taken.index(True)}".encode()


async def test_it_lasts_as_long_as_was_said_and_other_work_is_free(client: redis.Redis) -> None:
    mine = RedisLeases(client, "mine")
    assert await mine.take("sweep", for_s=60)
    assert not await mine.take("sweep", for_s=60)
    assert await mine.take("another", for_s=60)
    assert 30_000 < await client.pttl(keys.lease("sweep")) <= 60_000


async def test_it_goes_by_itself(client: redis.Redis) -> None:
    assert await RedisLeases(client, "gone").take("sweep", for_s=0.001)
    await asyncio.sleep(0.02)
    assert await RedisLeases(client, "next").take("sweep", for_s=60)
