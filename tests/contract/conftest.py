"""Azure, and the product's clients of it, for everything that reads or changes it."""

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from deploy.sandbox.azure.server import TOKEN, AzureServer
from workers.arm.session.clients import Azure


@pytest.fixture
async def arm() -> AsyncIterator[AzureServer]:
    """Azure, where every operation ends as soon as it has been asked about."""
    server = AzureServer(speed=0)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def azure(arm: AzureServer) -> AsyncIterator[Azure]:
    async with Azure(arm.url, None, SecretStr(TOKEN)) as clients:
        yield clients
