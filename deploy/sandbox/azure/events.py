"""The shapes in which Azure reports that somebody started a machine."""

import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from deploy.sandbox.azure.claims import claims, evidence
from deploy.sandbox.azure.ids import group_of, name_of, subscription_of
from deploy.sandbox.world import Principal

Schema = Literal["eventgrid", "cloudevents", "activitylog", "diagnostic", "alert", "none"]
"""``none`` is for a team without Event Grid: only alert rules tell, if there are any."""

START = "Microsoft.Compute/virtualMachines/start/action"
CLASSIC_START = "Microsoft.ClassicCompute/virtualMachines/start/action"
CLASSIC_START_DOTTED = "Microsoft.ClassicCompute.virtualMachines.start.action"
"""Some tools write the classic operation with dots; documents show both."""


def _guid() -> str:
    return str(uuid.uuid4())


@dataclass(frozen=True, kw_only=True, slots=True)
class Started:
    """That a machine was started, or that it failed.

    Attributes:
        resource_id: of the machine.
        principal: who did it.
        tenant: the directory's GUID.
        correlation_id: of the request; several machines can share it.
        operation_id: of this one operation.
        client_request_id: the caller's, or empty.
        event_id: the ``id`` of the Event Grid event.
        operation: the action, in the spelling to be used.
        begun_at: when the request came.
        ended_at: when the operation ended.
        succeeded: whether the machine runs.
    """

    resource_id: str
    principal: Principal
    tenant: str
    correlation_id: str = field(default_factory=_guid)
    operation_id: str = field(default_factory=_guid)
    client_request_id: str = field(default_factory=_guid)
    event_id: str = field(default_factory=_guid)
    operation: str = START
    begun_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    ended_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    succeeded: bool = True

    @property
    def provider(self) -> str:
        return self.resource_id.partition("/providers/")[2].partition("/")[0]

    @property
    def caller(self) -> str:
        """As logs write it: the sign-in name, or a service principal's object id."""
        return self.principal.email or self.principal.oid

    @property
    def status(self) -> str:
        return "Succeeded" if self.succeeded else "Failed"

    def http_request(self) -> dict[str, str]:
        return {
            "clientRequestId": self.client_request_id,
            "clientIpAddress": self.principal.ip,
            "method": "POST",
        }

    def properties(self) -> dict[str, str]:
        return {
            "eventCategory": "Administrative",
            "entity": self.resource_id,
            "message": self.operation,
            "hierarchy": subscription_of(self.resource_id),
        }


def timestamp(at: datetime) -> str:
    """UTC with seven decimals, as Azure prints times."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


def _data(start: Started) -> dict[str, Any]:
    return {
        "authorization": {
            "scope": start.resource_id,
            "action": start.operation,
            "evidence": evidence(start.principal, start.resource_id),
        },
        "claims": claims(start.principal, tenant=start.tenant, at=start.begun_at),
        "correlationId": start.correlation_id,
        "httpRequest": start.http_request()
        | {"url": f"https://management.azure.com{start.resource_id}/start?api-version=2026-04-01"},
        "resourceProvider": start.provider,
        "resourceUri": start.resource_id,
        "operationName": start.operation,
        "status": start.status,
        "subscriptionId": subscription_of(start.resource_id),
        "tenantId": start.tenant,
    }


def _type(start: Started) -> str:
    return f"Microsoft.Resources.ResourceAction{'Success' if start.succeeded else 'Failure'}"


def event_grid(start: Started) -> dict[str, Any]:
    """The Event Grid schema, of a system topic of a subscription."""
    return {
        "subject": start.resource_id,
        "eventType": _type(start),
        "eventTime": timestamp(start.ended_at),
        "id": start.event_id,
        "data": _data(start),
        "dataVersion": "2",
        "metadataVersion": "1",
        "topic": f"/subscriptions/{subscription_of(start.resource_id)}",
    }


def cloud_event(start: Started) -> dict[str, Any]:
    """CloudEvents 1.0, as Event Grid maps its own schema to it."""
    return {
        "id": start.event_id,
        "source": f"/subscriptions/{subscription_of(start.resource_id)}",
        "subject": start.resource_id,
        "type": _type(start),
        "time": timestamp(start.ended_at),
        "specversion": "1.0",
        "datacontenttype": "application/json",
        "data": _data(start),
    }


def _stages(start: Started) -> list[tuple[str, datetime]]:
    """The records of one start: it began, it was accepted, it ended."""
    accepted = min(start.begun_at + timedelta(milliseconds=800), start.ended_at)
    return [("Started", start.begun_at), ("Accepted", accepted), (start.status, start.ended_at)]


def activity_log(start: Started) -> list[dict[str, Any]]:
    """The Activity Log's records: one correlation and operation id, each with its own ``eventDataId``."""

    def both(value: str, shown: str | None = None) -> dict[str, str]:
        return {"value": value, "localizedValue": value if shown is None else shown}

    records = []
    for status, at in _stages(start):
        record_id = _guid()
        event = "BeginRequest" if status == "Started" else "EndRequest"
        kind = f"{start.provider}/virtualMachines"
        records.append(
            {
                "authorization": {"action": start.operation, "scope": start.resource_id},
                "caller": start.caller,
                "channels": "Operation",
                "claims": claims(start.principal, tenant=start.tenant, at=start.begun_at),
                "correlationId": start.correlation_id,
                "eventDataId": record_id,
                "eventName": both(event),
                "category": both("Administrative"),
                "eventTimestamp": timestamp(at),
                "id": f"{start.resource_id}/events/{record_id}/ticks/{_ticks(at)}",
                "level": "Error" if status == "Failed" else "Informational",
                "operationId": start.operation_id,
                "operationName": both(start.operation, "Start Virtual Machine"),
                "resourceGroupName": group_of(start.resource_id),
                "resourceProviderName": both(start.provider),
                "resourceType": both(kind),
                "resourceId": start.resource_id,
                "status": both(status),
                "subStatus": both("Accepted" if status == "Accepted" else ""),
                "submissionTimestamp": timestamp(at),
                "subscriptionId": subscription_of(start.resource_id),
                "properties": start.properties(),
                "relatedEvents": [],
                "httpRequest": start.http_request(),
            }
        )
    return records


def _ticks(at: datetime) -> int:
    """.NET ticks: tenths of a microsecond since the year 1."""
    return round((at - datetime(1, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1)) * 10


_RESULTS = {
    "Started": ("Start", "Started."),
    "Accepted": ("Accept", "Accepted.Accepted"),
    "Succeeded": ("Success", "Succeeded."),
    "Failed": ("Failure", "Failed.Conflict"),
}


def diagnostic(start: Started) -> dict[str, Any]:
    """A diagnostic setting's export: ``records`` with ids and operations in upper case."""
    records = []
    for status, at in _stages(start):
        kind, signature = _RESULTS[status]
        records.append(
            {
                "time": timestamp(at),
                "resourceId": start.resource_id.upper(),
                "operationName": start.operation.upper(),
                "category": "Administrative",
                "resultType": kind,
                "resultSignature": signature,
                "durationMs": str(round((at - start.begun_at) / timedelta(milliseconds=1))),
                "callerIpAddress": start.principal.ip,
                "correlationId": start.correlation_id,
                "identity": {
                    "authorization": {
                        "scope": start.resource_id,
                        "action": start.operation,
                        "evidence": evidence(start.principal, start.resource_id),
                    },
                    "claims": claims(start.principal, tenant=start.tenant, at=start.begun_at),
                },
                "level": "Error" if status == "Failed" else "Information",
                "location": "global",
                "properties": start.properties(),
            }
        )
    return {"records": records}


def common_alert(
    start: Started, *, rule: str = "vm-started", description: str = "Somebody started a virtual machine"
) -> dict[str, Any]:
    """The common alert schema of an Activity Log alert: claims are a string, target ids in lower case."""
    record_id = _guid()
    subscription = subscription_of(start.resource_id)
    alert = f"/subscriptions/{subscription}/providers/Microsoft.AlertsManagement/alerts/{_guid()}"
    at = timestamp(start.ended_at)
    return {
        "schemaId": "azureMonitorCommonAlertSchema",
        "data": {
            "essentials": {
                "alertId": alert,
                "alertRule": rule,
                "severity": "Sev4",
                "signalType": "Activity Log",
                "monitorCondition": "Fired",
                "monitoringService": "Activity Log - Administrative",
                "alertTargetIDs": [start.resource_id.lower()],
                "configurationItems": [name_of(start.resource_id)],
                "originAlertId": f"{record_id}_{uuid.uuid4().hex}",
                "firedDateTime": at,
                "description": description,
                "essentialsVersion": "1.0",
                "alertContextVersion": "1.0",
            },
            "alertContext": {
                "authorization": {"action": start.operation, "scope": start.resource_id},
                "channels": "Operation",
                "claims": json.dumps(claims(start.principal, tenant=start.tenant, at=start.begun_at)),
                "caller": start.caller,
                "correlationId": start.correlation_id,
                "eventSource": "Administrative",
                "eventTimestamp": at,
                "eventDataId": record_id,
                "level": "Informational" if start.succeeded else "Error",
                "operationName": start.operation,
                "operationId": start.operation_id,
                "properties": start.properties(),
                "status": start.status,
                "subStatus": "",
                "submissionTimestamp": at,
                "Activity Log Event Description": "",
            },
        },
    }
