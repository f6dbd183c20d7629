"""The properties of the queues, which only Azure Resource Manager tells without a key.

Source: https://learn.microsoft.com/rest/api/servicebus/controlplane-stable/queues/list-by-namespace
"""

from collections.abc import Iterable
from typing import Any

from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking
from workers.arm.session.pages import pages

SERVICE_BUS_VERSION = "2024-01-01"


async def queues_of(azure: Azure, host: str, subscriptions: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Name of a queue → its properties; empty if none of the subscriptions shows that namespace.

    Args:
        azure: asked.
        host: of the namespace, such as ``sb-sgate.servicebus.windows.net``.
        subscriptions: ids of those in which it may lie.

    Raises:
        DependencyAway: Azure does not answer.
        StepFailed: we may not read it.
    """
    for subscription_id in subscriptions:
        path = f"/subscriptions/{subscription_id}/providers/Microsoft.ServiceBus/namespaces"
        for namespace in await _list(azure, path):
            endpoint = str((namespace.get("properties") or {}).get("serviceBusEndpoint") or "")
            if f"//{host.lower()}:" in endpoint.lower():
                found = await _list(azure, f"{namespace['id']}/queues")
                return {str(one["name"]): one.get("properties") or {} for one in found}
    return {}


async def _list(azure: Azure, path: str) -> list[dict[str, Any]]:
    async with asking("list the queues"):
        return [one async for page in pages(azure, path, SERVICE_BUS_VERSION) for one in page]
