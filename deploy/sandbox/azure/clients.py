"""The real SDK clients, pointed at the stand-in: for whoever wants to ask it as the product does.

Importing this takes seconds and some 300 MB: azure.mgmt.network alone is that big.
"""

import time
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self

from azure.core.credentials import AccessToken
from azure.core.pipeline import PipelineRequest
from azure.core.pipeline.policies import AsyncBearerTokenCredentialPolicy
from azure.mgmt.authorization.aio import AuthorizationManagementClient
from azure.mgmt.compute.aio import ComputeManagementClient
from azure.mgmt.monitor.aio import MonitorManagementClient
from azure.mgmt.network.aio import NetworkManagementClient
from azure.mgmt.recoveryservices.aio import RecoveryServicesClient
from azure.mgmt.recoveryservicesbackup.aio import RecoveryServicesBackupClient
from azure.mgmt.resource.locks.aio import ManagementLockClient
from azure.mgmt.resource.subscriptions.aio import SubscriptionClient
from azure.mgmt.resourcegraph.aio import ResourceGraphClient
from azure.mgmt.security.aio import SecurityCenter


class FixedToken:
    """A credential that always has the same bearer token."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        return AccessToken(self._token, int(time.time()) + 3600)

    async def close(self) -> None:
        pass

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        value: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        await self.close()


class OverPlainHttp(AsyncBearerTokenCredentialPolicy[Any, Any]):
    """Sends the bearer token without TLS, which azure-core refuses to; for loopback only."""

    async def on_request(self, request: PipelineRequest[Any]) -> None:
        request.context.options["enforce_https"] = False
        await super().on_request(request)


class Clients:
    """Every client the product uses; an async context manager that closes them all.

    Args:
        url: of the stand-in.
        token: the bearer token.
        subscription: the subscription they work in.
        polling_interval_s: between questions about an operation whose ``Retry-After`` is 0: azure-core takes
            that for no answer, and waits 30 s unless it is told otherwise.
    """

    def __init__(self, url: str, *, token: str, subscription: str, polling_interval_s: float = 0.01) -> None:
        credential = FixedToken(token)
        common: dict[str, Any] = {
            "credential": credential,
            "base_url": url,
            "credential_scopes": ["sandbox"],
            "authentication_policy": OverPlainHttp(credential, "sandbox"),
            "polling_interval": polling_interval_s,
            "retry_total": 0,
        }
        scoped = common | {"subscription_id": subscription}
        self.compute = ComputeManagementClient(**scoped)
        self.monitor = MonitorManagementClient(**scoped)
        self.network = NetworkManagementClient(**scoped)
        self.vaults = RecoveryServicesClient(**scoped)
        self.backup = RecoveryServicesBackupClient(**scoped)
        self.security = SecurityCenter(**scoped)
        self.locks = ManagementLockClient(**scoped)
        self.roles = AuthorizationManagementClient(**scoped)
        self.subscriptions = SubscriptionClient(**common)
        self.graph = ResourceGraphClient(**common)
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        scoped = (
            self.compute,
            self.monitor,
            self.network,
            self.vaults,
            self.backup,
            self.locks,
            self.security,
            self.roles,
        )
        for client in (*scoped, self.subscriptions, self.graph):
            await self._open.enter_async_context(client)
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._open.aclose()
