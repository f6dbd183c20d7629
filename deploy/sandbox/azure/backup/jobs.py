"""Backup jobs: what a vault did and does."""

import uuid
from datetime import UTC, datetime
from typing import Any, Literal

from deploy.sandbox.azure.backup.vaults import ONE
from deploy.sandbox.azure.front.routing import Answer, Call, Route, listing
from deploy.sandbox.azure.model import Estate, Resource
from deploy.sandbox.azure.operations import Operation

JobOperation = Literal["ConfigureBackup", "Backup", "DisableBackup", "DeleteBackupData", "Undelete"]
JOB = "Microsoft.RecoveryServices/vaults/backupJobs"


_ENDS = {"Succeeded": "Completed", "Canceled": "Cancelled"}
"""How a job calls the end of its operation."""


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

    def open(self, vault_id: str, vm_id: str, operation: JobOperation) -> Resource:
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
    def finish(job: Resource, operation: Operation) -> None:
        """End a job and its tasks as the operation has ended.

        A job ends Completed, CompletedWithWarnings, Failed or Cancelled:
        https://learn.microsoft.com/azure/backup/backup-azure-monitoring-built-in-monitor#backup-jobs-in-recovery-services-vault
        """
        now = datetime.now(UTC)
        seconds = (now - datetime.fromisoformat(job.properties["startTime"])).total_seconds()
        status = operation.wanted_end or _ENDS.get(operation.status, operation.status)
        job.properties |= {"status": status, "endTime": now.isoformat(), "duration": f"PT{seconds:.7f}S"}
        if operation.failure is not None:
            code, message = operation.failure
            job.properties["errorDetails"] = [
                {"errorCode": 400001, "errorTitle": code, "errorString": message, "recommendations": []}
            ]
        for task in job.properties["extendedInfo"]["tasksList"]:
            task["status"] = "Completed" if operation.failure is None else status
