"""The clients of Azure: one credential, one connection pool, one set of clients for each subscription.

Made lazily, closed together. Each is given its ``policies``, because no other argument turns off the first of
those that we leave out. What differs from the SDK's own, and why:

- No automatic registration of resource providers: it changes the subscription unasked, and asks every ten
  seconds until that is done.
- No retry policy. azure-core repeats any answer that carries ``Retry-After``, POSTs too, and sleeps the whole
  value before; here a wait is written into the containment and another worker may take it up.
- No redirects: ARM has none, and a redirect would take the token along. No request leaves for another host at
  all, so an answer that names a next page or an operation there does not get our token either.
- The environment names proxies, nothing else: with aiohttp's ``trust_env``, each request would look into the
  user's netrc in a thread, and fail where that has an entry for ARM.
- No trace logging of headers and bodies; the HTTP log keeps to ARM's list of harmless headers.
- No decoding of bodies on the way: whoever wants the JSON reads it, once.
"""

import asyncio
import importlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from types import MappingProxyType, ModuleType, TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

import aiohttp
from azure.core import AsyncPipelineClient
from azure.core.credentials import AzureKeyCredential
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.pipeline import policies
from azure.core.pipeline.transport import AioHttpTransport
from azure.core.rest import AsyncHttpResponse, HttpRequest
from azure.mgmt.core.policies import ARMHttpLoggingPolicy, AsyncARMChallengeAuthenticationPolicy
from pydantic import SecretStr

from workers.arm.session.api_versions import ApiVersions
from workers.arm.session.endpoint import Endpoint
from workers.arm.session.measured import Measured
from workers.arm.session.noted import NoteWrites
from workers.arm.session.pipeline import Brake, Heard, OurEndpointOnly, proxies_for
from workers.runtime.credential import Credential, Opens

if TYPE_CHECKING:
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

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 15.0
POOL_SIZE = 100
KEEP_ALIVE_S = 60.0

_USUAL: Mapping[str, str] = MappingProxyType({})
"""The SDK's own api-versions."""
_OF_THE_OLDER_GENERATOR = frozenset(
    {"AuthorizationManagementClient", "ManagementLockClient", "MonitorManagementClient", "SecurityCenter"}
)
"""Clients that read nothing but what a policy has decoded on the way."""

_T = TypeVar("_T")


class Azure:
    """Every client this process uses towards ARM.

    Args:
        endpoint: such as ``https://management.azure.com``; plain http on loopback only.
        credential_scope: what tokens are asked for; by default the endpoint's own ``/.default``.
        static_token: a fixed token instead of azure-identity, on loopback only.
        credential: who we are to azure-identity.
        heard: called at each answer of Azure, so that nobody has to guess whether it is well.
        api_versions: provider, or provider and type → the api-version that is sent instead of the SDK's.
        may_write: asked before each request that changes something; raises to keep it from being sent.

    Raises:
        ValueError: the endpoint or the token is not allowed there; the message says the remedy.
    """

    def __init__(
        self,
        endpoint: str,
        credential_scope: str | None = None,
        static_token: SecretStr | None = None,
        credential: Opens = Credential.MANAGED_IDENTITY,
        *,
        heard: Callable[[], None] = lambda: None,
        may_write: Callable[[], Awaitable[None]] | None = None,
        api_versions: Mapping[str, str] = _USUAL,
    ) -> None:
        self.endpoint = Endpoint.parse(endpoint)
        if static_token is not None and not self.endpoint.loopback:
            raise ValueError("a fixed token is for tests on this machine; leave it out to use azure-identity")
        if static_token is None and self.endpoint.url.startswith("http:"):
            raise ValueError("a real token must not go over plain http; give a fixed token, or use https")
        self._scope = credential_scope or self.endpoint.scope
        self._static_token = static_token
        self._kind = credential
        self._heard = heard
        self._may_write = may_write or _always
        self._api_versions = ApiVersions(api_versions)
        self._credential: AsyncTokenCredential | None = None
        self._session: aiohttp.ClientSession | None = None
        self._clients: dict[tuple[str, str], Any] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def open(self) -> None:
        """Import the SDK in a thread, so that the first start of a VM doesn't wait for it. Optional."""
        await asyncio.to_thread(_sdk)

    async def aclose(self) -> None:
        """Stop what runs in the background and close the connections; safe to call twice."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._clients.clear()
        if self._session is not None:
            await self._session.close()
            self._session = None
        if self._credential is not None:
            await self._credential.close()
            self._credential = None

    def compute(self, subscription_id: str) -> "ComputeManagementClient":
        """Virtual machines."""
        return cast("ComputeManagementClient", self._client("ComputeManagementClient", subscription_id))

    def network(self, subscription_id: str) -> "NetworkManagementClient":
        """NICs, security groups, subnets, public IPs."""
        return cast("NetworkManagementClient", self._client("NetworkManagementClient", subscription_id))

    def vaults(self, subscription_id: str) -> "RecoveryServicesClient":
        """Recovery Services vaults."""
        return cast("RecoveryServicesClient", self._client("RecoveryServicesClient", subscription_id))

    def backup(self, subscription_id: str) -> "RecoveryServicesBackupClient":
        """What is inside the vaults."""
        return cast(
            "RecoveryServicesBackupClient", self._client("RecoveryServicesBackupClient", subscription_id)
        )

    def authorization(self, subscription_id: str) -> "AuthorizationManagementClient":
        """What our identity may do where."""
        return cast(
            "AuthorizationManagementClient", self._client("AuthorizationManagementClient", subscription_id)
        )

    def locks(self, subscription_id: str) -> "ManagementLockClient":
        """Locks against deletion and against changes."""
        return cast("ManagementLockClient", self._client("ManagementLockClient", subscription_id))

    def monitor(self, subscription_id: str) -> "MonitorManagementClient":
        """Activity Log, its alert rules and action groups."""
        return cast("MonitorManagementClient", self._client("MonitorManagementClient", subscription_id))

    def security(self, subscription_id: str) -> "SecurityCenter":
        """Defender for Cloud: plans, alerts, recommendations, just-in-time access."""
        return cast("SecurityCenter", self._client("SecurityCenter", subscription_id))

    def resource_graph(self) -> "ResourceGraphClient":
        """One query over many subscriptions."""
        return cast("ResourceGraphClient", self._client("ResourceGraphClient"))

    def subscriptions(self) -> "SubscriptionClient":
        """The subscriptions this identity sees."""
        return cast("SubscriptionClient", self._client("SubscriptionClient"))

    async def send(
        self,
        method: str,
        url: str,
        *,
        api_version: str | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncHttpResponse:
        """Call what has no client: long-running operations by their address, and classic VMs.

        Args:
            method: the HTTP method.
            url: absolute at our endpoint, or a path of it.
            api_version: added to the query; addresses of operations bring theirs.
            body: sent as JSON.
            headers: beside those that every call has.

        Raises:
            HttpResponseError: any answer of 400 and above.
            StepFailed: the address is not at our endpoint.
        """
        absolute = f"{self.endpoint.url}{url}" if url.startswith("/") else url
        request = HttpRequest(
            method,
            absolute,
            params={"api-version": api_version} if api_version else {},
            json=body,
            headers=dict(headers or {}),
        )
        client: AsyncPipelineClient[HttpRequest, AsyncHttpResponse] = self._client("raw")
        response = await client.send_request(request)
        response.raise_for_status()
        return response

    def run(self, work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        """A task that outlives whoever waits for it; cancelled when this closes."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _client(self, kind: str, subscription_id: str | None = None) -> Any:
        key = (kind, (subscription_id or "").lower())
        if key not in self._clients:
            self._clients[key] = self._make(kind, subscription_id)
        return self._clients[key]

    def _make(self, kind: str, subscription_id: str | None) -> Any:
        plumbing: dict[str, Any] = {"policies": self._policies(), "transport": self._transport()}
        if kind == "raw":
            return AsyncPipelineClient(self.endpoint.url, **plumbing)
        if kind in _OF_THE_OLDER_GENERATOR:
            plumbing["policies"] = [*self._policies(), policies.ContentDecodePolicy()]
        make: Callable[..., Any] = getattr(_sdk(), kind)
        named = {} if subscription_id is None else {"subscription_id": subscription_id}
        return make(self._identity(), **named, base_url=self.endpoint.url, **plumbing)

    def _policies(self) -> list[object]:
        return [
            policies.RequestIdPolicy(),
            policies.HeadersPolicy(),
            policies.UserAgentPolicy("startgate"),
            self._api_versions,
            OurEndpointOnly(self.endpoint),
            Brake(self._may_write),
            self._authentication(),
            Heard(self._heard),
            NoteWrites(),
            Measured(),
            policies.CustomHookPolicy(),
            policies.ProxyPolicy(proxies=proxies_for(self.endpoint.url)),
            policies.DistributedTracingPolicy(),
            ARMHttpLoggingPolicy(),
        ]

    def _authentication(self) -> object:
        """Gives each request its token; azure-core lets none of azure-identity's pass over plain http."""
        credential = self._identity()
        if isinstance(credential, AzureKeyCredential):
            return policies.AzureKeyCredentialPolicy(credential, "Authorization", prefix="Bearer")
        return AsyncARMChallengeAuthenticationPolicy(credential, self._scope)

    def _identity(self) -> AzureKeyCredential | AsyncTokenCredential:
        if self._static_token is not None:
            return AzureKeyCredential(self._static_token.get_secret_value())
        if self._credential is None:
            self._credential = self._kind.open()
        return self._credential

    def _transport(self) -> AioHttpTransport:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=POOL_SIZE, keepalive_timeout=KEEP_ALIVE_S),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
        return AioHttpTransport(
            session=self._session,
            session_owner=False,
            connection_timeout=CONNECT_TIMEOUT_S,
            read_timeout=READ_TIMEOUT_S,
        )


async def _always() -> None:
    """Nobody has paused anything."""


def _sdk() -> ModuleType:
    return importlib.import_module("workers.arm.session.sdk")
