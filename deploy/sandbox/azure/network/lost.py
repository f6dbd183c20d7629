"""What a PUT leaves out of a network interface, and whether Azure loses it for that.

"Creates or updates a network interface": the body is the whole resource. What can be written and is left out
is gone; what only Azure writes stays. Which is which is told by ``readOnly`` in the REST specification,
https://github.com/Azure/azure-rest-api-specs specification/network/…/networkInterface.json.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

KEPT = (
    "virtualMachine",
    "privateEndpoint",
    "tapConfigurations",
    "macAddress",
    "primary",
    "vnetEncryptionSupported",
    "defaultOutboundConnectivityEnabled",
    "hostedWorkloads",
    "dscpConfiguration",
    "resourceGuid",
)
"""Properties of an interface that only Azure writes."""

KEPT_DNS = ("appliedDnsServers", "internalFqdn", "internalDomainNameSuffix")
"""The same, of its ``dnsSettings``."""

_READ_ONLY = re.compile(
    r"(id|name|type|etag"
    rf"|properties\.({'|'.join(KEPT)}|provisioningState)(\b.*)?"
    rf"|properties\.dnsSettings\.({'|'.join(KEPT_DNS)})"
    r"|properties\.ipConfigurations\[[^]]*\]\.(id|type|etag|properties\.provisioningState"
    r"|properties\.privateLinkConnectionProperties))"
)
_DELIBERATE = "properties.networkSecurityGroup"
"""To write an interface without its group is how the group is taken off."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Loss:
    """One PUT that left something out.

    Attributes:
        resource_id: of the interface.
        lost: paths of what can be written and was not given: gone now.
        left_out: paths of what only Azure writes and was not given: still there.
        client_request_id: of the PUT.
    """

    resource_id: str
    lost: tuple[str, ...]
    left_out: tuple[str, ...]
    client_request_id: str = ""
    at: str = field(default_factory=lambda: datetime.now(UTC).isoformat())


def compare(before: dict[str, Any], given: dict[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The paths that a PUT's body lacks, against the resource as a GET answered it: lost, and left out."""
    missing = [path for path in _missing(before, given, "") if path != _DELIBERATE]
    kept = tuple(path for path in missing if _READ_ONLY.fullmatch(path))
    return tuple(path for path in missing if path not in kept), kept


def _missing(before: Any, given: Any, path: str) -> Iterator[str]:
    if isinstance(before, dict):
        for key, value in before.items():
            inner = f"{path}.{key}" if path else key
            if not isinstance(given, dict) or key not in given:
                if not _default(value):
                    yield inner
            else:
                yield from _missing(value, given[key], inner)
    elif isinstance(before, list):
        others = {_name(item): item for item in given} if isinstance(given, list) else {}
        for item in before:
            name = _name(item)
            if name not in others:
                yield f"{path}[{name}]"
            else:
                yield from _missing(item, others[name], f"{path}[{name}]")


def _default(value: Any) -> bool:
    """Whether leaving it out comes to the same."""
    return value in (None, False, "", "None", [], {})


def _name(item: Any) -> str:
    """By what an item of a list is recognised: its name, the end of its id, or itself."""
    if isinstance(item, dict):
        return str(item.get("name") or str(item.get("id") or "").rpartition("/")[2]).lower()
    return str(item)
