"""What each request to ARM passes on its way, beside the SDK's own policies."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from azure.core.pipeline import PipelineRequest, PipelineResponse, policies

from workers.arm.session.endpoint import Endpoint
from workers.arm.session.errors import AWAY
from workers.domain.errors import StepFailed

READS_BY_POST = (
    "/backupstatus",
    "/effectivenetworksecuritygroups",
    "/effectiveroutetable",
    "/getactivesessions",
    "/listcallbackurl",
    "/providers/microsoft.resourcegraph/resources",
)
"""How the paths of those POSTs end that only read, in lower case."""


class OurEndpointOnly(policies.SansIOHTTPPolicy[Any, Any]):
    """Lets no request pass to another host: addresses come from answers and from the store."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def on_request(self, request: PipelineRequest[Any]) -> None:
        """Refuse an address that is not at our endpoint.

        Raises:
            StepFailed: it is not.
        """
        url = str(request.http_request.url)
        if not self._endpoint.owns(url):
            raise StepFailed(
                f"{url[:100]!r} is not at {self._endpoint.url}; it does not get our token",
                code="ForeignAddress",
                final=True,
            )


class Brake(policies.AsyncHTTPPolicy[Any, Any]):
    """Asks, right before anything is sent that would change something in Azure, whether it may be.

    Args:
        may_write: raises ``WritesPaused`` while all writes are paused.
    """

    def __init__(self, may_write: Callable[[], Awaitable[None]]) -> None:
        self._may_write = may_write

    async def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        """Send it, unless it is a write and may not be."""
        if writes(request.http_request.method, str(request.http_request.url)):
            await self._may_write()
        return await self.next.send(request)


def writes(method: str, url: str) -> bool:
    """Whether a request may change something. Some of ARM's reads are POSTs, which say what to look for."""
    if method.upper() in ("GET", "HEAD"):
        return False
    path = urlsplit(url).path.rstrip("/").lower()
    return not (method.upper() == "POST" and path.endswith(READS_BY_POST))


class Heard(policies.SansIOHTTPPolicy[Any, Any]):
    """Tells of each answer; a refusal is one, but not *try again later*."""

    def __init__(self, heard: Callable[[], None]) -> None:
        self._tell = heard

    def on_response(self, request: PipelineRequest[Any], response: PipelineResponse[Any, Any]) -> None:
        """Tell of it."""
        del request
        if response.http_response.status_code not in AWAY:
            self._tell()


def proxies_for(url: str) -> dict[str, str]:
    """The environment's proxies by scheme, unless it exempts this host from them."""
    return {} if proxy_bypass(urlsplit(url).hostname or "") else getproxies()
