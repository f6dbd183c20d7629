"""What a containment does to a VM, one module a step."""

from workers.arm.session.clients import Azure
from workers.arm.steps.backup import Backup
from workers.arm.steps.isolate import Isolate
from workers.arm.steps.stop import Stop
from workers.domain.ports.steps import StepRunner


def step_runners(azure: Azure) -> tuple[StepRunner, ...]:
    """A runner for every step there is."""
    return Isolate(azure), Stop(azure), Backup(azure)
