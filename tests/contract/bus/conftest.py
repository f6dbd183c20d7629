"""One server for all tests of this folder; every test takes a queue of its own."""

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
import structlog
from pydantic import SecretStr

from deploy.sandbox.servicebus.auth.keys import ROOT
from deploy.sandbox.servicebus.messages import Settings
from deploy.sandbox.servicebus.namespace import DEFAULT_QUEUES
from deploy.sandbox.servicebus.server import BusServer
from tests.contract.bus.refusing import LISTENS, SENDS
from tests.contract.bus.rig import COUNT, Bus
from workers.bus import receiver as receiver_module
from workers.bus.connection import connected


@pytest_asyncio.fixture(loop_scope="package", scope="package")
async def bus() -> AsyncIterator[Bus]:
    before = structlog.get_config()
    structlog.configure(processors=[structlog.processors.KeyValueRenderer()], logger_factory=_silent)
    queues = tuple(
        Settings(name=f"q{n}", max_delivery=3, dedup_ms=600_000 if n % 2 else 0) for n in range(COUNT)
    )
    server = BusServer(queues=(*DEFAULT_QUEUES, *queues), policies=(ROOT, LISTENS, SENDS))
    await server.start()
    async with connected(connection=SecretStr(server.connection), namespace=None) as client:
        bus = Bus(server, client)
        yield bus
        await asyncio.gather(bus.end(), bus.nudger.close())
    await server.stop()
    structlog.configure(**before)
    gc.collect()


def _silent(*_: Any) -> structlog.ReturnLogger:
    return structlog.ReturnLogger()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pauses that spare a broker in trouble would only hold the tests up."""
    monkeypatch.setattr(receiver_module, "_LONGEST_PAUSE_S", 0.01)
    monkeypatch.setattr(receiver_module, "_REOPEN_S", 0.05)
