"""A container of Azure Blob Storage. Whether what is in it can be changed is the container's policy.

A time-based retention policy lets new blobs be made, and refuses to overwrite or delete what is there with
409 ``BlobImmutableDueToPolicy``. Each blob is made by one request with ``If-None-Match: *``, so that of two
writers one succeeds, policy or not.
Sources: https://learn.microsoft.com/azure/storage/blobs/immutable-container-level-worm-policies,
https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes
"""

import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Self

from azure.core.credentials import AzureNamedKeyCredential
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.storage.blob import ContentSettings
from azure.storage.blob.aio import ContainerClient

from workers.domain.errors import DependencyAway, NotFound
from workers.domain.ports.audit.archive import Kept
from workers.runtime.secrets import redacted

SERVICE = "blob storage"


class BlobArchive:
    """``workers.domain.ports.Archive`` over one container. An async context manager.

    Args:
        url: of the container, ``https://ACCOUNT.blob.core.windows.net/CONTAINER``.
        credential: of the identity, with *Storage Blob Data Contributor* on the container; a key on loopback.
    """

    def __init__(self, url: str, credential: AsyncTokenCredential | AzureNamedKeyCredential) -> None:
        self._credential = credential
        self._container = ContainerClient.from_container_url(
            url, credential=credential, retry_total=2, connection_timeout=5, read_timeout=30
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._container.close()
        if not isinstance(self._credential, AzureNamedKeyCredential):
            await self._credential.close()

    async def put(self, name: str, content: bytes, facts: Mapping[str, str]) -> Kept | None:
        """Write it if nothing has this name."""
        with _away():
            try:
                await self._container.upload_blob(
                    name,
                    content,
                    overwrite=False,
                    metadata=dict(facts),
                    content_settings=ContentSettings(content_type="application/json"),
                )
            except (ResourceExistsError, ResourceModifiedError):
                properties = await self._container.get_blob_client(name).get_blob_properties()
                return Kept(name, properties.metadata)
        return None

    async def last(self, prefix: str) -> Kept | None:
        """The last one by name that begins so. The service lists names in order."""
        found: Kept | None = None
        with _away():
            async for blob in self._container.list_blobs(name_starts_with=prefix, include=["metadata"]):
                found = Kept(str(blob.name), blob.metadata or {})
        return found

    async def names(self, prefix: str) -> AsyncIterator[str]:
        """All names that begin so, in order."""
        with _away():
            async for blob in self._container.list_blobs(name_starts_with=prefix):
                yield str(blob.name)

    async def read(self, name: str) -> bytes:
        """What is in it."""
        with _away():
            try:
                stream = await self._container.download_blob(name)
                return await stream.readall()
            except ResourceNotFoundError:
                raise NotFound(f"The archive has no blob {name}.") from None

    async def immutable(self) -> bool:
        """Whether the container has a policy, or keeps versions under one."""
        with _away():
            found = await self._container.get_container_properties()
        return bool(found.has_immutability_policy or found.immutable_storage_with_versioning_enabled)


@contextlib.contextmanager
def _away() -> Iterator[None]:
    try:
        yield
    except HttpResponseError as error:
        code = getattr(error, "error_code", None) or error.status_code or ""
        said = redacted(str(error.message)).splitlines()[0][:300]
        raise DependencyAway(SERVICE, f"{code}: {said}") from error
    except AzureError as error:
        raise DependencyAway(SERVICE, redacted(f"{type(error).__name__}: {error}")[:300]) from error
