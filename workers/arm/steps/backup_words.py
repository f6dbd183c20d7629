"""What the backup step says of itself: its plan, and what it changes."""

from workers.arm.ids import group_id, name_of
from workers.domain.containment.plans import Change
from workers.domain.containment.profile import LockdownProfile
from workers.domain.starts.facts import BackupFacts, Facts
from workers.domain.starts.vm import VmRef

DATA_KEPT = "a backup is taken now"


def vault_for(vm: VmRef, profile: LockdownProfile, location: str) -> str:
    """The id of the vault that protects a VM which has none yet: one a region, made on demand."""
    group = group_id(vm.subscription_id, profile.resource_group or vm.resource_group)
    return f"{group}/providers/Microsoft.RecoveryServices/vaults/startgate-{location}"


def planned(vm: VmRef, facts: Facts, profile: LockdownProfile) -> Change:
    """Which vault, and what it does, as far as the facts tell."""
    if vm.classic:
        return Change(summary="no backup: Azure Backup does not protect classic VMs")
    if facts.backup is None or facts.machine is None:
        return Change(summary="back the VM up", details=("protection: read when it begins",))
    if facts.backup.protected:
        return Change(summary="back the VM up now", details=(f"{_protected_now(facts.backup)}; {DATA_KEPT}",))
    vault = name_of(vault_for(vm, profile, facts.machine.location))
    return Change(
        summary=f"protect the VM with Azure Backup in {vault}, and back it up now",
        details=(f"{vm.name}: not protected → protected by {vault}",),
    )


def _protected_now(known: BackupFacts) -> str:
    state = f" ({known.state})" if known.state else ""
    return f"protected already by {name_of(known.vault_id)}{state}"


def change(vm: VmRef, vault_id: str, *, protected: bool, state: str) -> Change:
    """What the step changes, with what it found.

    Args:
        vm: which VM.
        vault_id: the vault that protects it, or will.
        protected: whether it is registered with that vault already.
        state: how that protection stands, if it is more than *protected*, in words.
    """
    vault = name_of(vault_id)
    now = f"protected by {vault}" if protected else "not protected"
    about = f" ({state})" if protected and state else ""
    return Change(
        summary="back the VM up now" if protected else f"protect the VM in {vault} and back it up",
        details=(f"{vm.name}: {now}{about} → protected by {vault}, with a backup of now",),
        before={"protected": protected, "vault": vault_id if protected else None, "state": state},
        after={"protected": True, "vault": vault_id},
    )
