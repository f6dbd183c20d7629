"""An Azure stand-in of its own for each test."""

from collections.abc import AsyncIterator

import pytest

from deploy.sandbox.azure.server import AzureServer
from tests.contract.azure.rig import Cloud


@pytest.fixture
async def cloud() -> AsyncIterator[Cloud]:
    server = AzureServer(speed=0)
    await server.start()
    async with Cloud(server) as cloud:
        yield cloud
    await server.stop()
