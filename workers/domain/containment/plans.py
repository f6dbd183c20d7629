"""What a containment will do to one VM, as it is shown beforehand."""

from typing import Any

from pydantic import Field

from workers.domain.containment.grants import Grant
from workers.domain.containment.spec import StepName
from workers.domain.model import Stored, UtcTime

__all__ = ["Change", "Choice", "Impact", "Plan", "PlannedStep", "StepName"]


class Choice(Stored):
    """Something that an undo can't bring back, so that a person chooses what comes in its place.

    Attributes:
        of: the resource id of what it is for, such as a network interface.
        was: the resource id of what it had, and is gone; ``None`` if that is not known.
        options: resource ids of what it can have. To have none at all is always possible, too.
    """

    of: str
    was: str | None = None
    options: tuple[str, ...] = ()

    def offers(self, resource_id: str | None) -> bool:
        """Whether this can be chosen."""
        return resource_id is None or resource_id.lower() in {one.lower() for one in self.options}


class Change(Stored):
    """What one step changes.

    Attributes:
        summary: one line for a person, such as ``isolate 2 NICs with startgate-lockdown-…``.
        details: one line per thing touched, before → after.
        before: what undo needs, as the step wrote it. JSON.
        after: what reading back must find. JSON.
        nothing_to_do: it is already so.
        skipped: why the step can't be done for this VM, and is left out; empty if it can.
        back: one line per thing that an undo brings back: now → then.
        kept: what else the step has to know at its later looks. JSON.
        choices: what a person has to choose before an undo can go on; set by an undo.
        other_way: this VM doesn't take the step's usual way, but the other one of its ``spec``.
    """

    summary: str
    details: tuple[str, ...] = ()
    before: dict[str, Any] = Field(default_factory=dict)
    after: dict[str, Any] = Field(default_factory=dict)
    nothing_to_do: bool = False
    skipped: str = ""
    back: tuple[str, ...] = ()
    choices: tuple[Choice, ...] = ()
    kept: dict[str, Any] = Field(default_factory=dict)
    other_way: bool = False


class PlannedStep(Stored):
    """A step and the change it is going to make."""

    step: StepName
    change: Change


class Impact(Stored):
    """Something that a containment takes along, in one line for people: hostile text.

    ``severe``: others stop working, or no restore brings it back.
    """

    text: str
    severe: bool = False


class Plan(Stored):
    """All steps of a lockdown profile for one VM, from facts of ``as_of`` (``None``: facts are missing).

    ``impact`` is what goes with the VM, the worst first.
    ``obstacles`` are what keeps it from being carried out, as somebody's lock does, one sentence each.
    ``grants`` are the roles by which whoever started the VM could start it again. They stay.
    """

    profile: str
    steps: tuple[PlannedStep, ...] = ()
    as_of: UtcTime | None = None
    impact: tuple[Impact, ...] = ()
    obstacles: tuple[str, ...] = ()
    grants: tuple[Grant, ...] = ()
