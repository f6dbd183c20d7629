"""Whoever rejected by mistake may say so for a while: until then the VM is isolated only, and let go again.

In a time of grace the isolation begins at once, and every other step waits. What waits, waits with its own
time to be looked at, as a step does between two attempts.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from workers.domain.containment.spec import StepName
from workers.domain.containment.steps import Step, StepState
from workers.domain.model import Stored, UtcTime
from workers.domain.starts.people import Actor

if TYPE_CHECKING:
    from workers.domain.containment.containment import Containment


class Grace(Stored):
    """The time of grace of a rejection.

    Attributes:
        until: when the other steps begin.
        regretted_by: who said that the rejection was a mistake, in time; ``None`` if nobody did.
        regretted_at: when.
    """

    until: UtcTime
    regretted_by: Actor | None = None
    regretted_at: UtcTime | None = None


def with_grace(containment: "Containment", span: timedelta | None, now: datetime) -> "Containment":
    """A new containment that only isolates until the time of grace is over.

    Unchanged without a time of grace, or where it isolates nothing.
    """
    if span is None or not any(step.name is StepName.ISOLATE for step in containment.steps):
        return containment
    until, others = now + span, {step.name for step in containment.steps} - {StepName.ISOLATE}
    steps: list[Step] = []
    for step in containment.steps:
        if step.name is StepName.ISOLATE:
            steps.append(step.changed(look_at=now))
        elif step.name.needs & others:
            steps.append(step)  # it waits for one that waits
        else:
            steps.append(step.changed(look_at=until))
    return containment.changed(steps=tuple(steps), grace=Grace(until=until))


def without_grace(containment: "Containment") -> "Containment":
    """The containment once somebody else wants the VM contained, too: nothing waits any more."""
    grace = containment.grace
    if grace is None:
        return containment
    steps = tuple(
        step.changed(look_at=None) if _waits(step) and step.look_at == grace.until else step
        for step in containment.steps
    )
    return containment.changed(steps=steps, grace=None)


def in_grace(containment: "Containment") -> bool:
    """Whether nothing but the isolation was begun, in a time of grace that nobody has used yet."""
    grace = containment.grace
    others = [step for step in containment.steps if step.name is not StepName.ISOLATE]
    unused = grace is not None and grace.regretted_by is None
    return unused and containment.working and containment.restoration is None and all(map(_waits, others))


def regretted(containment: "Containment") -> bool:
    """Whether the rejection was said to be a mistake, and its undo has not begun."""
    grace = containment.grace
    return grace is not None and grace.regretted_by is not None and containment.restoration is None


def _waits(step: Step) -> bool:
    return step.state is StepState.TODO and step.started_at is None and step.attempt == 0
