"""Backup: have Azure Backup protect the VM, and take a backup now.

A small machine of stages, kept in the step's token: vault → protect → job. Each look does as much as can be
done without waiting. Everything may be begun again: a vault that exists is used, a VM that is registered with
a vault is backed up in that one, and a backup that runs already is as good as a new one.

Protection that others have stopped is resumed, and deleted backups are undeleted. Protection that others have
paused or that Azure can't get going is said, and left to whoever runs that vault.
"""

from typing import Any

from typing_extensions import override

from workers.arm.ids import same
from workers.arm.read import backup
from workers.arm.read.backup import ITEM_WORDS, PROTECTED_STATES, Item, ItemState, ItemView
from workers.arm.read.machine import ephemeral, read_machine_to_contain, trusted_launch
from workers.arm.session.clients import Azure
from workers.arm.session.errors import Busy
from workers.arm.session.longrunning import Outcome, operation_status
from workers.arm.steps.isolation.lockdown import tags_of
from workers.arm.steps.protection import by_hand, words, writes
from workers.arm.steps.protection.copy import BackupOfNow, with_backup
from workers.arm.steps.protection.token import (
    DEFAULT_POLICY,
    ENHANCED_POLICY,
    Stage,
    Token,
    must_not_have_failed,
    provisioning,
    waiting,
    wants_enhanced,
)
from workers.arm.steps.protection.undo import undo_backup
from workers.domain.containment.afterwards.jobs import Job
from workers.domain.containment.by_hand import Words
from workers.domain.containment.containment import Progress, Step
from workers.domain.containment.plans import Change, StepName
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import NotFound, StepFailed
from workers.domain.ports.azure.steps import StepRunner
from workers.domain.starts.facts import Facts
from workers.domain.starts.vm import VmRef

VAULT_FAILED = frozenset({"failed", "canceled", "cancelled"})
"""Provisioning states, in lower case, of a vault that has to be put once more."""


class Backup(StepRunner):
    """The ``StepRunner`` that protects a VM and backs it up."""

    name = StepName.BACKUP

    def __init__(self, azure: Azure) -> None:
        self._azure = azure
        self._now = BackupOfNow(azure)

    @override
    def plan(self, vm: VmRef, facts: Facts, profile: LockdownProfile) -> Change:
        """Which vault, as far as the facts tell."""
        return words.planned(vm, facts, profile)

    @override
    def by_hand(self, vm: VmRef, facts: Facts, profile: LockdownProfile) -> tuple[Words, ...]:
        """The vault, the VM's protection by it, and a backup of now."""
        return by_hand.commands(vm, facts, profile)

    @override
    def writes(self, vm: VmRef, facts: Facts, profile: LockdownProfile) -> tuple[str, ...]:
        """The vault, and the VM itself when it is first protected."""
        known = facts.backup
        if known is not None and known.vault_id:
            return (known.vault_id,)
        if facts.machine is None:
            return (vm.resource_id,)
        return (vm.resource_id, words.vault_for(vm, profile, facts.machine.location))

    @override
    async def begin(
        self, vm: VmRef, profile: LockdownProfile, containment_id: str, *, earlier: Change | None = None
    ) -> Progress:
        """Find out how things are, and do the first thing that is missing."""
        if vm.classic:
            return _left_out(vm)
        recent = await self._now.recent(vm, earlier)
        if recent is not None:
            return recent.changed(change=earlier)
        machine = await read_machine_to_contain(self._azure, vm)
        if ephemeral(machine):
            return _left_out(vm)
        location = machine["location"]
        status = await backup.backup_status(self._azure, vm, location)
        vault_id = str(status.get("vaultId") or "") or words.vault_for(vm, profile, location)
        item = Item.of(vm, vault_id)
        token = Token(
            stage=Stage.PROTECT,
            vault=vault_id,
            container=str(status.get("containerName") or item.container),
            item=str(status.get("protectedItemName") or item.name),
            location=location,
            policy=ENHANCED_POLICY if trusted_launch(machine) else DEFAULT_POLICY,
        )
        registered, found = bool(status.get("vaultId")), None
        if registered:
            found = await backup.find_item(self._azure, vm, token.place)
            token = token.changed(
                state=ITEM_WORDS.get(found.state, "") if found else backup.status_words(status)
            )
            progress = await self._registered(vm, profile, token, found, status)
        else:
            progress = await self._with_vault(vm, profile, token)
        state = found.state if found is not None else None
        change = words.change(vm, profile, vault_id, protected=registered, state=state, words=token.state)
        if earlier is not None and earlier.after:
            change = earlier
        if progress.done:
            change = with_backup(change, progress, vault_id)
        return progress.changed(change=change)

    @override
    async def check(self, vm: VmRef, profile: LockdownProfile, step: Step) -> Progress:
        """Look at what is under way, and go on as far as possible."""
        if not step.token:
            return await self._verify(vm, step)
        token = Token.model_validate_json(step.token)
        progress = await self._look(vm, profile, token)
        if progress.done and step.change is not None:
            return progress.changed(change=with_backup(step.change, progress, token.vault))
        return progress

    async def _look(self, vm: VmRef, profile: LockdownProfile, token: Token) -> Progress:
        match token.stage:
            case Stage.VAULT:
                return await self._vault_made(vm, profile, token)
            case Stage.UNDELETE:
                return await self._undeleting(vm, token)
            case Stage.PROTECT:
                return await self._protecting(vm, profile, token)
            case Stage.JOB | Stage.STOP:
                return await self._now.look(vm, token)

    @override
    async def undo(
        self, vm: VmRef, profile: LockdownProfile, step: Step, *, start: str | None = None
    ) -> Progress:
        """Keep the protection, or stop it and keep its data, as the profile says."""
        return await undo_backup(self._azure, vm, profile, step)

    @override
    async def follow(self, vm: VmRef, job: Job) -> Job:
        """How the backup job stands."""
        return await backup.read_job(self._azure, vm, job)

    # A VM that is registered with a vault

    async def _registered(
        self,
        vm: VmRef,
        profile: LockdownProfile,
        token: Token,
        found: ItemView | None,
        status: dict[str, Any],
    ) -> Progress:
        """Go on in the vault that has it. No other one can protect it."""
        if found is not None:
            return await self._with_item(vm, token, found)
        vault = token.vault_name
        match str(status.get("protectionStatus") or "").lower():
            case "protecting":
                return waiting(token, None, f"{vault} is enabling protection")
            case "protectionfailed" if same(token.vault, words.vault_for(vm, profile, token.location)):
                return await self._protect(vm, token)  # an earlier attempt of ours
            case "protectionfailed":
                raise StepFailed(
                    f"protection by {vault} has failed, and no other vault can protect {vm.name}: in that "
                    "vault, look at the jobs, and enable protection again or take the VM off",
                    code="ProtectionFailed",
                    final=True,
                )
            case _:
                raise StepFailed(
                    f"Azure says that {vault} protects {vm.name}, but that vault has no such item",
                    code="ItemNotFound",
                )

    async def _with_item(self, vm: VmRef, token: Token, found: ItemView) -> Progress:
        """Do what the item's state needs so that it is backed up."""
        if found.state in PROTECTED_STATES:
            return await self._now.take(vm, token)
        vault = token.vault_name
        match found.state:
            case ItemState.SOFT_DELETED:
                accepted = await writes.undelete(self._azure, vm, token.place)
                begun = token.changed(stage=Stage.UNDELETE, operation=accepted.url)
                return waiting(begun, accepted, f"undeleting the backups in {vault}")
            case ItemState.STOPPED:
                return await self._protect(vm, token.changed(policy=found.policy or token.policy))
            case _:
                raise StepFailed(
                    f"{vault} protects {vm.name}, but takes no backups ({ITEM_WORDS[found.state]}): ask "
                    "whoever runs that vault to resume them",
                    code="BackupsSuspended",
                    final=True,
                )

    async def _undeleting(self, vm: VmRef, token: Token) -> Progress:
        vault, doing = token.vault_name, f"undelete the backups of {vm.name}"
        if token.operation:
            operation = await operation_status(self._azure, token.operation, doing)
            if operation.outcome is Outcome.RUNNING:
                return waiting(token, operation, f"undeleting the backups in {vault}")
            must_not_have_failed(operation, doing)
        found = await backup.find_item(self._azure, vm, token.place)
        if found is None or found.state is ItemState.SOFT_DELETED:
            return Progress(
                done=False, again=True, note=f"undeleting has ended, but {vault} has no such item"
            )
        return await self._with_item(vm, token, found)

    # A VM that is not

    async def _with_vault(self, vm: VmRef, profile: LockdownProfile, token: Token) -> Progress:
        vault = await backup.find_vault(self._azure, token.vault)
        if vault is not None:
            # It may be another containment's, still being made.
            return await self._vault_made(vm, profile, token.changed(stage=Stage.VAULT), vault)
        return await self._make_vault(vm, profile, token)

    async def _make_vault(self, vm: VmRef, profile: LockdownProfile, token: Token) -> Progress:
        """Put the vault: a new one, or once more the one that could not be made. One by id is never put."""
        if profile.backup.vault is not None:
            raise StepFailed(
                f"the vault {token.vault_name} that the lockdown profile {profile.name} names does not exist,"
                " or is in the state Failed; create it, or name another one",
                code="VaultNotFound",
                final=True,
            )
        making = f"creating the vault {token.vault_name}"
        try:
            accepted = await writes.create_vault(
                self._azure, token.vault, token.location, tags_of(profile), profile.backup.redundancy
            )
        except NotFound:
            group = profile.vault_group or vm.resource_group
            raise StepFailed(
                f"the resource group {group} for the vault does not exist in the VM's subscription; create "
                f"it, or name another one in the lockdown profile {profile.name}",
                code="ResourceGroupNotFound",
                final=True,
            ) from None
        except Busy:  # another containment does the same
            return waiting(token.changed(stage=Stage.VAULT, operation=""), None, making)
        return waiting(token.changed(stage=Stage.VAULT, operation=accepted.url), accepted, making)

    async def _vault_made(
        self, vm: VmRef, profile: LockdownProfile, token: Token, vault: dict[str, Any] | None = None
    ) -> Progress:
        vault = vault or await backup.find_vault(self._azure, token.vault)
        state = provisioning(vault) if vault is not None else "missing"
        if state not in ("succeeded", ""):
            if token.operation:
                operation = await operation_status(self._azure, token.operation, "create the vault")
                must_not_have_failed(operation, f"create the vault {token.vault_name}")
            elif vault is None or state in VAULT_FAILED:  # another containment's, that came to nothing
                return await self._make_vault(vm, profile, token)
            return waiting(token, None, f"creating the vault {token.vault_name}")
        found = await backup.find_item(self._azure, vm, token.place)
        if found is not None:  # the status names no vault where the backups are deleted softly
            return await self._with_item(vm, token, found)
        return await self._protect(vm, token)

    async def _protect(self, vm: VmRef, token: Token) -> Progress:
        doing = f"protecting with {token.policy} of {token.vault_name}"
        try:
            accepted = await writes.protect(self._azure, vm, token.place, token.policy)
        except Busy as busy:
            return waiting(token.changed(stage=Stage.VAULT, operation=""), None, str(busy))
        except StepFailed as failure:
            if token.policy == DEFAULT_POLICY and wants_enhanced(failure):
                return await self._protect(vm, token.changed(policy=ENHANCED_POLICY))
            raise
        return waiting(token.changed(stage=Stage.PROTECT, operation=accepted.url), accepted, doing)

    async def _protecting(self, vm: VmRef, profile: LockdownProfile, token: Token) -> Progress:
        if not token.operation:
            return await self._protected_by_others(vm, profile, token)
        operation = await operation_status(self._azure, token.operation, f"protect {vm.name}")
        if operation.outcome is Outcome.RUNNING:
            return waiting(token, operation, f"protecting with {token.policy} of {token.vault_name}")
        if operation.outcome is Outcome.FAILED:
            failure = StepFailed(f"{operation.code}: {operation.message}", code=operation.code)
            if token.policy == DEFAULT_POLICY and wants_enhanced(failure):
                return await self._protect(vm, token.changed(policy=ENHANCED_POLICY))
            must_not_have_failed(operation, f"protect {vm.name}")
        if not await backup.reads_back_protected(self._azure, vm, token.place):
            return Progress(done=False, again=True, note="protection has ended, but the VM is not protected")
        return await self._now.take(vm, token)

    async def _protected_by_others(self, vm: VmRef, profile: LockdownProfile, token: Token) -> Progress:
        """Somebody else is enabling protection: look how far that is."""
        found = await backup.find_item(self._azure, vm, token.place)
        status = {} if found else await backup.backup_status(self._azure, vm, token.location)
        return await self._registered(vm, profile, token, found, status)

    async def _verify(self, vm: VmRef, step: Step) -> Progress:
        """A step that is done, looked at once more."""
        vault = (step.change.after if step.change else {}).get("vault")
        if not vault or not await backup.reads_back_protected(self._azure, vm, Item.of(vm, vault)):
            return Progress(done=False, again=True, note="the VM does not read back as protected")
        return Progress(done=True, note=step.note)


def _left_out(vm: VmRef) -> Progress:
    why = words.unfit(classic=vm.classic, ephemeral=True)
    return Progress(done=True, note=why, change=words.left_out(why))


def runner(azure: Azure) -> StepRunner:
    """For ``step_runners``."""
    return Backup(azure)
