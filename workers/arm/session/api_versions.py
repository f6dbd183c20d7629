"""Which api-version each kind of resource is asked by, and what takes another one where a cloud lags behind.

By default it is what the SDK's clients of today send, which a test compares. The sovereign clouds serve new
versions later: ``NoRegisteredProviderFound`` names those that they have.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from azure.core.pipeline import PipelineRequest, policies

USED: Mapping[str, str] = {
    "Microsoft.Authorization/locks": "2020-05-01",
    "Microsoft.Authorization/permissions": "2022-04-01",
    "Microsoft.Authorization/roleAssignments": "2022-04-01",
    "Microsoft.Compute/availabilitySets": "2026-04-01",
    "Microsoft.Compute/disks": "2026-03-02",
    "Microsoft.Compute/snapshots": "2026-03-02",
    "Microsoft.Compute/virtualMachines": "2026-04-01",
    "Microsoft.EventGrid/systemTopics": "2025-02-15",
    "Microsoft.Insights/eventtypes": "2015-04-01",
    "Microsoft.Network/bastionHosts": "2026-03-01",
    "Microsoft.Network/loadBalancers": "2026-03-01",
    "Microsoft.Network/networkInterfaces": "2026-03-01",
    "Microsoft.Network/networkSecurityGroups": "2026-03-01",
    "Microsoft.Network/publicIPAddresses": "2026-03-01",
    "Microsoft.Network/routeTables": "2026-03-01",
    "Microsoft.Network/virtualNetworks": "2026-03-01",
    "Microsoft.RecoveryServices/vaults": "2026-11-01",
    "Microsoft.ResourceGraph/resources": "2021-03-01",
    "Microsoft.Security/pricings": "2024-01-01",
}
"""Kind of resource → the version that is sent for it, as far as providers list their kinds."""


def kind_of(url: str) -> str:
    """The provider and the first type in an address, such as ``Microsoft.Compute/virtualMachines``."""
    _, provider, rest = urlsplit(url).path.rpartition("/providers/")
    parts = rest.strip("/").split("/")
    return "/".join(parts[:2]) if provider and len(parts) > 1 else ""


class ApiVersions(policies.SansIOHTTPPolicy[Any, Any]):
    """Sends another api-version than the SDK's, where a setting says so.

    Args:
        wanted: provider, or provider and type, in any case → version. The longer name goes before.
    """

    def __init__(self, wanted: Mapping[str, str]) -> None:
        self._wanted = {name.lower(): version for name, version in wanted.items()}

    def of(self, kind: str, usual: str) -> str:
        """What is sent for this kind of resource."""
        lower = kind.lower()
        return self._wanted.get(lower) or self._wanted.get(lower.partition("/")[0]) or usual

    def on_request(self, request: PipelineRequest[Any]) -> None:
        """Change the address, if its kind has a version of its own."""
        url = str(request.http_request.url)
        if not self._wanted or not (kind := kind_of(url)):
            return
        parts = urlsplit(url)
        query = parse_qsl(parts.query, keep_blank_values=True)
        changed = [(name, self.of(kind, value) if name == "api-version" else value) for name, value in query]
        if changed != query:
            request.http_request.url = urlunsplit(parts._replace(query=urlencode(changed)))
