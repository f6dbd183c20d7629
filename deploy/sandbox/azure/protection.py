"""Azure Backup of machines: is one protected, protect it, back it up now.

The codes of refusals that begin with ``BMSUserError`` follow the service's style; their exact words are not
documented.
"""

from datetime import UTC, datetime
from typing import Any

from deploy.sandbox.azure.errors import ArmError
from deploy.sandbox.azure.ids import same
from deploy.sandbox.azure.jobs import Jobs
from deploy.sandbox.azure.locks import Locks
from deploy.sandbox.azure.lro import Lro
from deploy.sandbox.azure.model import CLASSIC_VM, VM, Estate, Resource, Vm
from deploy.sandbox.azure.routing import SUBSCRIPTION, Answer, Call, Route, accepted, listing
from deploy.sandbox.azure.vaults import ONE

ITEM = "Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectedItems"
PROTECT_S = 20.0
TRIGGER_S = 3.0
BACKUP_S = 60.0
_ITEM = f"{ONE}/backupFabrics/{{fabric}}/protectionContainers/{{container}}/protectedItems/{{item}}"
_STATUS = "/providers/Microsoft.RecoveryServices/locations/{region}/backupStatus"


class Protection:
    """Protected items of every vault."""

    def __init__(self, *, estate: Estate, locks: Locks, lro: Lro, jobs: Jobs) -> None:
        self._estate = estate
        self._locks = locks
        self._lro = lro
        self._jobs = jobs

    def routes(self) -> list[Route]:
        return [
            Route("POST", f"{SUBSCRIPTION}{_STATUS}", self.status),
            Route("GET", _ITEM, self.get),
            Route("PUT", _ITEM, self.put),
            Route("POST", f"{_ITEM}/backup", self.trigger),
            Route("GET", f"{ONE}/backupProtectedItems", self.list_all),
        ]

    def items(self, vault_id: str = "") -> list[Resource]:
        """Protected items, of one vault if given."""
        return list(self._estate.of(ITEM, vault_id))

    def item_of(self, vm_id: str) -> Resource | None:
        """The item that protects a machine, in whichever vault."""
        for item in self.items():
            if same(item.properties["sourceResourceId"], vm_id):
                return item
        return None

    def state_of(self, vm_id: str) -> dict[str, Any]:
        """Whether a machine is protected, by which vault, and how its last backup went."""
        item = self.item_of(vm_id)
        if item is None:
            return {"status": "NotProtected"}
        return {
            "status": item.properties["protectionState"],
            "vault": _vault_of(item.id),
            "policy": item.properties["policyId"],
            "last_backup": item.properties.get("lastBackupStatus"),
        }

    def status(self, call: Call) -> Answer:
        """``backupStatus``: asked about a machine anywhere in the subscription's region."""
        given = call.body or {}
        vm = self._estate.vm(str(given.get("resourceId") or ""))
        if str(given.get("resourceType")).lower() != "vm" or not same(vm.location, call.params["region"]):
            raise ArmError(
                400, "BMSUserErrorInvalidInput", f"'{vm.id}' is no VM of region {call.params['region']}."
            )
        container, item_name = backup_names(vm)
        body = {
            "protectionStatus": "NotProtected",
            "fabricName": "Azure",
            "containerName": container,
            "protectedItemName": item_name,
            "protectedItemsCount": 0,
            "objectType": "BackupStatusResponse",
        }
        if item := self.item_of(vm.id):
            body |= {
                "protectionStatus": "Protected",
                "vaultId": _vault_of(item.id),
                "policyName": item.properties["policyId"].rpartition("/")[2],
            }
        return Answer(body=body)

    def get(self, call: Call) -> Answer:
        self._estate.get(_vault_of(call.resource_id))
        return Answer(body=self._item(call.resource_id).as_json())

    def list_all(self, call: Call) -> Answer:
        vault = self._estate.get(call.parent_id)
        return listing(call, [item.as_json() for item in self.items(vault.id)])

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
        """Protect a machine, or change its policy. Until the operation ends there is no item to read."""
        vault = self._estate.get(_vault_of(call.resource_id))
        given = (call.body or {}).get("properties") or {}
        vm = self._source(call, vault, given)
        policy = self._estate.find(str(given.get("policyId") or ""))
        if policy is None or not same(_vault_of(policy.id), vault.id):
            raise ArmError(
                400,
                "BMSUserErrorPolicyNotFound",
                f"The policy '{given.get('policyId')}' is not in the vault.",
            )
        for busy in (vault.id, call.resource_id):
            self._lro.operations.check_free(busy, "BMSUserErrorOperationInProgress")
        self._locks.check_write(vm.id, f"{VM}/write")
        job = self._jobs.open(vault.id, vm.id, "ConfigureBackup")
        operation = self._lro.backup("protect", call.resource_id, PROTECT_S)
        operation.extra = _job_of(job)
        known = self._estate.find(call.resource_id)

        def done() -> None:
            self._jobs.finish(job, "Completed")
            item = known or self._estate.add(
                Resource(id=call.resource_id, kind=ITEM, properties=_protected(vm, call.params["container"]))
            )
            item.properties["policyId"] = policy.id
            _count(self._estate, policy)

        self._lro.operations.begin(operation, done, failed=lambda: self._jobs.finish(job, "Failed"))
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
            raise ArmError(
                400, "BMSUserErrorInvalidInput", f"The names in the path are not those of the VM '{vm.id}'."
            )
        item = self.item_of(vm.id)
        if item is not None and not same(_vault_of(item.id), vault.id):
            raise ArmError(
                400,
                "BMSUserErrorVmProtectedInAnotherVault",
                f"The VM '{vm.name}' is already protected by the vault '{_vault_of(item.id)}'.",
            )
        return vm

    def trigger(self, call: Call) -> Answer:
        """Back up now. The request is done in seconds, its job takes longer."""
        item = self._item(call.parent_id)
        self._lro.operations.check_free(item.id, "BMSUserErrorBackupOperationInProgress")
        job = self._jobs.open(_vault_of(item.id), item.properties["sourceResourceId"], "Backup")

        def backed_up() -> None:
            self._jobs.finish(job, "Completed")
            now = datetime.now(UTC).isoformat()
            item.properties |= {
                "protectionState": "Protected",
                "lastBackupStatus": "Completed",
                "lastBackupTime": now,
                "lastRecoveryPoint": now,
            }

        def failed() -> None:
            self._jobs.finish(job, "Failed")
            item.properties["lastBackupStatus"] = "Failed"

        backup = self._lro.backup("backup", item.id, BACKUP_S)
        self._lro.operations.begin(backup, backed_up, failed=failed)
        request = self._lro.backup("trigger backup", item.id, TRIGGER_S)
        request.extra = _job_of(job)
        self._lro.operations.begin(request, lambda: None, holds=False)
        return accepted(call, request)


def backup_names(vm: Vm) -> tuple[str, str]:
    """The names of a machine's container and item, which Azure makes from its group and name."""
    kind = "iaasvmcontainer" if vm.kind == CLASSIC_VM else "iaasvmcontainerv2"
    tail = f"{kind};{vm.group};{vm.name}"
    return f"iaasvmcontainer;{tail}", f"vm;{tail}"


def _vault_of(inner_id: str) -> str:
    """The vault's id, from an id of something in it."""
    return "/".join(inner_id.split("/")[:9])


def _job_of(job: Resource) -> dict[str, Any]:
    return {"properties": {"objectType": "OperationStatusJobExtendedInfo", "jobId": job.name}}


def _count(estate: Estate, policy: Resource) -> None:
    items = [item for item in estate.of(ITEM) if same(item.properties["policyId"], policy.id)]
    policy.properties["protectedItemsCount"] = len(items)


def _protected(vm: Vm, container: str) -> dict[str, Any]:
    """A fresh item: protected, with the first backup still to come."""
    return {
        "friendlyName": vm.name,
        "protectedItemType": vm.kind,
        "backupManagementType": "AzureIaasVM",
        "workloadType": "VM",
        "containerName": container.partition(";")[2],
        "sourceResourceId": vm.id,
        "virtualMachineId": vm.id,
        "protectionStatus": "Healthy",
        "protectionState": "IRPending",
        "healthStatus": "Passed",
        "lastBackupStatus": "",
        "protectedItemDataId": str(int(datetime.now(UTC).timestamp() * 1e7)),
    }
