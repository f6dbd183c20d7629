"""System topics of subscriptions, and the event subscriptions on them, to be read.

Each subscription has one that leads to the queue ``starts``, as the deployment makes it.
Shapes: ``SystemTopic`` and ``EventSubscription`` of the REST specification,
https://learn.microsoft.com/rest/api/eventgrid/controlplane/system-topics/list-by-subscription and
https://learn.microsoft.com/rest/api/eventgrid/controlplane/system-topic-event-subscriptions/list-by-system-topic
"""

from typing import Any

from deploy.sandbox.azure.front.routing import GROUP, SUBSCRIPTION, Answer, Call, Route, listing
from deploy.sandbox.azure.model import Estate

_TOPICS = "/providers/Microsoft.EventGrid/systemTopics"
_QUEUE = (
    "/subscriptions/{}/resourceGroups/rg/providers/Microsoft.ServiceBus/namespaces/sb-sgate/queues/starts"
)


class EventTopics:
    """``Microsoft.EventGrid/systemTopics``.

    Attributes:
        silent: subscriptions without a topic, by their ids in lower case.
        elsewhere: subscriptions whose events go to another queue.
        states: provisioning states that are not ``Succeeded``.
    """

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self.silent: set[str] = set()
        self.elsewhere: set[str] = set()
        self.states: dict[str, str] = {}

    def clear(self) -> None:
        """As it was deployed."""
        self.silent.clear()
        self.elsewhere.clear()
        self.states.clear()

    def routes(self) -> list[Route]:
        return [
            Route("GET", f"{SUBSCRIPTION}{_TOPICS}", self.list_topics),
            Route("GET", f"{GROUP}{_TOPICS}/{{topic}}/eventSubscriptions", self.list_subscriptions),
        ]

    def list_topics(self, call: Call) -> Answer:
        subscription = call.subscription.lower()
        return listing(call, [] if subscription in self.silent else [self._topic(subscription)])

    def _topic(self, subscription: str) -> dict[str, Any]:
        group = next(iter(self._estate.groups(subscription)))
        return {
            "id": f"{group.id}{_TOPICS}/egst-sgate",
            "name": "egst-sgate",
            "type": "Microsoft.EventGrid/systemTopics",
            "location": "global",
            "properties": {
                "provisioningState": "Succeeded",
                "source": f"/subscriptions/{subscription}",
                "topicType": "Microsoft.Resources.Subscriptions",
            },
        }

    def list_subscriptions(self, call: Call) -> Answer:
        subscription = call.subscription.lower()
        queue = _QUEUE.format(subscription)
        if subscription in self.elsewhere:
            queue = queue.replace("/starts", "/others")
        return listing(
            call,
            [
                {
                    "id": f"{call.parent_id}/eventSubscriptions/startgate-starts",
                    "name": "startgate-starts",
                    "type": "Microsoft.EventGrid/systemTopics/eventSubscriptions",
                    "properties": {
                        "provisioningState": self.states.get(subscription, "Succeeded"),
                        "eventDeliverySchema": "CloudEventSchemaV1_0",
                        "deliveryWithResourceIdentity": {
                            "identity": {"type": "UserAssigned"},
                            "destination": {
                                "endpointType": "ServiceBusQueue",
                                "properties": {"resourceId": queue},
                            },
                        },
                    },
                }
            ],
        )
