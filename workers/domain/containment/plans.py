"""What a containment will do to one VM, as it is shown beforehand."""

from typing import Any

from pydantic import Field

from workers.domain.containment.spec import StepName
from workers.domain.model import Stored, UtcTime

__all__ = ["Change", "Plan", "PlannedStep", "StepName"]


class Change(Stored):
    """What one step changes.

    Attributes:
        summary: one line for a person, such as ``isolate 2 NICs with startgate-lockdown-…``.
        details: one line per thing touched, before → after.
        before: what undo needs, as the step wrote it. JSON.
        after: what reading back must find. JSON.
        nothing_to_do: it is already so.
        back: one line per thing that an undo brings back: now → then.
        kept: what else the step has to know at its later looks. JSON.
        other_way: this VM doesn't take the step's usual way, but the other one of its ``spec``.
    """

    summary: str
    details: tuple[str, ...] = ()
    before: dict[str, Any] = Field(default_factory=dict)
    after: dict[str, Any] = Field(default_factory=dict)
    nothing_to_do: bool = False
    back: tuple[str, ...] = ()
    kept: dict[str, Any] = Field(default_factory=dict)
    other_way: bool = False


class PlannedStep(Stored):
    """A step and the change it is going to make."""

    step: StepName
    change: Change


class Plan(Stored):
    """All steps of a lockdown profile for one VM, from facts of ``as_of`` (``None``: facts are missing)."""

    profile: str
    steps: tuple[PlannedStep, ...] = ()
    as_of: UtcTime | None = None
