"""One server for all tests of this folder; each test finds its queues empty."""

import gc
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from deploy.sandbox.servicebus.faults import BusFaults
from deploy.sandbox.servicebus.limits import Limits
from deploy.sandbox.servicebus.server import BusServer
from tests.contract.servicebus.rig import QUEUES, Bus, serving


@pytest.fixture(scope="module", autouse=True)
def _tidy() -> Iterator[None]:
    """Collect the client's garbage while the warnings of this module are still ignored."""
    yield
    gc.collect()


@pytest_asyncio.fixture(loop_scope="package", scope="package", name="shared")
async def _shared() -> AsyncIterator[Bus]:
    async with serving() as bus:
        yield bus


@pytest_asyncio.fixture(loop_scope="package")
async def bus(shared: Bus) -> AsyncIterator[Bus]:
    yield shared
    shared.server.broker.apply(BusFaults())
    shared.server.broker.limit(Limits())
    for queue in shared.server.namespace.queues.values():
        queue.purge()


@pytest_asyncio.fixture(loop_scope="package")
async def own() -> AsyncIterator[BusServer]:
    """A server that one test has to itself, to set its times."""
    server = BusServer(queues=QUEUES)
    await server.start()
    yield server
    await server.stop()
