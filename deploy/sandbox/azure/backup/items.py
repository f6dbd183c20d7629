"""Protected items: what a vault holds of a machine, in which state, and what ``backupStatus`` says of it.

States: ``ProtectionState`` and ``ProtectionStatus`` of the REST specification of Microsoft.RecoveryServices.
Which status goes with which state is not documented; a test that depends on it sets it (``PUT /_backup``).
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from deploy.sandbox.azure.ids import same
from deploy.sandbox.azure.model import CLASSIC_VM, Estate, Resource, Vm

ITEM = "Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectedItems"

ItemState = Literal[
    "IRPending", "Protected", "ProtectionError", "ProtectionStopped", "ProtectionPaused", "BackupsSuspended"
]
Status = Literal["NotProtected", "Protecting", "Protected", "ProtectionFailed"]

IDLE: tuple[ItemState, ...] = ("ProtectionStopped", "ProtectionPaused", "BackupsSuspended")
"""States in which the data is kept and no backup is taken."""

_SOFT_DELETED = ("isScheduledForDeferredDelete", "deferredDeleteTimeInUTC", "deferredDeleteTimeRemaining")


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What ``backupStatus`` tells of a machine: its status, and the vault if one is named."""

    status: Status
    vault_id: str = ""


class Items:
    """The protected items of every vault.

    Attributes:
        attempts: by machine id in lower case, protections under way and those that failed.
        told: by machine id in lower case, what ``backupStatus`` is to say whatever the truth.
    """

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self.attempts: dict[str, Told] = {}
        self.told: dict[str, Told] = {}

    def all(self, vault_id: str = "") -> list[Resource]:
        """Protected items, of one vault if given."""
        return list(self._estate.of(ITEM, vault_id))

    def of_vm(self, vm_id: str) -> Resource | None:
        """The item that holds a machine; one that is protected goes before one that is deleted softly."""
        found = [item for item in self.all() if same(item.properties["sourceResourceId"], vm_id)]
        return min(found, key=soft_deleted, default=None)

    def status(self, vm_id: str) -> Told:
        """What ``backupStatus`` says: a vault is named wherever the machine is registered with one."""
        key = vm_id.lower()
        item = self.of_vm(vm_id)
        if key in self.told:
            return self.told[key]
        if key in self.attempts:
            return self.attempts[key]
        if item is None or soft_deleted(item):
            return Told(status="NotProtected")
        return Told(status="Protected", vault_id=vault_of(item.id))

    def state(self, vm_id: str) -> dict[str, Any]:
        """Whether a machine is protected, by which vault, and how its last backup went."""
        item = self.of_vm(vm_id)
        if item is None:
            return {"status": "NotProtected"}
        deleted = {"soft_deleted": True} if soft_deleted(item) else {}
        return {
            "status": item.properties["protectionState"],
            "vault": vault_of(item.id),
            "policy": item.properties["policyId"],
            "last_backup": item.properties.get("lastBackupStatus"),
            **deleted,
        }

    def add(self, vm: Vm, vault_id: str) -> Resource:
        """A fresh item: protected, with the first backup still to come."""
        container, name = backup_names(vm)
        path = f"{vault_id}/backupFabrics/Azure/protectionContainers/{container}/protectedItems/{name}"
        properties = {
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
            "policyId": f"{vault_id}/backupPolicies/DefaultPolicy",
            "protectedItemDataId": str(int(datetime.now(UTC).timestamp() * 1e7)),
        }
        return self._estate.add(Resource(id=path, kind=ITEM, properties=properties))

    def use_policy(self, item: Resource, policy: Resource) -> None:
        """Protected under this policy, or protected again: stopped and suspended backups are resumed."""
        backed_up = "lastRecoveryPoint" in item.properties
        item.properties |= {"policyId": policy.id, "protectionStatus": "Healthy", "healthStatus": "Passed"}
        if item.properties["protectionState"] != "IRPending":
            item.properties["protectionState"] = "Protected" if backed_up else "IRPending"
        using = [one for one in self.all() if same(one.properties["policyId"], policy.id)]
        policy.properties["protectedItemsCount"] = len(using)

    def clear(self) -> None:
        """Forget attempts, and what was to be told."""
        self.attempts.clear()
        self.told.clear()


def soft_deleted(item: Resource) -> bool:
    """Whether it waits for its deletion."""
    return bool(item.properties.get("isScheduledForDeferredDelete"))


def stop(item: Resource) -> None:
    """No further backups, the data is kept."""
    item.properties |= {"protectionState": "ProtectionStopped", "policyId": ""}


def delete_softly(item: Resource, days: int = 14) -> None:
    """Delete so that it can be undone for some days.

    Source: https://learn.microsoft.com/azure/backup/backup-azure-security-feature-cloud
    """
    stop(item)
    until = datetime.now(UTC) + timedelta(days=days)
    item.properties |= {
        "isScheduledForDeferredDelete": True,
        "deferredDeleteTimeInUTC": until.isoformat(),
        "deferredDeleteTimeRemaining": f"{days}.00:00:00",
        "isDeferredDeleteScheduleUpcoming": False,
    }


def undelete(item: Resource) -> None:
    """Bring it back with protection stopped; a PUT with a policy resumes it.

    Source: https://learn.microsoft.com/azure/backup/backup-azure-arm-userestapi-backupazurevms#undo-the-deletion
    """
    for key in (*_SOFT_DELETED, "isDeferredDeleteScheduleUpcoming"):
        item.properties.pop(key, None)


def backup_names(vm: Vm) -> tuple[str, str]:
    """The names of a machine's container and item, which Azure makes from its group and name."""
    kind = "iaasvmcontainer" if vm.kind == CLASSIC_VM else "iaasvmcontainerv2"
    tail = f"{kind};{vm.group};{vm.name}"
    return f"iaasvmcontainer;{tail}", f"vm;{tail}"


def vault_of(inner_id: str) -> str:
    """The vault's id, from an id of something in it."""
    return "/".join(inner_id.split("/")[:9])
