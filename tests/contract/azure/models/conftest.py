"""An Azure stand-in that remembers every body."""

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from deploy.sandbox.azure.server import TOKEN, AzureServer
from tests.contract.azure.models.capture import Capture
from tests.contract.azure.rig import Cloud
from workers.arm.session.clients import Azure


@pytest.fixture
def capture() -> Capture:
    return Capture()


@pytest.fixture
async def arm(capture: Capture) -> AsyncIterator[AzureServer]:
    server = AzureServer(speed=0)
    server.app.middlewares.append(capture.middleware)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def azure(arm: AzureServer) -> AsyncIterator[Azure]:
    async with Azure(arm.url, None, SecretStr(TOKEN)) as clients:
        yield clients


@pytest.fixture
async def cloud(arm: AzureServer) -> AsyncIterator[Cloud]:
    async with Cloud(arm) as clients:
        yield clients
