"""Which identity a process shows to Azure: the one that the settings name, and no other.

azure-identity's default credential tries one source after another: secrets in the environment, what developer
tools are signed in to on this computer, a broker. In production that hides a wrong deployment, and may act as
somebody else than intended.
Source: https://learn.microsoft.com/azure/developer/python/sdk/authentication/best-practices
"""

import os
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

from workers.runtime.cloud import Cloud

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential


class Credential(StrEnum):
    """Values of ``STARTGATE_CREDENTIAL``."""

    MANAGED_IDENTITY = "managed-identity"
    WORKLOAD_IDENTITY = "workload-identity"
    CLI = "cli"

    @property
    def missing(self) -> tuple[str, ...]:
        """Environment variables that it needs and that are not set."""
        needed = _WORKLOAD if self is Credential.WORKLOAD_IDENTITY else ()
        return tuple(name for name in needed if not os.environ.get(name))

    def open(self, cloud: Cloud = Cloud.PUBLIC) -> "AsyncTokenCredential":
        """A new credential; whoever asks closes it.

        Args:
            cloud: whose authority gives the tokens. A managed identity is told by Azure where it runs, and
                the Azure CLI by ``az cloud set``.

        Raises:
            ValueError: an environment variable is missing.
        """
        # Only who needs a token pays for importing azure-identity (0.2 s).
        from azure.identity.aio import (  # noqa: PLC0415 - see above
            AzureCliCredential,
            ManagedIdentityCredential,
            WorkloadIdentityCredential,
        )

        match self:
            case Credential.MANAGED_IDENTITY:
                return ManagedIdentityCredential(client_id=os.environ.get("AZURE_CLIENT_ID") or None)
            case Credential.WORKLOAD_IDENTITY:
                return WorkloadIdentityCredential(authority=cloud.places.authority)
            case Credential.CLI:
                return AzureCliCredential()


_WORKLOAD = ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE")
"""Set by the webhook of Microsoft Entra Workload ID.

Source: https://learn.microsoft.com/azure/aks/workload-identity-overview
"""


class Opens(Protocol):
    """Whoever can open a credential: a kind of it, or an identity in its cloud."""

    def open(self) -> "AsyncTokenCredential":
        """A new credential; whoever asks closes it."""
        ...


class Identity(NamedTuple):
    """Who this process is, and in which cloud."""

    kind: Credential
    cloud: Cloud = Cloud.PUBLIC

    def open(self) -> "AsyncTokenCredential":
        """A new credential; whoever asks closes it.

        Raises:
            ValueError: an environment variable is missing.
        """
        return self.kind.open(self.cloud)


class SignIn(NamedTuple):
    """How to get tokens for one service."""

    identity: Opens
    scope: str
