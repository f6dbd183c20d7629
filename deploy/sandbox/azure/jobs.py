"""Backup jobs: what a vault did and does."""

import uuid
from datetime import UTC, datetime
from typing import Any, Literal

from deploy.sandbox.azure.model import Estate, Resource
from deploy.sandbox.azure.routing import Answer, Call, Route, listing
from deploy.sandbox.azure.vaults import ONE

JOB = "Microsoft.RecoveryServices/vaults/backupJobs"


class Jobs:
    """``backupJobs`` of every vault."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate

    def routes(self) -> list[Route]:
        return [
            Route("GET", f"{ONE}/backupJobs/{{job}}", self.get),
            Route("GET", f"{ONE}/backupJobs", self.list_all),
        ]

    def get(self, call: Call) -> Answer:
        return Answer(body=self._estate.get(call.resource_id).as_json())

    def list_all(self, call: Call) -> Answer:
        """Jobs of a vault; of the filter only ``operation eq '…'`` and ``status eq '…'`` are looked at."""
        vault = self._estate.get(call.parent_id)
        wanted = call.query.get("$filter", "").lower()
        return listing(
            call,
            [
                job.as_json()
                for job in self._estate.of(JOB, vault.id)
                if all(
                    f"{key} eq '" not in wanted or f"{key} eq '{job.properties[key].lower()}'" in wanted
                    for key in ("operation", "status")
                )
            ],
        )

    def open(self, vault_id: str, vm_id: str, operation: Literal["ConfigureBackup", "Backup"]) -> Resource:
        """A new job that runs; ``finish`` ends it."""
        job_id = str(uuid.uuid4())
        name = vm_id.rpartition("/")[2]
        tasks = ["Take Snapshot", "Transfer data to vault"] if operation == "Backup" else []
        properties: dict[str, Any] = {
            "activityId": str(uuid.uuid4()),
            "jobType": "AzureIaaSVMJob",
            "backupManagementType": "AzureIaasVM",
            "virtualMachineVersion": "Compute",
            "entityFriendlyName": name,
            "operation": operation,
            "status": "InProgress",
            "startTime": datetime.now(UTC).isoformat(),
            "duration": "PT0S",
            "extendedInfo": {
                "propertyBag": {"VM Name": name},
                "tasksList": [{"taskId": task, "status": "InProgress"} for task in tasks],
            },
        }
        return self._estate.add(
            Resource(id=f"{vault_id}/backupJobs/{job_id}", kind=JOB, properties=properties)
        )

    @staticmethod
    def finish(job: Resource, status: Literal["Completed", "Failed"]) -> None:
        """End a job and its tasks."""
        now = datetime.now(UTC)
        seconds = (now - datetime.fromisoformat(job.properties["startTime"])).total_seconds()
        job.properties |= {"status": status, "endTime": now.isoformat(), "duration": f"PT{seconds:.7f}S"}
        for task in job.properties["extendedInfo"]["tasksList"]:
            task["status"] = status
