"""Backup: have Azure Backup protect the VM, and take a backup now.

A small machine of stages, kept in the step's token: vault → protect → job. Each look does as much as can be
done without waiting. Everything may be begun again: a vault that exists is used, a VM that is protected is
backed up in the vault that protects it, and a backup that runs already is as good as a new one.
"""

from datetime import UTC, datetime, timedelta
from enum import StrEnum

from typing_extensions import override

from workers.arm.ids import group_id, name_of
from workers.arm.read import backup
from workers.arm.read.backup import Item
from workers.arm.read.machine import read_machine_to_contain, trusted_launch
from workers.arm.session.clients import Azure
from workers.arm.session.errors import Busy
from workers.arm.session.longrunning import Accepted, OperationState, Outcome, next_look_s, operation_status
from workers.arm.steps import backup_writes
from workers.arm.steps.lockdown import TAGS
from workers.domain.containment.containment import Progress, Step
from workers.domain.containment.plans import Change, StepName
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import NotFound, StepFailed
from workers.domain.model import Stored
from workers.domain.ports.steps import StepRunner
from workers.domain.starts.facts import Facts
from workers.domain.starts.vm import VmRef

KEEP = timedelta(days=30)
"""How long the backup that a containment takes is kept."""

USUAL_LOOK_S = 5.0
MOST_LOOKS_FOR_JOB = 5
DEFAULT_POLICY = "DefaultPolicy"
ENHANCED_POLICY = "EnhancedPolicy"
"""Both come with every vault; VMs of trusted launch need the second."""


class Stage(StrEnum):
    """What is under way."""

    VAULT = "vault"
    PROTECT = "protect"
    JOB = "job"


class Token(Stored):
    """Where the step stands, between two looks."""

    stage: Stage
    vault: str
    container: str
    item: str
    policy: str = DEFAULT_POLICY
    operation: str = ""
    looks: int = 0


class Backup(StepRunner):
    """The ``StepRunner`` that protects a VM and backs it up."""

    name = StepName.BACKUP

    def __init__(self, azure: Azure) -> None:
        self._azure = azure

    @override
    def plan(self, vm: VmRef, facts: Facts, profile: LockdownProfile) -> Change:
        """Which vault, as far as the facts tell."""
        if vm.classic:
            return Change(summary="no backup: Azure Backup does not protect classic VMs")
        if facts.backup is None or facts.machine is None:
            return Change(summary="back the VM up", details=("protection: read when it begins",))
        if facts.backup.protected:
            return Change(
                summary="back the VM up now",
                details=(f"protected already by {name_of(facts.backup.vault_id)}; a backup is taken now",),
            )
        vault = name_of(_vault_id(vm, profile, facts.machine.location))
        return Change(
            summary=f"protect the VM with Azure Backup in {vault}, and back it up now",
            details=(f"{vm.name}: not protected → protected by {vault}",),
        )

    @override
    async def begin(
        self, vm: VmRef, profile: LockdownProfile, containment_id: str, *, earlier: Change | None = None
    ) -> Progress:
        """Find out how things are, and do the first thing that is missing."""
        if vm.classic:
            raise StepFailed("Azure Backup does not protect classic VMs", code="ClassicVm", final=True)
        machine = await read_machine_to_contain(self._azure, vm)
        location = machine["location"]
        status = await backup.backup_status(self._azure, vm, location)
        protected = backup.is_protected(status) and bool(status.get("vaultId"))
        vault_id = status["vaultId"] if protected else _vault_id(vm, profile, location)
        item = Item.of(vm, vault_id)
        token = Token(
            stage=Stage.PROTECT,
            vault=vault_id,
            container=str(status.get("containerName") or item.container),
            item=str(status.get("protectedItemName") or item.name),
            policy=ENHANCED_POLICY if trusted_launch(machine) else DEFAULT_POLICY,
        )
        change = (
            earlier if earlier is not None and earlier.after else _change(vm, vault_id, protected=protected)
        )
        if protected:
            progress = await self._trigger(vm, token)
        else:
            progress = await self._with_vault(vm, profile, location, token)
        return progress.changed(change=change)

    @override
    async def check(self, vm: VmRef, profile: LockdownProfile, step: Step) -> Progress:
        """Look at what is under way, and go on as far as possible."""
        if not step.token:
            return await self._verify(vm, step)
        token = Token.model_validate_json(step.token)
        match token.stage:
            case Stage.VAULT:
                return await self._vault_made(vm, token)
            case Stage.PROTECT:
                return await self._protecting(vm, token)
            case Stage.JOB:
                return await self._backing_up(vm, token)

    @override
    async def undo(
        self, vm: VmRef, profile: LockdownProfile, step: Step, *, start: str | None = None
    ) -> Progress:
        """Nothing: protection and recovery points are kept."""
        return Progress(done=True, note="protection and backups are kept")

    async def _with_vault(self, vm: VmRef, profile: LockdownProfile, location: str, token: Token) -> Progress:
        if await backup.find_vault(self._azure, token.vault) is not None:
            # It may be another containment's, still being made.
            return await self._vault_made(vm, token.changed(stage=Stage.VAULT))
        try:
            accepted = await backup_writes.create_vault(self._azure, token.vault, location, TAGS)
        except NotFound:
            group = profile.resource_group or vm.resource_group
            raise StepFailed(
                f"the resource group {group} for the vault does not exist in the VM's subscription; create "
                f"it, or name another one in the lockdown profile {profile.name}",
                code="ResourceGroupNotFound",
                final=True,
            ) from None
        begun = token.changed(stage=Stage.VAULT, operation=accepted.url)
        return _waiting(begun, accepted, f"creating the vault {name_of(token.vault)}")

    async def _vault_made(self, vm: VmRef, token: Token) -> Progress:
        vault = await backup.find_vault(self._azure, token.vault)
        state = str(((vault or {}).get("properties") or {}).get("provisioningState") or "")
        if vault is None or state not in ("Succeeded", ""):
            if token.operation:
                operation = await operation_status(self._azure, token.operation, "create the vault")
                _must_not_have_failed(operation, f"create the vault {name_of(token.vault)}")
            return _waiting(token, None, f"creating the vault {name_of(token.vault)}")
        try:
            accepted = await backup_writes.protect(self._azure, vm, _item(token), token.policy)
        except Busy as busy:
            return _waiting(token.changed(stage=Stage.VAULT), None, str(busy))
        except StepFailed as failure:
            if token.policy == DEFAULT_POLICY and _wants_enhanced(failure):
                return await self._vault_made(vm, token.changed(policy=ENHANCED_POLICY))
            raise
        begun = token.changed(stage=Stage.PROTECT, operation=accepted.url)
        return _waiting(begun, accepted, f"protecting with {token.policy} of {name_of(token.vault)}")

    async def _protecting(self, vm: VmRef, token: Token) -> Progress:
        operation = (
            await operation_status(self._azure, token.operation, f"protect {vm.name}")
            if token.operation
            else None
        )
        if operation is not None and operation.outcome is Outcome.RUNNING:
            return _still(token, operation, f"protecting with {token.policy} of {name_of(token.vault)}")
        if operation is not None and operation.outcome is Outcome.FAILED:
            failure = StepFailed(f"{operation.code}: {operation.message}", code=operation.code)
            if token.policy == DEFAULT_POLICY and _wants_enhanced(failure):
                return await self._vault_made(vm, token.changed(policy=ENHANCED_POLICY, operation=""))
            _must_not_have_failed(operation, f"protect {vm.name}")
        if not await backup.reads_back_protected(self._azure, vm, _item(token)):
            return Progress(done=False, again=True, note="protection has ended, but the VM is not protected")
        return await self._trigger(vm, token)

    async def _trigger(self, vm: VmRef, token: Token) -> Progress:
        try:
            accepted = await backup_writes.trigger(self._azure, vm, _item(token), datetime.now(UTC) + KEEP)
        except StepFailed as failure:
            if "InProgress" not in failure.code:
                raise
            return await self._done(vm, token, "a backup is running already")
        begun = token.changed(stage=Stage.JOB, operation=accepted.url, looks=0)
        return _waiting(begun, accepted, f"backup accepted by {name_of(token.vault)}")

    async def _backing_up(self, vm: VmRef, token: Token) -> Progress:
        """The backup itself takes long; that its job exists is enough."""
        if not token.operation:
            return await self._done(vm, token, "backup accepted")
        operation = await operation_status(self._azure, token.operation, f"back {vm.name} up")
        _must_not_have_failed(operation, f"back {vm.name} up")
        job = str(operation.properties.get("jobId") or "")
        if job:
            return await self._done(vm, token, f"backup job {job}")
        if operation.outcome is Outcome.RUNNING and token.looks < MOST_LOOKS_FOR_JOB:
            again = token.changed(looks=token.looks + 1)
            return _still(again, operation, f"backup accepted by {name_of(token.vault)}")
        return await self._done(vm, token, "backup accepted")

    async def _done(self, vm: VmRef, token: Token, how: str) -> Progress:
        if not await backup.reads_back_protected(self._azure, vm, _item(token)):
            return Progress(done=False, again=True, note=f"{how}, but the VM does not read back as protected")
        return Progress(done=True, note=f"protected by {name_of(token.vault)}, {how}")

    async def _verify(self, vm: VmRef, step: Step) -> Progress:
        """A step that is done, looked at once more."""
        vault = (step.change.after if step.change else {}).get("vault")
        if not vault or not await backup.reads_back_protected(self._azure, vm, Item.of(vm, vault)):
            return Progress(done=False, again=True, note="the VM does not read back as protected")
        return Progress(done=True, note=step.note)


def _vault_id(vm: VmRef, profile: LockdownProfile, location: str) -> str:
    group = group_id(vm.subscription_id, profile.resource_group or vm.resource_group)
    return f"{group}/providers/Microsoft.RecoveryServices/vaults/startgate-{location}"


def _item(token: Token) -> Item:
    return Item(vault_id=token.vault, container=token.container, name=token.item)


def _change(vm: VmRef, vault_id: str, *, protected: bool) -> Change:
    now = f"protected by {name_of(vault_id)}" if protected else "not protected"
    return Change(
        summary="back the VM up now"
        if protected
        else f"protect the VM in {name_of(vault_id)} and back it up",
        details=(f"{vm.name}: {now} → protected by {name_of(vault_id)}, with a backup of now",),
        before={"protected": protected, "vault": vault_id if protected else None},
        after={"protected": True, "vault": vault_id},
    )


def _wants_enhanced(failure: StepFailed) -> bool:
    said = f"{failure.code} {failure}".lower().replace(" ", "")
    return "trustedlaunch" in said or "enhancedpolicy" in said


def _must_not_have_failed(operation: OperationState, doing: str) -> None:
    if operation.outcome is Outcome.FAILED:
        raise StepFailed(
            f"Azure could not {doing}: {operation.code}: {operation.message}", code=operation.code
        )


def _waiting(token: Token, accepted: Accepted | None, note: str) -> Progress:
    seconds = next_look_s(accepted.retry_after_s if accepted else None, usual_s=USUAL_LOOK_S)
    return Progress(
        done=False, token=token.model_dump_json(), look_again_after=timedelta(seconds=seconds), note=note
    )


def _still(token: Token, operation: OperationState, note: str) -> Progress:
    seconds = next_look_s(operation.retry_after_s, usual_s=USUAL_LOOK_S)
    return Progress(
        done=False, token=token.model_dump_json(), look_again_after=timedelta(seconds=seconds), note=note
    )


def runner(azure: Azure) -> StepRunner:
    """For ``step_runners``."""
    return Backup(azure)
