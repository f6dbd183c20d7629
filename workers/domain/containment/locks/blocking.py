"""Steps that block all others, such as a read-only lock: taken off before any other step writes.

Which steps these are, the table says (``StepSpec.blocks``). They come last, because they wait for all others.
Whenever another step is to be done again, a blocking one gives way: it is taken off, and done again at the
end.
"""

from datetime import datetime

from workers.domain.containment.outcomes import Outcome
from workers.domain.containment.steps import Step, Steps, StepState
from workers.domain.errors import StepFailed

SCOPE_LOCKED = "ScopeLocked"
"""Azure's code where a management lock forbids a write."""


def giving_way(steps: Steps) -> tuple[Outcome, ...]:
    """The blocking steps that have to be done again, because one that they wait for is to be done first."""
    going = {step.name for step in steps.steps if not step.ended}
    return tuple(
        Outcome(step.anew(), "step.gives-way", {"to": sorted(going & step.name.needs)})
        for step in steps.steps
        if step.name.spec.blocks and step.state is not StepState.TODO and going & step.name.needs
    )


def left_out(steps: Steps, step: Step, now: datetime) -> Outcome | None:
    """A step that is not begun, because one failed that it needs; ``None`` if it can be begun."""
    failed = [str(one.name) for one in steps.failed if one.name in step.name.needs_well]
    if step.state is not StepState.TODO or not failed:
        return None
    note = f"not done, because {' and '.join(failed)} failed: it would keep people from doing that by hand"
    skipped = step.to(StepState.SKIPPED, ended_at=now, look_at=None, note=note)
    return Outcome(skipped, "step.skipped", {"why": note})


def in_place(steps: Steps) -> tuple[Step, ...]:
    """The blocking steps that may stand in Azure: they were begun once, or found so."""
    return tuple(
        step
        for step in steps.steps
        if step.name.spec.blocks and step.change is not None and step.change.after
    )


def may_linger(refused: StepFailed, others: str) -> StepFailed:
    """A write that a lock forbids, after ours was taken off: Azure may apply it for a while longer.

    Source: https://github.com/hashicorp/terraform-provider-azurerm/issues/5025

    Args:
        refused: what Azure said.
        others: who else's lock forbids it, and what to do, as a sentence; empty if nobody's does.
    """
    if refused.code != SCOPE_LOCKED:
        return refused
    if others:
        return StepFailed(f"{others} ({refused})", code=refused.code, final=True)
    return StepFailed(
        f"our own lock was taken off, and Azure still applies it; tried again ({refused})", code=refused.code
    )
