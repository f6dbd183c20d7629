"""Events as messages on the queue: what Event Grid, an export or an alert puts there."""

import json
import uuid
from dataclasses import dataclass, field, replace
from typing import Any

from deploy.sandbox.azure.events import (
    Schema,
    Started,
    activity_log,
    cloud_event,
    common_alert,
    diagnostic,
    event_grid,
)

SUBSCRIPTION_NAME = "VM-START"
"""The event subscription, in upper case as Event Grid writes it in the message's properties."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One message for the queue.

    Attributes:
        message_id: the same for every delivery of the same event.
        body: JSON text.
        properties: application properties.
        event_id: of the event it carries.
    """

    message_id: str
    body: str
    event_id: str
    properties: dict[str, str] = field(default_factory=dict)

    def delivery(self, count: int) -> "Message":
        """The same message as it is delivered for the time after ``count`` attempts."""
        if "aeg-delivery-count" not in self.properties:
            return self
        return replace(self, properties=self.properties | {"aeg-delivery-count": str(count)})


def message_id(event_id: str) -> str:
    """The id of the message that delivers an event of Event Grid: the same for every delivery."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, event_id))


def messages(start: Started, schema: Schema = "eventgrid", *, array: bool = False) -> list[Message]:
    """The messages that report a start.

    Args:
        start: what happened.
        schema: the shape of the body. The Activity Log sends a message for each of its three records.
        array: put what would be one object into an array of one, as Event Grid's batching does.
    """
    if schema == "eventgrid":
        bodies: list[Any] = [event_grid(start)]
    elif schema == "cloudevents":
        bodies = [cloud_event(start)]
    elif schema == "activitylog":
        bodies = list(activity_log(start))
    elif schema == "diagnostic":
        bodies = [diagnostic(start)]
    elif schema == "alert":
        bodies = [common_alert(start)]
    else:
        bodies = []
    return [_message(start, schema, [body] if array else body, at) for at, body in enumerate(bodies)]


def _message(start: Started, schema: Schema, body: Any, at: int) -> Message:
    text = json.dumps(body, separators=(",", ":"))
    if schema not in ("eventgrid", "cloudevents"):
        return Message(message_id=str(uuid.uuid4()), body=text, event_id=f"{start.event_id}/{at}")
    return Message(
        message_id=message_id(start.event_id),
        body=text,
        event_id=start.event_id,
        properties={
            "aeg-subscription-name": SUBSCRIPTION_NAME,
            "aeg-delivery-count": "0",
            "aeg-event-type": "Notification",
            "aeg-metadata-version": "1",
            "aeg-data-version": "2" if schema == "eventgrid" else "",
            "aeg-output-event-id": start.event_id,
        },
    )
