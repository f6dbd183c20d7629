"""One start, told in every shape that Azure has for it."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests import builders as a
from workers.consumers.event_shapes import parse_start_events
from workers.domain.errors import InvalidEvent
from workers.domain.starts.events import StartEvent

VM = a.vm_ref().resource_id
CLASSIC = a.vm_ref(classic=True).resource_id
START = "Microsoft.Compute/virtualMachines/start/action"
UPN = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"
METHODS = "http://schemas.microsoft.com/claims/authnmethodsreferences"
OID = "http://schemas.microsoft.com/identity/claims/objectidentifier"
CLAIMS = {
    UPN: "Alice@contoso.com",
    "name": "Alice Example",
    OID: "aaaaaaaa-0000-0000-0000-000000000001",
    "appid": a.AZURE_CLI,
    "ipaddr": "203.0.113.7",
    METHODS: "pwd,mfa",
}
EVIDENCE = {"role": "Contributor", "roleAssignmentScope": "/subscriptions/x", "principalType": "User"}
AUTHORIZATION = {"scope": VM, "action": START, "evidence": EVIDENCE}


def grid(**data: Any) -> dict[str, Any]:
    return {
        "eventType": "Microsoft.Resources.ResourceActionSuccess",
        "eventTime": "2026-01-15T08:30:12.3456789Z",
        "id": "event-1",
        "subject": VM,
        "data": {
            "authorization": AUTHORIZATION,
            "claims": CLAIMS,
            "correlationId": "C-1",
            "resourceUri": VM,
            "operationName": START,
            "status": "Succeeded",
            "httpRequest": {"clientIpAddress": "198.51.100.1"},
            **data,
        },
    }


def cloud(**data: Any) -> dict[str, Any]:
    event = grid(**data)
    return {
        "specversion": "1.0",
        "type": event["eventType"],
        "time": event["eventTime"],
        "id": event["id"],
        "subject": event["subject"],
        "data": event["data"],
    }


def log(**record: Any) -> dict[str, Any]:
    return {
        "operationName": {"value": START, "localizedValue": "Start"},
        "status": {"value": "Started", "localizedValue": "Started"},
        "resourceId": VM,
        "eventTimestamp": "2026-01-15T08:30:00.1000000Z",
        "correlationId": "C-1",
        "eventDataId": "data-1",
        "claims": CLAIMS,
        "caller": "alice@contoso.com",
        "authorization": AUTHORIZATION,
        "httpRequest": {"clientIpAddress": "198.51.100.1"},
        **record,
    }


def record(**changes: Any) -> dict[str, Any]:
    return {
        "time": "2026-01-15T08:30:00.1Z",
        "resourceId": VM.upper(),
        "operationName": START.upper(),
        "resultType": "Start",
        "correlationId": "C-1",
        "callerIpAddress": "198.51.100.1",
        "identity": {"claims": CLAIMS, "authorization": AUTHORIZATION},
        **changes,
    }


def alert(**context: Any) -> dict[str, Any]:
    body = log(operationName=START, status="Succeeded", claims=json.dumps(CLAIMS), **context)
    del body["resourceId"]
    return {
        "schemaId": "azureMonitorCommonAlertSchema",
        "data": {"essentials": {"alertTargetIDs": [VM.lower()]}, "alertContext": body},
    }


def older_alert(**changes: Any) -> dict[str, Any]:
    told = log(
        operationName=START, status="Succeeded", claims=json.dumps(CLAIMS), httpRequest="{}", **changes
    )
    return {"schemaId": "Microsoft.Insights/activityLogs", "data": {"context": {"activityLog": told}}}


def cloud_base64(**data: Any) -> dict[str, Any]:
    event = cloud(**data)
    return {**event, "data_base64": base64.b64encode(body(event.pop("data"))).decode()}


def row(**columns: Any) -> dict[str, Any]:
    """A row of the table AzureActivity, as Log Analytics exports it."""
    return {
        "TimeGenerated": "2026-01-15T08:31:00Z",
        "EventSubmissionTimestamp": "2026-01-15T08:30:00.1Z",
        "OperationNameValue": START.upper(),
        "ActivityStatusValue": "Start",
        "ActivitySubstatusValue": "",
        "_ResourceId": VM.lower(),
        "CorrelationId": "C-1",
        "EventDataId": "data-1",
        "Caller": "alice@contoso.com",
        "CallerIpAddress": "198.51.100.1",
        "Claims": json.dumps(CLAIMS),
        "Claims_d": CLAIMS,
        "Authorization": json.dumps(AUTHORIZATION),
        "Authorization_d": AUTHORIZATION,
        "HTTPRequest": json.dumps({"clientIpAddress": "198.51.100.1"}),
        "Type": "AzureActivity",
        **columns,
    }


def with_texts(event: dict[str, Any], *names: str) -> dict[str, Any]:
    """The event with these inner objects as JSON text."""
    return {**event, **{name: json.dumps(event[name]) for name in names}}


INNER = ("claims", "authorization", "httpRequest")

SHAPES: dict[str, Callable[[], object]] = {
    "eventgrid": grid,
    "eventgrid in an array": lambda: [grid()],
    "cloudevents": cloud,
    "cloudevents in an array": lambda: [cloud()],
    "activitylog": log,
    "diagnostic": lambda: {"records": [record()]},
    "one diagnostic record": record,
    "alert": alert,
    "older alert": older_alert,
    "cloudevents in base64": cloud_base64,
    "a row of log analytics": lambda: {"records": [row()]},
    "a row of log analytics as text": lambda: {"records": [row(Claims_d=None, Authorization_d=None)]},
    "one row of log analytics": row,
    "eventgrid as text": lambda: {**grid(), "data": with_texts(grid()["data"], *INNER)},
    "cloudevents as text": lambda: {**cloud(), "data": with_texts(cloud()["data"], *INNER)},
    "activitylog as text": lambda: with_texts(log(), *INNER),
    "diagnostic as text": lambda: {"records": [with_texts(record(), "identity")]},
    "diagnostic as text within": lambda: record(
        identity=with_texts(record()["identity"], "claims", "authorization")
    ),
    "alert as text": lambda: alert(authorization=json.dumps(AUTHORIZATION)),
}


def body(data: object) -> bytes:
    return json.dumps(data).encode()


def one(data: object) -> StartEvent:
    events, odd, _ = parse_start_events(body(data))
    assert (len(events), odd) == (1, [])
    return events[0]


def refused(data: object) -> InvalidEvent:
    with pytest.raises(InvalidEvent) as raised:
        parse_start_events(data if isinstance(data, bytes) else body(data))
    assert raised.value.reason.isalnum()
    assert raised.value.description
    return raised.value
