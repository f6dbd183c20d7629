"""What the backup step says of itself: its plan, and what it changes."""

from workers.arm.ids import group_id, name_of
from workers.arm.read.backup import PROTECTED_STATES, ItemState
from workers.domain.containment.options.backup_options import Redundancy
from workers.domain.containment.plans import Change
from workers.domain.containment.profile import LockdownProfile
from workers.domain.starts.facts import BackupFacts, Facts
from workers.domain.starts.vm import VmRef

_REDUNDANT = {
    Redundancy.LOCAL: "locally redundant",
    Redundancy.ZONE: "zone-redundant",
    Redundancy.GEO: "geo-redundant",
}


def vault_for(vm: VmRef, profile: LockdownProfile, location: str) -> str:
    """The id of the vault that protects a VM which has none yet: the profile's, or one a region is made."""
    if profile.backup.vault is not None:
        return profile.backup.vault
    group = group_id(vm.subscription_id, profile.vault_group or vm.resource_group)
    return f"{group}/providers/Microsoft.RecoveryServices/vaults/startgate-{location}"


def unfit(*, classic: bool, ephemeral: bool) -> str:
    """Why Azure Backup can't protect such a VM; empty if it can.

    Source: https://learn.microsoft.com/azure/virtual-machines/ephemeral-os-disks#unsupported-features
    """
    if classic:
        return "Azure Backup does not protect classic VMs"
    return "its OS disk is ephemeral, which Azure Backup does not protect" if ephemeral else ""


def left_out(why: str) -> Change:
    """The step is skipped."""
    return Change(summary=f"no backup: {why}", skipped=why)


def planned(vm: VmRef, facts: Facts, profile: LockdownProfile) -> Change:
    """Which vault, and what it does, as far as the facts tell."""
    why = unfit(classic=vm.classic, ephemeral=facts.machine is not None and facts.machine.ephemeral)
    if why:
        return left_out(why)
    if facts.backup is None or facts.machine is None:
        return Change(summary="back the VM up", details=("protection: read when it begins",))
    if facts.backup.protected:
        now = f"{_protected_now(facts.backup)}; a backup is taken now"
        return Change(summary="back the VM up now", details=(now,))
    vault = name_of(vault_for(vm, profile, facts.machine.location))
    return Change(
        summary=f"protect the VM with Azure Backup in {vault}, and back it up now",
        details=(
            f"{vm.name}: not protected → protected by {vault}",
            *_made(vm, profile, vault),
            f"after a restore, {profile.backup.after_restore.words}",
        ),
    )


def _made(vm: VmRef, profile: LockdownProfile, vault: str) -> tuple[str, ...]:
    """Where the vault is made, and what that means; nothing if the profile names one."""
    if profile.backup.vault is not None:
        return ()
    group = profile.vault_group or vm.resource_group
    kind = _REDUNDANT[profile.backup.redundancy or Redundancy.GEO]
    made = f"{vault}: made if it is missing, {kind}, in resource group {group}"
    return (f"{made}, which can't be deleted while the vault holds backups",)


def _protected_now(known: BackupFacts) -> str:
    state = f" ({known.state})" if known.state else ""
    return f"protected already by {name_of(known.vault_id)}{state}"


def change(
    vm: VmRef,
    profile: LockdownProfile,
    vault_id: str,
    *,
    protected: bool,
    state: ItemState | None,
    words: str,
) -> Change:
    """What the step changes, with what it found.

    Args:
        vm: which VM.
        profile: says what a restore leaves.
        vault_id: the vault that protects it, or will.
        protected: whether it is registered with that vault already.
        state: of the protected item; ``None`` if there was none.
        words: how that protection stands, if it is more than *protected*.
    """
    vault = name_of(vault_id)
    now = f"protected by {vault}" if protected else "not protected"
    about = f" ({words})" if protected and words else ""
    before = {"protected": protected, "vault": vault_id if protected else None, "state": words}
    ran = protected and state in PROTECTED_STATES
    return Change(
        summary="back the VM up now" if protected else f"protect the VM in {vault} and back it up",
        details=(f"{vm.name}: {now}{about} → protected by {vault}, with a backup of now",),
        before={**before, "ran": ran},
        after={"protected": True, "vault": vault_id},
        back=(
            f"{vm.name}: stays protected by {vault}, as before"
            if ran
            else profile.backup.after_restore.words,
        ),
    )
