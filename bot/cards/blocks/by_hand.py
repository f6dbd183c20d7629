"""What a person can do when a containment step fails: the remedy, and a command that is safe to copy."""

import re

from bot.cards.blocks.text import code
from workers.domain.containment.plans import StepName
from workers.domain.starts.vm import VmRef

# A command is copied into a shell: it is offered only where no part of it can mean anything there.
_SHELL_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,89}")

_PORTAL = {
    StepName.ISOLATE: "in the Azure portal, give every network interface of the VM a security group"
    " that denies everything; a stopped VM is out of reach, too",
    StepName.STOP: "in the Azure portal, open the VM and choose Stop, so that it becomes deallocated",
    StepName.BACKUP: "in the Azure portal, open Backup on the VM, enable it and choose Back up now",
}

_UNDO = {
    StepName.ISOLATE: "in the Azure portal, give each network interface its former security group",
    StepName.STOP: "see in the Azure portal why the VM does not start",
}


def remedy(step: StepName, vm: VmRef) -> str:
    """What to do instead of this step, as mrkdwn without a capital and a full stop."""
    command = _command(step, vm)
    return f"{_PORTAL[step]}; or run {command}" if command else _PORTAL[step]


def undo_remedy(step: StepName) -> str:
    """What to do where a step can't be undone, as mrkdwn without a capital and a full stop."""
    return _UNDO.get(step, "in the Azure portal, take back what the step did")


def _command(step: StepName, vm: VmRef) -> str:
    parts = (vm.subscription_id, vm.resource_group, vm.name)
    if step is not StepName.STOP or vm.classic or not all(map(_SHELL_SAFE.fullmatch, parts)):
        return ""
    subscription, group, name = parts
    return code(f"az vm deallocate --subscription {subscription} --resource-group {group} --name {name}", 400)
