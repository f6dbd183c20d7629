"""The doctor and the archive of the audit: whether it is reached, and whether it can be changed."""

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from deploy.sandbox.blob.server import KEY, BlobServer
from tests.doctoring import make
from workers.operator.looks.archive import archive_checks
from workers.runtime.credential import Credential


@pytest.fixture(params=[True, False], ids=["immutable", "changeable"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[BlobServer]:
    server = BlobServer(immutable=request.param)
    await server.start()
    yield server
    await server.stop()


async def told(url: str | None) -> list[str]:
    lines: list[str] = []
    await make(archive_checks(url, SecretStr(KEY), Credential.CLI), lines.append)
    return lines


async def test_a_container_that_can_be_changed_is_a_warning_with_what_to_do(server: BlobServer) -> None:
    (line,) = await told(server.container_url)
    if server.containers["audit"].immutable:
        assert line == "✓ archive of the audit: nobody can change what is in it"
    else:
        assert line.startswith("? archive of the audit: the container has no immutability policy")
        assert "az storage container immutability-policy create" in line


async def test_a_container_that_is_not_there_fails_and_without_an_archive_nothing_is_asked(
    server: BlobServer,
) -> None:
    (line,) = await told(server.container_url.replace("/audit", "/other"))
    assert line.startswith("✗ archive of the audit: ")
    assert "Storage Blob Data Contributor" in line
    assert await told(None) == []
