"""What tests share: a clock that is moved by hand, use cases over memory, a real Valkey, the bus stand-in.

Nothing here applies by itself but how the log is written; a test asks for the rest.
"""

import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
import redis
import structlog

from deploy.sandbox.servicebus.server import BusServer
from tests.doubles import FakeClock
from tests.examples import pytest_collection_modifyitems  # noqa: F401 - pytest finds it here by its name
from tests.rig import Rig
from tests.valkey_server import Valkey


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--slack",
        choices=("socket", "http"),
        default="socket",
        help="how Slack reaches the bot in scenario tests: Socket Mode, or HTTP with signed requests",
    )


def pytest_configure() -> None:
    """Plain tracebacks: the coloured ones with every local variable take seconds on a busy machine."""
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.processors.add_log_level, plain])


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def rig() -> Rig:
    return Rig()


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[Valkey]:
    directory = Path(tempfile.mkdtemp(prefix="startgate-valkey-"))
    server = Valkey(directory)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def valkey(valkey_server: Valkey) -> Valkey:
    """An empty Valkey; its ``url`` is what a client needs."""
    with contextlib.suppress(redis.RedisError):
        valkey_server.flush()
        return valkey_server
    valkey_server.stop()
    valkey_server.start()
    return valkey_server


@pytest_asyncio.fixture
async def bus_server() -> AsyncIterator[BusServer]:
    """A Service Bus stand-in with the product's three queues, in this process."""
    server = BusServer()
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
