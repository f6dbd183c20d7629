"""PagerDuty's Events API v2.

Sources: https://developer.pagerduty.com/docs/events-api-v2/overview/ and
https://developer.pagerduty.com/docs/events-api-v2/trigger-events/: the key of an integration in the body,
``dedup_key`` of at most 255 characters ties a trigger, its acknowledgement and its end together, ``summary``
has at most 1024; 202 says that it was queued, 400 that it never will be, 429 and the 500s to try again.
"""

import json
from typing import Any

from pydantic import SecretStr

from workers.domain.asking.notices.pages import Action, Page
from workers.domain.policy.paging import PageOn
from workers.outside.paging.posting import post

SEVERITIES = {PageOn.CONTAINED: "warning", PageOn.UNANSWERED: "warning", PageOn.HIGH_RISK: "error"}
"""Of the others, critical."""
_LONGEST_SUMMARY = 1024


class PagerDuty:
    """A service of PagerDuty, by the key of its integration.

    Args:
        url: https://events.pagerduty.com, or https://events.eu.pagerduty.com for accounts in the EU.
        routing_key: of an integration *Events API V2*, 32 characters.
    """

    name = "pagerduty"

    def __init__(self, url: str, routing_key: SecretStr) -> None:
        self._url = f"{url}/v2/enqueue"
        self._routing_key = routing_key

    async def send(self, page: Page) -> None:
        """Send it; see ``PageTarget``."""
        body = event_of(page) | {"routing_key": self._routing_key.get_secret_value()}
        await post(self.name, self._url, json.dumps(body).encode(), {"Content-Type": "application/json"})


def event_of(page: Page) -> dict[str, Any]:
    """The event, without the key."""
    event: dict[str, Any] = {"event_action": page.action.value, "dedup_key": page.key}
    if page.action is not Action.TRIGGER:
        return event  # PagerDuty reads nothing else of these
    return event | {
        "client": "Startgate",
        "payload": {
            "summary": page.summary[:_LONGEST_SUMMARY],
            "source": page.vm or "startgate",
            "severity": SEVERITIES.get(page.on, "critical"),
            "timestamp": page.at.isoformat(),
            "component": "startgate",
            "class": page.on.value,
            "custom_details": {"about": page.about, "page": page.id},
        },
    }
