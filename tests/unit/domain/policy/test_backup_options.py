"""The backup options of a lockdown profile, as a person writes them."""

import pytest

from tests import builders as a
from workers.domain.containment.containment import CauseKind
from workers.domain.containment.demands import demanded
from workers.domain.containment.options.backup_options import AfterRestore, BackupOptions, Redundancy
from workers.domain.containment.plans import StepName
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import InvalidPolicy
from workers.domain.policy.reading.file import load_policy

VAULT = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.RecoveryServices/vaults/safe"


def options(text: str) -> BackupOptions:
    policy = load_policy(
        f"oncall: {{usergroup: S0ONCALL1}}\nlockdowns:\n  standard:\n    backup:\n      {text}\n"
    )
    return policy.profile("standard").backup


def test_they_are_read() -> None:
    assert options(f"vault: {VAULT}").vault == VAULT
    made = options("{resource_group: rg-backup, redundancy: local, after_restore: stop}")
    assert (made.resource_group, made.redundancy, made.after_restore) == (
        "rg-backup",
        Redundancy.LOCAL,
        AfterRestore.STOP,
    )


@pytest.mark.parametrize(
    "vault",
    [
        "safe",
        "/subscriptions/s/resourceGroups/rg",
        VAULT.replace("RecoveryServices", "DataProtection"),
        f"{VAULT}/backupPolicies/x",
        f"https://portal.azure.com{VAULT}",
        "''",
    ],
)
def test_a_vault_that_is_none_is_told_with_its_place_and_in_words(vault: str) -> None:
    with pytest.raises(InvalidPolicy) as refused:
        options(f"vault: {vault}")
    (finding,) = refused.value.findings
    assert (finding.line, finding.column, finding.where) == (5, 7, "lockdowns.standard.backup.vault")
    assert "does not look right; write the whole resource id of a Recovery Services vault" in finding.problem


@pytest.mark.parametrize("more", ["resource_group: rg", "redundancy: geo"])
def test_a_vault_by_id_leaves_nothing_to_be_made(more: str) -> None:
    with pytest.raises(InvalidPolicy, match="nothing is made, so leave out"):
        options(f"{{vault: {VAULT}, {more}}}")


def test_vaults_are_made_in_the_profiles_group_unless_the_option_says_otherwise() -> None:
    assert LockdownProfile().vault_group is None
    assert LockdownProfile(resource_group="rg-a").vault_group == "rg-a"
    own = LockdownProfile(resource_group="rg-a", backup=BackupOptions(resource_group="rg-b"))
    assert own.vault_group == "rg-b"


def test_a_demand_that_adds_the_backup_brings_its_options() -> None:
    stop = BackupOptions(after_restore=AfterRestore.STOP)
    without = a.containment(profile=LockdownProfile(steps=(StepName.ISOLATE, StepName.STOP)))
    cause = a.cause(kind=CauseKind.LOCKDOWN, by=a.oncall())
    assert demanded(without, cause, LockdownProfile(backup=stop)).profile.backup == stop
    with_backup = a.containment()
    assert demanded(with_backup, cause, LockdownProfile(backup=stop)).profile.backup == BackupOptions()
