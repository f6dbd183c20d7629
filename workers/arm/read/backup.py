"""Azure Backup: whether a VM is protected, and by which vault.

Names follow the service's own scheme for VMs of Resource Manager.
Source: https://learn.microsoft.com/rest/api/backup/protected-items/create-or-update
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from workers.arm.ids import ArmId
from workers.arm.session.clients import Azure
from workers.arm.session.errors import asking, clean
from workers.domain.containment.afterwards.jobs import Job, JobState
from workers.domain.errors import NotFound
from workers.domain.starts.facts import BackupFacts
from workers.domain.starts.vm import VmRef

FABRIC = "Azure"


class ItemState(StrEnum):
    """How a protected item stands: the service's ``ProtectionState``, and ``SOFT_DELETED``.

    Source: https://learn.microsoft.com/rest/api/backup/protected-items/get#protectionstate
    """

    PENDING = "irpending"
    PROTECTED = "protected"
    ERROR = "protectionerror"
    STOPPED = "protectionstopped"
    PAUSED = "protectionpaused"
    SUSPENDED = "backupssuspended"
    SOFT_DELETED = "soft-deleted"
    UNKNOWN = "unknown"


PROTECTED_STATES = frozenset({ItemState.PROTECTED, ItemState.PENDING, ItemState.ERROR})
"""Backups are taken. ``PENDING`` waits for its first one, ``ERROR`` had trouble with its last one."""

ITEM_WORDS = {
    ItemState.PENDING: "its first backup is pending",
    ItemState.ERROR: "protection error",
    ItemState.STOPPED: "protection stopped, data kept",
    ItemState.PAUSED: "protection paused",
    ItemState.SUSPENDED: "backups suspended",
    ItemState.SOFT_DELETED: "soft-deleted",
    ItemState.UNKNOWN: "protection state unknown",
}
"""What a person reads of each state that is more than *protected*."""

STATUS_WORDS = {"protecting": "protection is being enabled", "protectionfailed": "protection failed"}
"""The same of a backup status, by the service's word in lower case."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """A protected item: where a VM's backups are."""

    vault_id: str
    container: str
    name: str

    @classmethod
    def of(cls, vm: VmRef, vault_id: str) -> "Item":
        """The item that a VM has in this vault."""
        tail = f"iaasvmcontainerv2;{vm.resource_group};{vm.name}"
        return cls(vault_id=vault_id, container=f"iaasvmcontainer;{tail}", name=f"vm;{tail}")

    @property
    def path(self) -> tuple[str, str, str, str, str]:
        """The positional arguments of the SDK's calls."""
        vault = ArmId.parse(self.vault_id)
        return vault.name, vault.group, FABRIC, self.container, self.name


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemView:
    """A protected item as it was read.

    Attributes:
        policy: a name, empty where it has none.
        recovery_point_at: when the last recovery point was made; ``None`` if there is none.
    """

    state: ItemState
    policy: str = ""
    recovery_point_at: datetime | None = None


async def backup_status(azure: Azure, vm: VmRef, location: str) -> dict[str, Any]:
    """Azure's answer: protected or not, by which vault, under which names."""
    async with asking(f"read the backup status of {vm.name}"):
        found = await azure.backup(vm.subscription_id).backup_status.get(
            location, {"resourceType": "VM", "resourceId": vm.resource_id}
        )
    return found.as_dict()


async def backup_facts(azure: Azure, vm: VmRef, location: str) -> BackupFacts:
    """What a card shows of it."""
    status = await backup_status(azure, vm, location)
    return BackupFacts(
        protected=is_protected(status),
        vault_id=status.get("vaultId") or None,
        policy_name=str(status.get("policyName") or ""),
        state=status_words(status),
    )


def is_protected(status: dict[str, Any]) -> bool:
    """Whether a backup status says so, or names a vault: a second one can't protect the VM then."""
    return bool(status.get("vaultId")) or str(status.get("protectionStatus") or "").lower() == "protected"


def status_words(status: dict[str, Any]) -> str:
    """What a backup status says beside *protected* or *not protected*, for people; may be empty."""
    return STATUS_WORDS.get(str(status.get("protectionStatus") or "").lower(), "")


async def find_vault(azure: Azure, vault_id: str) -> dict[str, Any] | None:
    """The vault, or ``None`` if there is none."""
    vault = ArmId.parse(vault_id)
    try:
        async with asking(f"read the vault {vault.name}"):
            found = await azure.vaults(vault.subscription_id).vaults.get(vault.group, vault.name)
    except NotFound:
        return None
    return found.as_dict()


async def find_item(azure: Azure, vm: VmRef, item: Item) -> ItemView | None:
    """The protected item, or ``None`` if there is none."""
    try:
        async with asking(f"read the protected item of {vm.name}"):
            found = await azure.backup(vm.subscription_id).protected_items.get(*item.path)
    except NotFound:
        return None
    properties = found.as_dict().get("properties") or {}
    state = str(properties.get("protectionState") or "").lower()
    known = ItemState(state) if state in set(ItemState) else ItemState.UNKNOWN
    return ItemView(
        state=ItemState.SOFT_DELETED if properties.get("isScheduledForDeferredDelete") else known,
        policy=str(properties.get("policyId") or "").rpartition("/")[2],
        recovery_point_at=_time(properties.get("lastRecoveryPoint")),
    )


def _time(text: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


async def reads_back_protected(azure: Azure, vm: VmRef, item: Item) -> bool:
    """Whether the item exists and backups are taken of it."""
    found = await find_item(azure, vm, item)
    return found is not None and found.state in PROTECTED_STATES


_JOB_ENDS = {
    "completed": JobState.DONE,
    "completedwithwarnings": JobState.DONE,
    "failed": JobState.FAILED,
    "cancelled": JobState.FAILED,
    "canceled": JobState.FAILED,
    "timedout": JobState.FAILED,
}
"""How jobs end, in lower case. Everything else, such as ``Cancelling``, is still under way.

Source: https://learn.microsoft.com/azure/backup/backup-azure-monitoring-built-in-monitor#backup-jobs-in-recovery-services-vault
"""
_JOB_NOTES = {
    "completed": "recovery point created",
    "completedwithwarnings": "recovery point created, with warnings",
    "failed": "the backup job failed",
    "cancelled": "the backup job was cancelled",
    "canceled": "the backup job was cancelled",
    "timedout": "the backup job timed out",
}


async def read_job(azure: Azure, vm: VmRef, job: Job) -> Job:
    """How a backup job stands; its token is the id of its vault."""
    vault = ArmId.parse(job.token)
    try:
        async with asking(f"read the backup job {job.id}"):
            found = await azure.backup(vm.subscription_id).job_details.get(vault.name, vault.group, job.id)
    except NotFound:
        note = f"the vault {vault.name} has no such job any more"
        return job.changed(state=JobState.FAILED, note=note)
    properties = found.as_dict().get("properties") or {}
    status = str(properties.get("status") or "").lower()
    ended = _JOB_ENDS.get(status)
    if ended is None:
        return job
    reason = _reason(properties.get("errorDetails") or [])
    return job.changed(state=ended, note=f"{_JOB_NOTES[status]}{reason}")


def _reason(details: list[dict[str, Any]]) -> str:
    """The first error or warning, after a colon; empty if there is none."""
    for detail in details:
        said = [str(detail.get(key) or "") for key in ("errorTitle", "errorString")]
        return clean(f": {': '.join(filter(None, said))}")
    return ""


async def running_job(azure: Azure, vm: VmRef, vault_id: str) -> str:
    """The id of the backup job of this VM that runs now; empty if none is found, or more than one."""
    vault = ArmId.parse(vault_id)
    wanted = "operation eq 'Backup' and status eq 'InProgress'"
    found: list[str] = []
    async with asking(f"list the backup jobs of {vault.name}"):
        jobs = azure.backup(vm.subscription_id).backup_jobs.list(vault.name, vault.group, filter=wanted)
        async for job in jobs:
            body = job.as_dict()
            named = str((body.get("properties") or {}).get("entityFriendlyName") or "")
            if named.lower() == vm.name.lower():
                found.append(str(body.get("name") or ""))
    return found[0] if len(found) == 1 else ""
