"""How each step of a containment is done on Azure: one module a step, named like the step."""

from collections.abc import Callable
from importlib import import_module

from workers.arm.session.clients import Azure
from workers.domain.containment.spec import StepName
from workers.domain.ports.azure.steps import StepRunner


def step_runners(azure: Azure) -> tuple[StepRunner, ...]:
    """A runner for every step of the table in ``workers.domain.containment.spec``.

    The step ``stop`` is done by what ``runner(azure)`` in ``workers.arm.steps.stop`` gives.
    """
    return tuple(_maker(name)(azure) for name in StepName)


def _maker(name: StepName) -> Callable[[Azure], StepRunner]:
    maker: Callable[[Azure], StepRunner] = import_module(f"{__name__}.{name}").runner
    return maker
