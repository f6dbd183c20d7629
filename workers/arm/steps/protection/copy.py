"""The backup of now: it is triggered, and its job is followed on the side."""

from datetime import UTC, datetime, timedelta

from workers.arm.read import backup
from workers.arm.read.backup import Item
from workers.arm.session.clients import Azure
from workers.arm.session.longrunning import Outcome, operation_status
from workers.arm.steps.protection import writes
from workers.arm.steps.protection.token import Stage, Token, must_not_have_failed, waiting
from workers.domain.containment.afterwards.jobs import Job, JobState
from workers.domain.containment.containment import Progress
from workers.domain.containment.plans import Change
from workers.domain.errors import StepFailed
from workers.domain.starts.vm import VmRef

KEEP = timedelta(days=30)
"""How long the backup that a containment takes is kept."""
MOST_LOOKS_FOR_JOB = 5
ONE_IN = timedelta(days=1)
"""A VM that is contained time and again is backed up once in this time."""
_KEPT = "backup"

RUNNING_ALREADY = frozenset({"UserErrorBackupOperationInProgress", "SystemBackupOperationInProgress"})
"""Codes that say: another backup of this VM is in progress. No other refusal means that.

Source: https://learn.microsoft.com/azure/backup/backup-azure-troubleshoot-vm-backup-fails-snapshot-timeout
"""


class BackupOfNow:
    """Takes a backup of a VM that is protected. It counts once its job is accepted, and is then followed."""

    def __init__(self, azure: Azure) -> None:
        self._azure = azure

    async def take(self, vm: VmRef, token: Token) -> Progress:
        """Trigger it."""
        try:
            accepted = await writes.trigger(self._azure, vm, token.place, datetime.now(UTC) + KEEP)
        except StepFailed as failure:
            if failure.code not in RUNNING_ALREADY:
                raise
            return await self._runs_already(vm, token)
        begun = token.changed(stage=Stage.JOB, operation=accepted.url, looks=0)
        return waiting(begun, accepted, f"backup requested from {token.vault_name}")

    async def recent(self, vm: VmRef, earlier: Change | None) -> Progress | None:
        """The backup of an earlier round, if it is young enough and has not failed; else ``None``."""
        kept = (earlier.kept.get(_KEPT) if earlier else None) or {}
        if not kept or datetime.now(UTC) - datetime.fromisoformat(kept["at"]) >= ONE_IN:
            return None
        if not await backup.reads_back_protected(self._azure, vm, Item.of(vm, kept["vault"])):
            return None
        job = Job(id=kept["job"], token=kept["vault"]) if kept["job"] else None
        if job is not None:
            job = await backup.read_job(self._azure, vm, job)
            if job.state is JobState.FAILED:
                return None
        about = f", job {job.id}," if job is not None else ""
        at = datetime.fromisoformat(kept["at"])
        note = f"the backup of {at:%Y-%m-%d %H:%M} UTC{about} is kept: one a day is taken at most"
        return Progress(done=True, note=note, job=job)

    async def look(self, vm: VmRef, token: Token) -> Progress:
        """See whether the request has become a job."""
        if not token.operation:
            return await self._accepted(vm, token, "")
        operation = await operation_status(self._azure, token.operation, f"back {vm.name} up")
        if operation.outcome is Outcome.FAILED and operation.code in RUNNING_ALREADY:
            return await self._runs_already(vm, token)
        must_not_have_failed(operation, f"back {vm.name} up")
        job = str(operation.properties.get("jobId") or "")
        if not job and operation.outcome is Outcome.RUNNING and token.looks < MOST_LOOKS_FOR_JOB:
            again = token.changed(looks=token.looks + 1)
            return waiting(again, operation, f"backup requested from {token.vault_name}")
        return await self._accepted(vm, token, job)

    async def _runs_already(self, vm: VmRef, token: Token) -> Progress:
        return await self._accepted(vm, token, "", "a backup was under way already")

    async def _accepted(self, vm: VmRef, token: Token, job_id: str, how: str = "backup started") -> Progress:
        if not await backup.reads_back_protected(self._azure, vm, token.place):
            return Progress(done=False, again=True, note=f"{how}, but the VM does not read back as protected")
        job_id = job_id or await backup.running_job(self._azure, vm, token.vault)
        state = f" ({token.state})" if token.state else ""
        about = f", job {job_id}" if job_id else ""
        return Progress(
            done=True,
            note=f"{how}{about}, protected by {token.vault_name}{state}",
            job=Job(id=job_id, token=token.vault) if job_id else None,
        )


def with_backup(change: Change, progress: Progress, vault_id: str) -> Change:
    """The change with a note of the backup that was started, for later rounds."""
    job = progress.job.id if progress.job is not None else ""
    kept = {"vault": vault_id, "job": job, "at": datetime.now(UTC).isoformat()}
    return change.changed(kept={**change.kept, _KEPT: kept})
