"""What a person can do when a containment step fails: the remedy, and a command that is safe to copy."""

import re

from bot.cards.blocks.text import code
from workers.domain.containment.by_hand import filled, shell_line, values_of
from workers.domain.containment.containment import Step
from workers.domain.containment.plans import StepName
from workers.domain.starts.vm import VmRef

# A command is copied into a shell: it is offered only where no part of it can mean anything there.
_SHELL_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,89}")


def remedy(step: Step, vm: VmRef) -> str:
    """What to do instead of this step, as mrkdwn without a capital and a full stop."""
    spec = step.name.spec
    if step.change is not None and step.change.other_way:
        command = _command(spec.other_command, vm)
        return f"{spec.other_by_hand}: {command}" if command else spec.other_by_hand
    command = _command(spec.command, vm)
    return f"{spec.by_hand}; or run {command}" if command else spec.by_hand


def undo_remedy(step: StepName) -> str:
    """What to do where a step can't be undone, as mrkdwn without a capital and a full stop."""
    return step.spec.undo_by_hand


def _command(template: str, vm: VmRef) -> str:
    shown = (vm.subscription_id, vm.resource_group, vm.name)
    if not template or "{location}" in template or vm.classic or not all(map(_SHELL_SAFE.fullmatch, shown)):
        return ""
    return code(" && ".join(map(shell_line, filled(template, values_of(vm)))), 400)
