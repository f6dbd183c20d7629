"""Backing a VM up with the Azure CLI.

Source: https://learn.microsoft.com/azure/backup/quick-backup-vm-cli
"""

from workers.arm.ids import ArmId
from workers.arm.steps.protection.token import DEFAULT_POLICY
from workers.arm.steps.protection.words import unfit, vault_for
from workers.domain.containment.by_hand import Words, az
from workers.domain.containment.profile import LockdownProfile
from workers.domain.starts.facts import Facts
from workers.domain.starts.vm import VmRef


def commands(vm: VmRef, facts: Facts, profile: LockdownProfile) -> tuple[Words, ...]:
    """The vault and the protection where there is none, and the backup; none for what can't be backed up.

    A VM of trusted launch takes only another policy, which the facts don't tell; the CLI says so then.
    """
    machine, known = facts.machine, facts.backup
    if machine is None or known is None or unfit(classic=vm.classic, ephemeral=machine.ephemeral):
        return ()
    vault = ArmId.parse(known.vault_id or vault_for(vm, profile, machine.location))
    group = {"subscription": vault.subscription_id, "resource-group": vault.group}
    inside = {**group, "vault-name": vault.name}
    found: list[Words] = []
    if not known.protected:
        if profile.backup.vault is None:
            made = {**group, "name": vault.name, "location": machine.location}
            found.append(az("backup vault create", made))
        protect = {**inside, "vm": vm.resource_id, "policy-name": DEFAULT_POLICY}
        found.append(az("backup protection enable-for-vm", protect))
    named = {"container-name": vm.name, "item-name": vm.name, "backup-management-type": "AzureIaasVM"}
    now = {**inside, **named, "workload-type": "VM"}
    found.append(az("backup protection backup-now", now))
    return tuple(found)
