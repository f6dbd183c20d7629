"""Whether Event Grid tells of the starts of a subscription.

Sources: https://learn.microsoft.com/rest/api/eventgrid/controlplane/system-topics/list-by-subscription,
https://learn.microsoft.com/rest/api/eventgrid/controlplane/system-topic-event-subscriptions/list-by-system-topic
"""

from typing import Any

from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking
from workers.arm.session.pages import pages

EVENT_GRID_VERSION = "2025-02-15"
_TOPIC_TYPE = "microsoft.resources.subscriptions"
_DEPLOY = "add the subscription to guardedSubscriptions and deploy again"


class ArmEventSources:
    """``workers.domain.ports.EventSources`` over ARM.

    Args:
        azure: the clients.
        queue: where the starts must go.
    """

    def __init__(self, azure: Azure, queue: str) -> None:
        self._azure = azure
        self._queue = queue

    async def __call__(self, subscription_id: str) -> str:
        """Why no events come, with what to do; empty if they do."""
        path = f"/subscriptions/{subscription_id}/providers/Microsoft.EventGrid/systemTopics"
        topics = [one for one in await self._list(path) if _kind(one) == _TOPIC_TYPE]
        if not topics:
            return f"no Event Grid topic tells of it: {_DEPLOY}"
        seen = [one for topic in topics for one in await self._list(f"{topic['id']}/eventSubscriptions")]
        ours = [one for one in seen if _destination(one).lower().endswith(f"/queues/{self._queue}".lower())]
        if not ours:
            return f"no event subscription leads to the queue {self._queue}: {_DEPLOY}"
        states = {str(_properties(one).get("provisioningState") or "Succeeded") for one in ours}
        if "Succeeded" not in states:
            return f"its event subscription is {', '.join(sorted(states))}: {_DEPLOY}"
        return ""

    async def _list(self, path: str) -> list[dict[str, Any]]:
        async with asking("list the event subscriptions"):
            return [one async for page in pages(self._azure, path, EVENT_GRID_VERSION) for one in page]


def _properties(resource: dict[str, Any]) -> dict[str, Any]:
    found = resource.get("properties")
    return found if isinstance(found, dict) else {}


def _kind(topic: dict[str, Any]) -> str:
    return str(_properties(topic).get("topicType") or "").lower()


def _destination(subscription: dict[str, Any]) -> str:
    """The resource that gets the events, with Event Grid's identity or with a topic's."""
    properties = _properties(subscription)
    by_identity = properties.get("deliveryWithResourceIdentity") or {}
    destination = by_identity.get("destination") or properties.get("destination") or {}
    return str((destination.get("properties") or {}).get("resourceId") or "")
