"""The Service Bus namespace and its queues, as Azure Resource Manager shows them.

Shapes: ``SBNamespace`` and ``SBQueue`` of the REST specification,
https://learn.microsoft.com/rest/api/servicebus/controlplane-stable/queues/list-by-namespace
"""

from typing import Any

from deploy.sandbox.azure.front.routing import GROUP, SUBSCRIPTION, Answer, Call, Route, listing
from deploy.sandbox.azure.model import Estate

HOST = "sb-sgate.servicebus.windows.net"
_NAMESPACES = "/providers/Microsoft.ServiceBus/namespaces"


class ServiceBusNamespaces:
    """``Microsoft.ServiceBus/namespaces``: one, in the first subscription.

    Attributes:
        queues: their properties, as the deployment makes them.
    """

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self.queues: dict[str, dict[str, Any]] = {}
        self.clear()

    def clear(self) -> None:
        """As it was deployed."""
        self.queues = {
            name: {
                "requiresDuplicateDetection": name == "starts",
                "requiresSession": False,
                "lockDuration": "PT30S",
                "maxDeliveryCount": 10,
                "deadLetteringOnMessageExpiration": True,
            }
            for name in ("starts", "work", "notices")
        }

    def routes(self) -> list[Route]:
        return [
            Route("GET", f"{SUBSCRIPTION}{_NAMESPACES}", self.list_namespaces),
            Route("GET", f"{GROUP}{_NAMESPACES}/{{namespace}}/queues", self.list_queues),
        ]

    def list_namespaces(self, call: Call) -> Answer:
        first = next(iter(self._estate.subscriptions))
        if call.subscription.lower() != first.lower():
            return listing(call, [])
        group = next(iter(self._estate.groups(first)))
        found = {
            "id": f"{group.id}{_NAMESPACES}/sb-sgate",
            "name": "sb-sgate",
            "type": "Microsoft.ServiceBus/namespaces",
            "location": group.location,
            "properties": {"provisioningState": "Succeeded", "serviceBusEndpoint": f"https://{HOST}:443/"},
        }
        return listing(call, [found])

    def list_queues(self, call: Call) -> Answer:
        return listing(
            call,
            [
                {
                    "id": f"{call.resource_id}/{name}",
                    "name": name,
                    "type": "Microsoft.ServiceBus/namespaces/queues",
                    "properties": properties,
                }
                for name, properties in self.queues.items()
            ],
        )
