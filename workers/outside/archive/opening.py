"""The archive that the settings name."""

from typing import TYPE_CHECKING

from azure.core.credentials import AzureNamedKeyCredential
from pydantic import SecretStr

from workers.runtime.credential import Opens

if TYPE_CHECKING:
    from workers.outside.archive.blobs import BlobArchive

_SANDBOX_ACCOUNT = "devstoreaccount1"
"""As Microsoft's own emulator calls its account.

Source: https://learn.microsoft.com/azure/storage/common/storage-use-azurite
"""


def archive_at(url: str, key: SecretStr | None, identity: Opens) -> "BlobArchive":
    """The container of this URL; with the identity, unless a key is given.

    Raises:
        ValueError: an environment variable that the identity needs is missing.
    """
    # Only who has an archive pays for importing its SDK.
    from workers.outside.archive.blobs import BlobArchive  # noqa: PLC0415 - see above

    if key is not None:
        return BlobArchive(url, AzureNamedKeyCredential(_SANDBOX_ACCOUNT, key.get_secret_value()))
    return BlobArchive(url, identity.open())
