"""The shapes in which events come, taken apart into the same parts. What the parts mean is decided elsewhere.

Each is recognised by the keys that only it has. Sources:
https://learn.microsoft.com/azure/event-grid/event-schema-subscriptions,
https://learn.microsoft.com/azure/azure-monitor/platform/activity-log-schema
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from workers.consumers.claims import writable
from workers.domain.errors import InvalidEvent


class Told(NamedTuple):
    """The parts of an event that every shape has under some name. Texts as they came."""

    shape: str
    operation: str
    resource_id: str
    status: str
    time: str
    correlation_id: str
    event_id: str
    claims: object
    caller: str
    ip: str
    authorization: object


def parts(data: object) -> Iterator[object]:
    """The events in a message's JSON, each as it could have come in a message of its own.

    A message is an object or an array of them, and an export holds many records in one object.
    """
    for item in data if isinstance(data, list) else [data]:
        records = item.get("records") if isinstance(item, dict) else None
        if isinstance(records, list):
            yield from ({"records": [record]} for record in records)
        else:
            yield item


def told(part: object) -> Told:
    """One of those parts, taken apart.

    Raises:
        InvalidEvent: no shape is recognised, or a part that every event of that shape has is missing.
    """
    if not isinstance(part, dict):
        raise InvalidEvent("NotAnEvent", f"expected an event object, found {type(part).__name__}")
    return _shape(part)(part)


def _shape(event: "_Data") -> Callable[["_Data"], Told]:
    for recognises, read in _SHAPES:
        if recognises(event):
            return read
    raise InvalidEvent(
        "UnknownShape",
        "neither Event Grid, CloudEvents, Activity Log, diagnostic records nor an alert; keys: "
        + ", ".join(sorted(map(text_of, event))[:12]),
    )


def _event_grid(event: dict[str, Any], shape: str, kind: object, time: object) -> Told:
    data = _object(event.get("data"), "data")
    request = data.get("httpRequest")
    status = data.get("status")
    if not status:
        status = text_of(kind).rpartition("ResourceAction")[2]
    return Told(
        shape=shape,
        operation=text_of(data.get("operationName")),
        resource_id=text_of(data.get("resourceUri")) or text_of(event.get("subject")),
        status=text_of(status),
        time=text_of(time),
        correlation_id=text_of(data.get("correlationId")),
        event_id=text_of(event.get("id")),
        claims=data.get("claims"),
        caller="",
        ip=text_of(request.get("clientIpAddress")) if isinstance(request, dict) else "",
        authorization=data.get("authorization"),
    )


def _activity_log(record: dict[str, Any], shape: str) -> Told:
    request = record.get("httpRequest")
    if isinstance(request, str):
        request = _json_or_none(request)
    return Told(
        shape=shape,
        operation=_value(record.get("operationName")),
        resource_id=text_of(record.get("resourceId")),
        status=_value(record.get("status")),
        time=text_of(record.get("eventTimestamp")),
        correlation_id=text_of(record.get("correlationId")),
        event_id=text_of(record.get("eventDataId")),
        claims=record.get("claims"),
        caller=text_of(record.get("caller")),
        ip=text_of(request.get("clientIpAddress")) if isinstance(request, dict) else "",
        authorization=record.get("authorization"),
    )


def _diagnostic_record(data: dict[str, Any]) -> Told:
    records = data["records"]
    if not isinstance(records, list):
        raise InvalidEvent("NotAnEvent", "`records` is not a list")
    return _diagnostic(_object(records[0], "a record"))


def _diagnostic(record: dict[str, Any]) -> Told:
    identity = record.get("identity")
    identity = identity if isinstance(identity, dict) else {}
    resource, scope = text_of(record.get("resourceId")), identity.get("authorization")
    named = text_of(scope.get("scope")) if isinstance(scope, dict) else ""
    return Told(
        shape="diagnostic",
        operation=text_of(record.get("operationName")),
        # Exports write ids in upper case; the authorization's scope keeps the real spelling.
        resource_id=named if named.lower() == resource.lower() else resource,
        status=text_of(record.get("resultType")),
        time=text_of(record.get("time")),
        correlation_id=text_of(record.get("correlationId")),
        event_id=text_of(record.get("eventDataId")),
        claims=identity.get("claims"),
        caller="",
        ip=text_of(record.get("callerIpAddress")),
        authorization=identity.get("authorization"),
    )


def _common_alert(data: dict[str, Any]) -> Told:
    context = _object(data.get("alertContext"), "data.alertContext")
    essentials = _object(data.get("essentials"), "data.essentials")
    told = _activity_log(context, "alert")
    targets = essentials.get("alertTargetIDs")
    target = text_of(targets[0]) if isinstance(targets, list) and targets else ""
    scope = context.get("authorization")
    named = text_of(scope.get("scope")) if isinstance(scope, dict) else ""
    # The target's spelling is lower-cased by Azure Monitor; the authorization's scope keeps the real one.
    resource = named if named.lower() == target.lower() else target or named
    return told._replace(resource_id=told.resource_id or resource)


def _older_alert(data: dict[str, Any]) -> Told:
    context = _object(data.get("context"), "data.context")
    return _activity_log(_object(context.get("activityLog"), "data.context.activityLog"), "alert")


_Data = dict[str, Any]
_SHAPES: tuple[tuple[Callable[[_Data], bool], Callable[[_Data], Told]], ...] = (
    (lambda d: "records" in d, _diagnostic_record),
    (
        lambda d: d.get("schemaId") == "azureMonitorCommonAlertSchema",
        lambda d: _common_alert(_object(d.get("data"), "data")),
    ),
    (
        lambda d: str(d.get("schemaId", "")).startswith("Microsoft.Insights/activityLogs"),
        lambda d: _older_alert(_object(d.get("data"), "data")),
    ),
    (lambda d: "specversion" in d, lambda d: _event_grid(d, "cloudevents", d.get("type"), d.get("time"))),
    (
        lambda d: "eventType" in d,
        lambda d: _event_grid(d, "eventgrid", d.get("eventType"), d.get("eventTime")),
    ),
    (
        lambda d: "operationName" in d and ("eventTimestamp" in d or "eventDataId" in d),
        lambda d: _activity_log(d, "activitylog"),
    ),
    (lambda d: "operationName" in d and "resultType" in d, _diagnostic),
)
"""Recognised by the keys that only this shape has → how it is read. The first that fits is taken."""


def _object(value: object, name: str) -> dict[str, Any]:
    if isinstance(value, str):
        value = _json_or_none(value)
    if not isinstance(value, dict):
        raise InvalidEvent("NotAnEvent", f"`{name}` is missing or not an object")
    return value


def _json_or_none(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _value(field: object) -> str:
    """Activity Log writes ``{"value": …, "localizedValue": …}``, alerts the bare value."""
    return text_of(field.get("value")) if isinstance(field, dict) else text_of(field)


def text_of(value: object) -> str:
    """The text, free of what can't be written in UTF-8; empty for anything that is no text."""
    return writable(value) if isinstance(value, str) else ""
