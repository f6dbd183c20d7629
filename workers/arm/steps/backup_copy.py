"""The backup of now: it is triggered, and counts as taken once its job exists."""

from datetime import UTC, datetime, timedelta

from workers.arm.read import backup
from workers.arm.session.clients import Azure
from workers.arm.session.longrunning import Outcome, operation_status
from workers.arm.steps import backup_writes
from workers.arm.steps.backup_token import Stage, Token, must_not_have_failed, waiting
from workers.domain.containment.containment import Progress
from workers.domain.errors import StepFailed
from workers.domain.starts.vm import VmRef

KEEP = timedelta(days=30)
"""How long the backup that a containment takes is kept."""
MOST_LOOKS_FOR_JOB = 5

RUNNING_ALREADY = frozenset({"UserErrorBackupOperationInProgress", "SystemBackupOperationInProgress"})
"""Codes that say: another backup of this VM is in progress. No other refusal means that.

Source: https://learn.microsoft.com/azure/backup/backup-azure-troubleshoot-vm-backup-fails-snapshot-timeout
"""


class BackupOfNow:
    """Takes a backup of a VM that is protected."""

    def __init__(self, azure: Azure) -> None:
        self._azure = azure

    async def take(self, vm: VmRef, token: Token) -> Progress:
        """Trigger it."""
        try:
            accepted = await backup_writes.trigger(self._azure, vm, token.place, datetime.now(UTC) + KEEP)
        except StepFailed as failure:
            if failure.code not in RUNNING_ALREADY:
                raise
            return await self._taken(vm, token, "a backup is running already")
        begun = token.changed(stage=Stage.JOB, operation=accepted.url, looks=0)
        return waiting(begun, accepted, f"backup accepted by {token.vault_name}")

    async def look(self, vm: VmRef, token: Token) -> Progress:
        """The backup itself takes long; that its job exists is enough."""
        if not token.operation:
            return await self._taken(vm, token, "backup accepted")
        operation = await operation_status(self._azure, token.operation, f"back {vm.name} up")
        if operation.outcome is Outcome.FAILED and operation.code in RUNNING_ALREADY:
            return await self._taken(vm, token, "a backup is running already")
        must_not_have_failed(operation, f"back {vm.name} up")
        job = str(operation.properties.get("jobId") or "")
        if job:
            return await self._taken(vm, token, f"backup job {job}")
        if operation.outcome is Outcome.RUNNING and token.looks < MOST_LOOKS_FOR_JOB:
            again = token.changed(looks=token.looks + 1)
            return waiting(again, operation, f"backup accepted by {token.vault_name}")
        return await self._taken(vm, token, "backup accepted")

    async def _taken(self, vm: VmRef, token: Token, how: str) -> Progress:
        if not await backup.reads_back_protected(self._azure, vm, token.place):
            return Progress(done=False, again=True, note=f"{how}, but the VM does not read back as protected")
        state = f" ({token.state})" if token.state else ""
        return Progress(done=True, note=f"protected by {token.vault_name}{state}, {how}")
