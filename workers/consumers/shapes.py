"""The shapes in which events come, taken apart into the same parts. What the parts mean is decided elsewhere.

Each is recognised by the keys that only it has. Sources:
https://learn.microsoft.com/azure/event-grid/event-schema-subscriptions,
https://learn.microsoft.com/azure/azure-monitor/platform/activity-log-schema
"""

import base64
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from workers.consumers.claims import as_object, writable
from workers.domain.errors import InvalidEvent
from workers.runtime.json_text import parsed


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
    trace: str = ""


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
    data = _object(_data(event), "data")
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
        ip=_client_ip(data.get("httpRequest")),
        authorization=data.get("authorization"),
        trace=text_of(event.get("traceparent")),
    )


def _data(event: dict[str, Any]) -> object:
    """The event's data; CloudEvents may carry it as the base64 of its bytes."""
    if "data" in event or "data_base64" not in event:
        return event.get("data")
    try:
        return parsed(base64.b64decode(str(event["data_base64"]), validate=True))
    except (ValueError, RecursionError):
        raise InvalidEvent("NotAnEvent", "`data_base64` is not the base64 of JSON") from None


def _activity_log(record: dict[str, Any], shape: str) -> Told:
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
        ip=_client_ip(record.get("httpRequest")),
        authorization=record.get("authorization"),
    )


def _diagnostic_record(data: dict[str, Any]) -> Told:
    records = data["records"]
    if not isinstance(records, list):
        raise InvalidEvent("NotAnEvent", "`records` is not a list")
    record = _object(records[0], "a record")
    return _log_analytics(record) if _FROM_LOG_ANALYTICS in record else _diagnostic(record)


def _diagnostic(record: dict[str, Any]) -> Told:
    identity = as_object(record.get("identity"))
    authorization = identity.get("authorization")
    return Told(
        shape="diagnostic",
        operation=text_of(record.get("operationName")),
        # Exports write ids in upper case; the authorization's scope keeps the real spelling.
        resource_id=_spelled(text_of(record.get("resourceId")), authorization),
        status=text_of(record.get("resultType")),
        time=text_of(record.get("time")),
        correlation_id=text_of(record.get("correlationId")),
        event_id=text_of(record.get("eventDataId")),
        claims=identity.get("claims"),
        caller="",
        ip=text_of(record.get("callerIpAddress")),
        authorization=authorization,
    )


def _log_analytics(record: dict[str, Any]) -> Told:
    """A row of the table AzureActivity: each column under its name, objects as such or as JSON text."""
    authorization = record.get("Authorization_d") or record.get("Authorization")
    resource = text_of(record.get("_ResourceId")) or text_of(record.get("ResourceId"))
    return Told(
        shape="loganalytics",
        operation=text_of(record.get(_FROM_LOG_ANALYTICS)),
        resource_id=_spelled(resource, authorization),
        status=text_of(record.get("ActivityStatusValue")),
        time=text_of(record.get("EventSubmissionTimestamp")) or text_of(record.get("TimeGenerated")),
        correlation_id=text_of(record.get("CorrelationId")),
        event_id=text_of(record.get("EventDataId")),
        claims=record.get("Claims_d") or record.get("Claims"),
        caller=text_of(record.get("Caller")),
        ip=text_of(record.get("CallerIpAddress")) or _client_ip(record.get("HTTPRequest")),
        authorization=authorization,
    )


def _spelled(resource_id: str, authorization: object) -> str:
    """The id, in the spelling that the authorization's scope has of it."""
    named = text_of(as_object(authorization).get("scope"))
    return named if named.lower() == resource_id.lower() else resource_id


def _client_ip(request: object) -> str:
    """Where the request came from."""
    return text_of(as_object(request).get("clientIpAddress"))


def _common_alert(data: dict[str, Any]) -> Told:
    context = _object(data.get("alertContext"), "data.alertContext")
    essentials = _object(data.get("essentials"), "data.essentials")
    told = _activity_log(context, "alert")
    targets = essentials.get("alertTargetIDs")
    target = text_of(targets[0]) if isinstance(targets, list) and targets else ""
    named = text_of(as_object(context.get("authorization")).get("scope"))
    # The target's spelling is lower-cased by Azure Monitor; the authorization's scope keeps the real one.
    resource = named if named.lower() == target.lower() else target or named
    return told._replace(resource_id=told.resource_id or resource)


def _older_alert(data: dict[str, Any]) -> Told:
    context = _object(data.get("context"), "data.context")
    return _activity_log(_object(context.get("activityLog"), "data.context.activityLog"), "alert")


_FROM_LOG_ANALYTICS = "OperationNameValue"
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
    (lambda d: _FROM_LOG_ANALYTICS in d, _log_analytics),
)
"""Recognised by the keys that only this shape has → how it is read. The first that fits is taken."""


def _object(value: object, name: str) -> dict[str, Any]:
    found = value if isinstance(value, dict) else as_object(value)
    if not found and value != {}:
        raise InvalidEvent("NotAnEvent", f"`{name}` is missing or not an object")
    return found


def _value(field: object) -> str:
    """Activity Log writes ``{"value": …, "localizedValue": …}``, alerts the bare value."""
    return text_of(field.get("value")) if isinstance(field, dict) else text_of(field)


def text_of(value: object) -> str:
    """The text, free of what can't be written in UTF-8; empty for anything that is no text."""
    return writable(value) if isinstance(value, str) else ""
