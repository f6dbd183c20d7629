"""Undoing a backup step: the protection goes on, or is stopped with its data kept, as the profile says."""

from workers.arm.read import backup
from workers.arm.read.backup import Item, ItemState
from workers.arm.session.clients import Azure
from workers.arm.session.longrunning import Outcome, operation_status
from workers.arm.steps.protection import writes
from workers.arm.steps.protection.token import Stage, Token, must_not_have_failed, waiting
from workers.domain.containment.containment import Progress, Step
from workers.domain.containment.options.backup_options import AfterRestore
from workers.domain.containment.profile import LockdownProfile
from workers.domain.starts.vm import VmRef


async def undo_backup(azure: Azure, vm: VmRef, profile: LockdownProfile, step: Step) -> Progress:
    """Begin it, or see how far it is. A protection that was there before us is left alone."""
    change = step.change
    vault = str((change.after if change else {}).get("vault") or "")
    if not vault or change is None:
        return Progress(done=True, note="nothing was protected")
    if change.before.get("ran", change.before.get("protected")):
        return Progress(done=True, note="kept, as it was before")
    if profile.backup.after_restore is not AfterRestore.STOP:
        return Progress(done=True, note=f"kept: {AfterRestore.KEEP.words}")
    return await _stopping(azure, vm, Item.of(vm, vault), step)


async def _stopping(azure: Azure, vm: VmRef, item: Item, step: Step) -> Progress:
    token = Token.model_validate_json(step.token) if step.token else None
    if token is not None and token.operation:
        doing = f"stop the protection of {vm.name}"
        operation = await operation_status(azure, token.operation, doing)
        if operation.outcome is Outcome.RUNNING:
            return waiting(token, operation, "stopping the protection")
        must_not_have_failed(operation, doing)
    found = await backup.find_item(azure, vm, item)
    if found is None:
        return Progress(done=True, note="it is no longer protected")
    if found.state in (ItemState.STOPPED, ItemState.SOFT_DELETED):
        return Progress(done=True, note=f"{AfterRestore.STOP.words}, read back")
    if token is not None:
        return Progress(done=False, again=True, note="stopping has ended, but the protection goes on")
    if await backup.running_job(azure, vm, item.vault_id):
        # It may take hours, and the VM must not count as contained for so long.
        return Progress(
            done=True,
            note="protection goes on, because a backup is under way: once it has ended, stop it in the vault",
        )
    accepted = await writes.stop_protection(azure, vm, item)
    begun = Token(
        stage=Stage.STOP,
        vault=item.vault_id,
        container=item.container,
        item=item.name,
        operation=accepted.url,
    )
    return waiting(begun, accepted, "stopping the protection")
