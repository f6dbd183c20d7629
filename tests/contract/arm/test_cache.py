"""Values that are believed for a while."""

import asyncio

import pytest

from workers.arm.read.cache import Cache
from workers.arm.session.clients import Azure
from workers.domain.errors import NotFound


async def test_a_read_that_has_just_failed_is_not_believed(azure: Azure) -> None:
    cache: Cache[str] = Cache(azure, ttl_s=60)

    async def refused() -> str:
        raise NotFound("gone")

    with pytest.raises(NotFound):
        await cache.get("it", refused)

    failed = azure.run(refused())
    cache._reads["it"] = (float("inf"), failed)  # as it is until the event loop's next turn
    await asyncio.wait([failed])
    assert cache.known("it") is None
