"""What Defender for Cloud found: alerts, and recommendations, which Azure calls assessments.

They are read by Azure Resource Graph, whose table ``securityresources`` holds both. There, an assessment has
its metadata with it, and the properties of an alert begin with a capital.
Source: https://learn.microsoft.com/azure/defender-for-cloud/resource-graph-samples, and
https://learn.microsoft.com/rest/api/defenderforcloud/assessments/get for the properties of an assessment.
"""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from deploy.sandbox.azure.ids import arm_id
from deploy.sandbox.azure.model import Estate, Resource, Vm

ASSESSMENT = "Microsoft.Security/assessments"
ALERT = "Microsoft.Security/locations/alerts"

Severity = Literal["Low", "Medium", "High"]


class Recommendation(BaseModel):
    """One recommendation for a machine.

    Attributes:
        status: only Unhealthy is open.
    """

    model_config = ConfigDict(extra="forbid")

    name: str
    severity: Severity = "Medium"
    status: Literal["Healthy", "Unhealthy", "NotApplicable"] = "Unhealthy"
    remedy: str = "Follow the steps that the portal shows."


class SecurityAlert(BaseModel):
    """One alert about a machine."""

    model_config = ConfigDict(extra="forbid")

    name: str
    severity: Literal["Informational", "Low", "Medium", "High"] = "High"
    status: Literal["Active", "InProgress", "Resolved", "Dismissed"] = "Active"
    description: str = ""


class Findings:
    """Alerts and recommendations, as rows of Resource Graph."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate

    def recommend(self, vm: Vm, given: Recommendation) -> Resource:
        """Add a recommendation, or replace that of the same name."""
        key = str(uuid.uuid5(uuid.NAMESPACE_URL, given.name))
        now = datetime.now(UTC).isoformat()
        properties = {
            "resourceDetails": {
                "Source": "Azure",
                "Id": vm.id,
                "ResourceType": "microsoft.compute/virtualmachines",
            },
            "displayName": given.name,
            "status": {"code": given.status, "firstEvaluationDate": now, "statusChangeDate": now},
            "metadata": {
                "displayName": given.name,
                "assessmentType": "BuiltIn",
                "severity": given.severity,
                "description": f"{given.name}.",
                "remediationDescription": given.remedy,
                "categories": ["Compute"],
            },
            "additionalData": {},
            "links": {"azurePortal": f"portal.azure.com/#blade/Microsoft_Azure_Security/{key}"},
        }
        return self._estate.add(
            Resource(id=f"{vm.id}/providers/{ASSESSMENT}/{key}", kind=ASSESSMENT, properties=properties)
        )

    def alert(self, vm: Vm, given: SecurityAlert) -> Resource:
        """Add an alert, or replace that of the same name. It lies in the machine's group and region."""
        key = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{vm.id}/{given.name}"))
        group = arm_id(vm.subscription, vm.group, "Microsoft.Security/locations", vm.location)
        properties = {
            "AlertType": "VM_Simulated",
            "SystemAlertId": key,
            "AlertDisplayName": given.name,
            "Description": given.description,
            "Severity": given.severity,
            "Status": given.status,
            "Intent": "Execution",
            "CompromisedEntity": vm.name,
            "TimeGeneratedUtc": datetime.now(UTC).isoformat(),
            "ResourceIdentifiers": [{"$id": "r", "AzureResourceId": vm.id, "Type": "AzureResource"}],
        }
        return self._estate.add(Resource(id=f"{group}/alerts/{key}", kind=ALERT, properties=properties))

    def rows(self, subscription: str) -> Iterator[dict[str, Any]]:
        """The rows of ``securityresources`` for a subscription; types are in lower case there."""
        for kind in (ASSESSMENT, ALERT):
            for one in self._estate.of(kind, f"/subscriptions/{subscription}"):
                yield {
                    "id": one.id,
                    "name": one.name,
                    "type": kind.lower(),
                    "subscriptionId": subscription,
                    "resourceGroup": one.group.lower(),
                    "location": one.location,
                    "properties": one.properties,
                }
