"""A containment that stands: what of it must still hold, and what happens when it does not."""

from collections.abc import Mapping
from datetime import datetime

from workers.domain.containment.containment import Containment, ContainmentState
from workers.domain.containment.spec import StepName
from workers.domain.containment.steps import Step, StepState

_STANDS = frozenset({ContainmentState.CONTAINED, ContainmentState.INCOMPLETE})


def held(containment: Containment) -> tuple[Step, ...]:
    """The steps that say that they are done, and that must read back so for as long as they say it.

    None of a containment that is being worked on: its own end reads them back. None after a restore that
    stayed incomplete, which has taken some of them back.
    """
    if containment.state not in _STANDS or containment.restoration is not None:
        return ()
    return tuple(
        step for step in containment.steps if step.state is StepState.DONE and step.name.spec.read_back
    )


def drifted(containment: Containment, found: Mapping[StepName, str], at: datetime) -> Containment:
    """Another round of a containment that no longer holds.

    Done again is what was found undone, what needs it (a VM that ran is backed up again), and what had not
    been done. The rest stays as it is; a disk that did not change needs no other backup.

    Args:
        containment: it stands.
        found: what of it is undone, each as a sentence for people.
        at: when the new round begins.
    """
    again = containment.once_more(at)
    for step in containment.steps:
        undone = step.name in found or not step.name.needs.isdisjoint(found)
        if step.state is StepState.DONE and not undone:
            again = again.with_step(step)
    return again.changed(drift=tuple(found.values()))
