"""Every store and every inventory: in memory, and on a real Valkey."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
import redis.asyncio as redis
from pydantic import SecretStr

from tests.contract.store.redis.valkey_cluster import Cluster
from tests.doubles import FakeClock
from tests.valkey_server import Valkey
from workers.domain.ports.inventory import Inventory
from workers.domain.ports.store import Store
from workers.store.connection import connect
from workers.store.in_memory.inventory import MemoryInventory
from workers.store.in_memory.store import MemoryStore
from workers.store.inventory import RedisInventory
from workers.store.redis_store import RedisStore


@pytest_asyncio.fixture
async def client(valkey: Valkey) -> AsyncIterator[redis.Redis]:
    async with connect(SecretStr(valkey.patient_url)) as connected:
        yield connected


@pytest.fixture(params=["memory", "redis"])
def store(request: pytest.FixtureRequest, clock: FakeClock) -> Store:
    if request.param == "memory":
        return MemoryStore(clock)
    return RedisStore(request.getfixturevalue("client"), clock=clock)


@pytest.fixture(params=["memory", "redis"])
def inventory(request: pytest.FixtureRequest) -> Inventory:
    if request.param == "memory":
        return MemoryInventory()
    return RedisInventory(request.getfixturevalue("client"))


@pytest.fixture(scope="module")
def whole_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def cluster(whole_cluster: Cluster) -> Cluster:
    whole_cluster.flush()
    whole_cluster.cover(fully=True)
    return whole_cluster
