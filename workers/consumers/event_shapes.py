"""Every shape in which a VM's start is told, and the one ``StartEvent`` they all become.

Accepted: the Event Grid schema and CloudEvents 1.0, an object or an array; Activity Log records; diagnostic
exports (``records``); the common alert schema and its older webhook. Azure spells ids and operations in any
case, and claims as an object or as a JSON string.
Sources: https://learn.microsoft.com/azure/event-grid/event-schema-subscriptions,
https://learn.microsoft.com/azure/azure-monitor/platform/activity-log-schema
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from workers.consumers.claims import caller_from, writable
from workers.domain.errors import InvalidEvent
from workers.domain.events import START_OPERATIONS, Access, Phase, StartEvent
from workers.domain.vm import VmRef

_MOST_EVENTS = 500
_MOST_BYTES = 1024 * 1024

PHASES = {
    "started": Phase.STARTED,
    "start": Phase.STARTED,
    "accepted": Phase.STARTED,
    "accept": Phase.STARTED,
    "succeeded": Phase.SUCCEEDED,
    "success": Phase.SUCCEEDED,
    "failed": Phase.FAILED,
    "failure": Phase.FAILED,
    "cancel": Phase.FAILED,
    "canceled": Phase.FAILED,
    "cancelled": Phase.FAILED,
}
"""Azure's words for how far an operation is, in lower case."""

_FRACTION = re.compile(r"\.(\d{1,9})(?=[Z+-]|$)")


class _Told(NamedTuple):
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


class NotAStart(InvalidEvent):
    """A well-formed event of some other operation."""

    def __init__(self, operation: str) -> None:
        super().__init__(
            "NotAStart",
            f"operation {operation[:200]!r} is not the start of a VM; check the filter of the subscription",
        )


def parse_start_events(body: bytes) -> list[StartEvent]:
    """The starts that a message tells of; at least one.

    Raises:
        InvalidEvent: with a reason for the dead-letter queue that a person understands. One bad event spoils
            its message: half-understood messages must not pass. Events of other operations are passed over
            where a start is among them.
    """
    events: list[StartEvent] = []
    others: list[InvalidEvent] = []
    for told in _told(_read(body)):
        try:
            events.append(_start_event(told))
        except NotAStart as other:
            # A diagnostic export can't be filtered by operation: starts travel among other records.
            others.append(other)
    if not events:
        raise others[0] if others else InvalidEvent("NoEvent", "the message holds no event")
    if len(events) > _MOST_EVENTS:
        raise InvalidEvent("TooManyEvents", f"{len(events)} events in one message; at most {_MOST_EVENTS}")
    return events


def _read(body: bytes) -> object:
    if len(body) > _MOST_BYTES:
        raise InvalidEvent("TooLarge", f"{len(body)} bytes; at most {_MOST_BYTES}")
    try:
        data: object = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidEvent("NotJson", f"the body is not JSON: {str(error)[:200]}") from None
    return data


def _told(data: object) -> Iterator[_Told]:
    for item in data if isinstance(data, list) else [data]:
        if not isinstance(item, dict):
            raise InvalidEvent("NotAnEvent", f"expected an event object, found {type(item).__name__}")
        yield from _shape(item)(item)


def _shape(event: "_Data") -> Callable[["_Data"], Iterable[_Told]]:
    for recognises, read in _SHAPES:
        if recognises(event):
            return read
    raise InvalidEvent(
        "UnknownShape",
        "neither Event Grid, CloudEvents, Activity Log, diagnostic records nor an alert; keys: "
        + ", ".join(sorted(map(_text, event))[:12]),
    )


def _event_grid(event: dict[str, Any], shape: str, kind: object, time: object) -> _Told:
    data = _object(event.get("data"), "data")
    request = data.get("httpRequest")
    status = data.get("status")
    if not status:
        status = _text(kind).rpartition("ResourceAction")[2]
    return _Told(
        shape=shape,
        operation=_text(data.get("operationName")),
        resource_id=_text(data.get("resourceUri")) or _text(event.get("subject")),
        status=_text(status),
        time=_text(time),
        correlation_id=_text(data.get("correlationId")),
        event_id=_text(event.get("id")),
        claims=data.get("claims"),
        caller="",
        ip=_text(request.get("clientIpAddress")) if isinstance(request, dict) else "",
        authorization=data.get("authorization"),
    )


def _activity_log(record: dict[str, Any], shape: str) -> _Told:
    request = record.get("httpRequest")
    if isinstance(request, str):
        request = _json_or_none(request)
    return _Told(
        shape=shape,
        operation=_value(record.get("operationName")),
        resource_id=_text(record.get("resourceId")),
        status=_value(record.get("status")),
        time=_text(record.get("eventTimestamp")),
        correlation_id=_text(record.get("correlationId")),
        event_id=_text(record.get("eventDataId")),
        claims=record.get("claims"),
        caller=_text(record.get("caller")),
        ip=_text(request.get("clientIpAddress")) if isinstance(request, dict) else "",
        authorization=record.get("authorization"),
    )


def _diagnostic_records(data: dict[str, Any]) -> Iterator[_Told]:
    records = data["records"]
    if not isinstance(records, list):
        raise InvalidEvent("NotAnEvent", "`records` is not a list")
    for record in records:
        yield _diagnostic(_object(record, "a record"))


def _diagnostic(record: dict[str, Any]) -> _Told:
    identity = record.get("identity")
    identity = identity if isinstance(identity, dict) else {}
    resource, scope = _text(record.get("resourceId")), identity.get("authorization")
    named = _text(scope.get("scope")) if isinstance(scope, dict) else ""
    return _Told(
        shape="diagnostic",
        operation=_text(record.get("operationName")),
        # Exports write ids in upper case; the authorization's scope keeps the real spelling.
        resource_id=named if named.lower() == resource.lower() else resource,
        status=_text(record.get("resultType")),
        time=_text(record.get("time")),
        correlation_id=_text(record.get("correlationId")),
        event_id=_text(record.get("eventDataId")),
        claims=identity.get("claims"),
        caller="",
        ip=_text(record.get("callerIpAddress")),
        authorization=identity.get("authorization"),
    )


def _common_alert(data: dict[str, Any]) -> _Told:
    context = _object(data.get("alertContext"), "data.alertContext")
    essentials = _object(data.get("essentials"), "data.essentials")
    told = _activity_log(context, "alert")
    targets = essentials.get("alertTargetIDs")
    target = _text(targets[0]) if isinstance(targets, list) and targets else ""
    scope = context.get("authorization")
    named = _text(scope.get("scope")) if isinstance(scope, dict) else ""
    # The target's spelling is lower-cased by Azure Monitor; the authorization's scope keeps the real one.
    resource = named if named.lower() == target.lower() else target or named
    return told._replace(resource_id=told.resource_id or resource)


def _older_alert(data: dict[str, Any]) -> _Told:
    context = _object(data.get("context"), "data.context")
    return _activity_log(_object(context.get("activityLog"), "data.context.activityLog"), "alert")


_Data = dict[str, Any]
_SHAPES: tuple[tuple[Callable[[_Data], bool], Callable[[_Data], Iterable[_Told]]], ...] = (
    (lambda d: "records" in d, _diagnostic_records),
    (
        lambda d: d.get("schemaId") == "azureMonitorCommonAlertSchema",
        lambda d: [_common_alert(_object(d.get("data"), "data"))],
    ),
    (
        lambda d: str(d.get("schemaId", "")).startswith("Microsoft.Insights/activityLogs"),
        lambda d: [_older_alert(_object(d.get("data"), "data"))],
    ),
    (lambda d: "specversion" in d, lambda d: [_event_grid(d, "cloudevents", d.get("type"), d.get("time"))]),
    (
        lambda d: "eventType" in d,
        lambda d: [_event_grid(d, "eventgrid", d.get("eventType"), d.get("eventTime"))],
    ),
    (
        lambda d: "operationName" in d and ("eventTimestamp" in d or "eventDataId" in d),
        lambda d: [_activity_log(d, "activitylog")],
    ),
    (lambda d: "operationName" in d and "resultType" in d, lambda d: [_diagnostic(d)]),
)
"""Recognised by the keys that only this shape has → its events. The first that fits is taken."""


def _start_event(told: _Told) -> StartEvent:
    operation = START_OPERATIONS.get(told.operation.lower())
    if operation is None:
        raise NotAStart(told.operation)
    phase = PHASES.get(told.status.lower())
    if phase is None:
        raise InvalidEvent("UnknownStatus", f"status {told.status[:100]!r} is none of {', '.join(PHASES)}")
    if not told.correlation_id:
        raise InvalidEvent("NoCorrelationId", "without a correlation id, duplicates can't be told apart")
    try:
        vm = VmRef.parse(told.resource_id)
    except ValueError as error:
        raise InvalidEvent("NotAVm", str(error)) from None
    if vm.classic != ("classic" in operation.lower()):
        raise InvalidEvent(
            "NotAVm", f"operation {operation} does not fit the resource {told.resource_id[:300]}"
        )
    return StartEvent(
        vm=vm,
        operation=operation,
        phase=phase,
        at=_time(told.time),
        caller=caller_from(told.claims, told.authorization, caller=told.caller, ip=told.ip),
        access=_access(told.authorization),
        correlation_id=told.correlation_id[:200],
        event_id=told.event_id[:200],
        shape=told.shape,
    )


def _access(authorization: object) -> Access | None:
    evidence = authorization.get("evidence") if isinstance(authorization, dict) else None
    if not isinstance(evidence, dict) or not evidence.get("role"):
        return None
    return Access(
        role=_text(evidence.get("role"))[:200],
        scope=_text(evidence.get("roleAssignmentScope"))[:600],
        principal_type=_text(evidence.get("principalType"))[:60],
    )


def _time(text: str) -> datetime:
    """Azure writes seven digits of a second; Python reads six."""
    short = _FRACTION.sub(lambda match: f".{match[1][:6]:0<6}", text.strip())
    try:
        at = datetime.fromisoformat(short)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise InvalidEvent("NoTime", f"{text[:60]!r} is not a time") from None


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
    return _text(field.get("value")) if isinstance(field, dict) else _text(field)


def _text(value: object) -> str:
    return writable(value) if isinstance(value, str) else ""
