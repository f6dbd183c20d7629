"""Azure Backup of machines: is one protected, protect it, back it up now, stop, delete, undelete.

The codes of refusals that begin with ``BMSUserError`` follow the service's style; their exact words are not
documented. Nor is what the service does with a recovery point that would be expired at birth: it is taken.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from deploy.sandbox.azure.access.locks import Locks
from deploy.sandbox.azure.backup.items import (
    IDLE,
    Items,
    Told,
    backup_names,
    delete_softly,
    soft_deleted,
    stop,
    undelete,
    vault_of,
)
from deploy.sandbox.azure.backup.jobs import JobOperation, Jobs
from deploy.sandbox.azure.backup.vaults import ONE
from deploy.sandbox.azure.errors import ArmError
from deploy.sandbox.azure.front.routing import SUBSCRIPTION, Answer, Call, Route, accepted, listing
from deploy.sandbox.azure.ids import same
from deploy.sandbox.azure.lro import Lro
from deploy.sandbox.azure.model import VM, Estate, Resource, Vm
from deploy.sandbox.azure.operations import Operation

PROTECT_S = 20.0
TRIGGER_S = 3.0
BACKUP_S = 60.0
_ITEM = f"{ONE}/backupFabrics/{{fabric}}/protectionContainers/{{container}}/protectedItems/{{item}}"
_STATUS = "/providers/Microsoft.RecoveryServices/locations/{region}/backupStatus"


class Protection:
    """Protected items over REST."""

    def __init__(self, *, estate: Estate, locks: Locks, lro: Lro, jobs: Jobs, items: Items) -> None:
        self._estate = estate
        self._locks = locks
        self._lro = lro
        self._jobs = jobs
        self._items = items

    def routes(self) -> list[Route]:
        return [
            Route("POST", f"{SUBSCRIPTION}{_STATUS}", self.status),
            Route("GET", _ITEM, self.get),
            Route("PUT", _ITEM, self.put),
            Route("DELETE", _ITEM, self.delete),
            Route("POST", f"{_ITEM}/backup", self.trigger),
            Route("GET", f"{ONE}/backupProtectedItems", self.list_all),
        ]

    def status(self, call: Call) -> Answer:
        """``backupStatus``: asked about a machine anywhere in the subscription's region."""
        given = call.body or {}
        vm = self._estate.vm(str(given.get("resourceId") or ""))
        if str(given.get("resourceType")).lower() != "vm" or not same(vm.location, call.params["region"]):
            raise _invalid(f"'{vm.id}' is no VM of region {call.params['region']}.")
        container, item_name = backup_names(vm)
        told, item = self._items.status(vm.id), self._items.of_vm(vm.id)
        body = {
            "protectionStatus": told.status,
            "fabricName": "Azure",
            "containerName": container,
            "protectedItemName": item_name,
            "protectedItemsCount": 0,
            "objectType": "BackupStatusResponse",
        }
        if told.vault_id:
            body["vaultId"] = told.vault_id
        if told.vault_id and item is not None and item.properties["policyId"]:
            body["policyName"] = item.properties["policyId"].rpartition("/")[2]
        return Answer(body=body)

    def get(self, call: Call) -> Answer:
        self._estate.get(vault_of(call.resource_id))
        return Answer(body=self._item(call.resource_id).as_json())

    def list_all(self, call: Call) -> Answer:
        vault = self._estate.get(call.parent_id)
        return listing(call, [item.as_json() for item in self._items.all(vault.id)])

    def _item(self, item_id: str) -> Resource:
        item = self._estate.find(item_id)
        if item is None:
            raise ArmError(
                404,
                "BMSUserErrorDatasourceNotProtected",
                f"The protected item '{item_id.rpartition('/')[2]}' does not exist in the vault.",
            )
        return item

    def put(self, call: Call) -> Answer:
        """Protect a machine, change its policy, resume, stop or undelete it, as the body says.

        Until the operation ends there is no item to read. Source of the bodies:
        https://learn.microsoft.com/azure/backup/backup-azure-arm-userestapi-backupazurevms
        """
        vault = self._estate.get(vault_of(call.resource_id))
        given = (call.body or {}).get("properties") or {}
        vm = self._source(call, vault, given)
        for busy in (vault.id, call.resource_id):
            self._lro.operations.check_free(busy, "BMSUserErrorOperationInProgress")
        self._locks.check_write(vm.id, f"{VM}/write")
        known = self._estate.find(call.resource_id)
        if known is not None and soft_deleted(known):
            if given.get("isRehydrate") is not True:
                raise ArmError(
                    400,
                    "BMSUserErrorItemSoftDeleted",
                    f"The protected item of '{vm.name}' is in soft deleted state. Undelete it first.",
                )
            return self._change(call, vm, "Undelete", lambda: undelete(known))
        if known is not None and given.get("protectionState") == "ProtectionStopped":
            return self._change(call, vm, "DisableBackup", lambda: stop(known))
        return self._protect(call, vm, vault, self._policy(vault, given))

    def _policy(self, vault: Resource, given: dict[str, Any]) -> Resource:
        policy = self._estate.find(str(given.get("policyId") or ""))
        if policy is None or not same(vault_of(policy.id), vault.id):
            raise ArmError(
                400,
                "BMSUserErrorPolicyNotFound",
                f"The policy '{given.get('policyId')}' is not in the vault.",
            )
        return policy

    def _protect(self, call: Call, vm: Vm, vault: Resource, policy: Resource) -> Answer:
        def done() -> None:
            self._items.attempts.pop(vm.id.lower(), None)
            item = self._estate.find(call.resource_id) or self._items.add(vm, vault.id)
            self._items.use_policy(item, policy)

        def failed() -> None:
            if self._items.of_vm(vm.id) is None:
                self._items.attempts[vm.id.lower()] = Told(status="ProtectionFailed", vault_id=vault.id)

        if self._items.of_vm(vm.id) is None:
            self._items.attempts[vm.id.lower()] = Told(status="Protecting", vault_id=vault.id)
        return self._change(call, vm, "ConfigureBackup", done, failed)

    def _change(
        self,
        call: Call,
        vm: Vm,
        what: JobOperation,
        done: Callable[[], None],
        failed: Callable[[], None] = lambda: None,
    ) -> Answer:
        """An operation on an item, with the job that tells how it goes."""
        job = self._jobs.open(vault_of(call.resource_id), vm.id, what)
        name = "protect" if what == "ConfigureBackup" else what
        operation = self._lro.backup(name, call.resource_id, PROTECT_S)
        operation.extra = _job_of(job)

        def well() -> None:
            self._jobs.finish(job, operation)
            done()

        def badly() -> None:
            self._jobs.finish(job, operation)
            failed()

        self._lro.operations.begin(operation, well, failed=badly)
        return accepted(call, operation)

    def _source(self, call: Call, vault: Resource, given: dict[str, Any]) -> Vm:
        """The machine a request is about, if this vault may protect it under these names."""
        vm = self._estate.vm(str(given.get("sourceResourceId") or ""))
        if vm.location != vault.location or not same(vm.subscription, vault.subscription):
            raise ArmError(
                400,
                "BMSUserErrorVmNotInVaultRegion",
                f"The VM is in '{vm.location}', the vault '{vault.name}' in '{vault.location}': both must be "
                "in one region and one subscription.",
            )
        if not all(map(same, (call.params["container"], call.params["item"]), backup_names(vm))):
            raise _invalid(f"The names in the path are not those of the VM '{vm.id}'.")
        if vm.ephemeral:
            # https://learn.microsoft.com/azure/virtual-machines/ephemeral-os-disks#unsupported-features
            raise ArmError(
                400, "BMSUserErrorEphemeralOsDisk", f"The VM '{vm.name}' has an ephemeral OS disk."
            )
        self._check_other_vaults(vm, vault)
        return vm

    def _check_other_vaults(self, vm: Vm, vault: Resource) -> None:
        """A machine has one vault; only where it is deleted softly can another one protect it.

        Source: https://learn.microsoft.com/azure/backup/backup-azure-enhanced-soft-delete-about
        """
        item, attempt = self._items.of_vm(vm.id), self._items.attempts.get(vm.id.lower())
        holder = vault_of(item.id) if item is not None and not soft_deleted(item) else ""
        if attempt is not None and attempt.status == "Protecting":
            holder = attempt.vault_id
        if holder and not same(holder, vault.id):
            raise ArmError(
                400,
                "BMSUserErrorVmProtectedInAnotherVault",
                f"The VM '{vm.name}' is already protected by the vault '{holder}'.",
            )

    def delete(self, call: Call) -> Answer:
        """Stop protection and delete the data: softly, unless the vault has soft delete turned off."""
        item = self._item(call.resource_id)
        vault = self._estate.get(vault_of(item.id))
        vm = self._estate.vm(item.properties["sourceResourceId"])
        self._lro.operations.check_free(item.id, "BMSUserErrorOperationInProgress")
        settings = vault.properties["securitySettings"]["softDeleteSettings"]

        def done() -> None:
            if settings["softDeleteState"] == "Disabled":
                self._estate.remove(item.id)
            else:
                delete_softly(item, settings["softDeleteRetentionPeriodInDays"])

        return self._change(call, vm, "DeleteBackupData", done)

    def trigger(self, call: Call) -> Answer:
        """Back up now. The request is done in seconds, its job takes longer.

        Code of a backup in progress: ``UserErrorBackupOperationInProgress`` in
        https://learn.microsoft.com/azure/backup/backup-azure-troubleshoot-vm-backup-fails-snapshot-timeout
        """
        item = self._item(call.parent_id)
        self._lro.operations.check_free(item.id, "UserErrorBackupOperationInProgress")
        state = item.properties["protectionState"]
        if state in IDLE:
            raise ArmError(
                400,
                "BMSUserErrorBackupNotAllowedInState",
                f"No backup can be taken of '{item.properties['friendlyName']}' in the state {state}.",
            )
        job = self._jobs.open(vault_of(item.id), item.properties["sourceResourceId"], "Backup")
        backup = self._lro.backup("backup", item.id, BACKUP_S)
        self._lro.operations.begin(
            backup,
            lambda: self._backed_up(item, job, backup),
            failed=lambda: self._not_backed_up(item, job, backup),
        )
        request = self._lro.backup("trigger backup", item.id, TRIGGER_S)
        request.extra = _job_of(job)
        self._lro.operations.begin(request, lambda: None, holds=False)
        return accepted(call, request)

    def _backed_up(self, item: Resource, job: Resource, backup: Operation) -> None:
        self._jobs.finish(job, backup)
        now = datetime.now(UTC).isoformat()
        item.properties |= {
            "protectionState": "Protected",
            "lastBackupStatus": "Completed",
            "lastBackupTime": now,
            "lastRecoveryPoint": now,
        }

    def _not_backed_up(self, item: Resource, job: Resource, backup: Operation) -> None:
        self._jobs.finish(job, backup)
        item.properties["lastBackupStatus"] = "Failed"


def _invalid(message: str) -> ArmError:
    return ArmError(400, "BMSUserErrorInvalidInput", message)


def _job_of(job: Resource) -> dict[str, Any]:
    return {"properties": {"objectType": "OperationStatusJobExtendedInfo", "jobId": job.name}}
