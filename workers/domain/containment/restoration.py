"""Undoing a containment: what there is to undo, and in which order."""

from datetime import datetime

from workers.domain.containment.containment import Containment, ContainmentState, Restoration
from workers.domain.containment.outcomes import Outcome, cut_off
from workers.domain.containment.plans import Change, StepName
from workers.domain.containment.steps import Step, StepState
from workers.domain.starts.people import Actor
from workers.domain.starts.vm import PowerState

_RAN = frozenset({PowerState.RUNNING, PowerState.STARTING})


def restoring(
    containment: Containment, by: Actor, *, start_id: str | None, reason: str, now: datetime
) -> Containment:
    """The containment with its undo ordered. A step that changed nothing is skipped.

    Raises:
        Conflict: it can't be undone in its present state.
    """
    tried = containment.restoration
    restoration = Restoration(
        by=by,
        at=now,
        reason=reason,
        start_id=start_id,
        number=tried.number + 1 if tried else 1,
        steps=tuple(_undo(step, now) for step in containment.steps),
    )
    return containment.to(
        ContainmentState.RESTORING, restoration=restoration, ended_at=None, verified_at=None
    )


def _undo(step: Step, now: datetime) -> Step:
    undo = Step(name=step.name, change=step.change)
    if step.change is None:
        return undo.to(StepState.SKIPPED, ended_at=now, note="nothing was changed")
    return undo


def ready_to_undo(restoration: Restoration, now: datetime) -> tuple[Step, ...]:
    """Undos to begin now, or to skip: not begun, their needs ended, and not waiting for a retry."""
    ended = {step.name for step in restoration.steps if step.ended}
    present = {step.name for step in restoration.steps}
    return tuple(
        step
        for step in restoration.steps
        if step.state is StepState.TODO
        and (step.name.undo_needs & present) <= ended
        and (step.look_at is None or step.look_at <= now)
    )


def begin_undo(restoration: Restoration, step: Step, now: datetime) -> Outcome:
    """The undo as it is written down before it is begun; skipped or failed where it must not be begun."""
    failures = {one.name for one in restoration.failed}
    missing = step.name.undo_needs & failures if restoration.starts else frozenset()
    if step.state is StepState.TODO and missing:
        note = f"not done: the VM is not started before {' and '.join(sorted(missing))} is undone"
        skipped = step.to(StepState.SKIPPED, ended_at=now, look_at=None, note=note)
        return Outcome(skipped, "undo.skipped", {"note": note})
    if step.cut_off_for_good:
        return of_undo(cut_off(step, now))
    begun = step.begun(now)
    return Outcome(begun, "undo.begun", {"attempt": begun.attempt})


def of_undo(outcome: Outcome) -> Outcome:
    """The outcome, with the audit's name for an undo."""
    return outcome._replace(kind=outcome.kind.replace("step.", "undo.", 1))


def ran_before(change: Change | None) -> bool:
    """Whether the VM was running before the step Stop, whose change this is. No other VM is started again."""
    return change is not None and change.before.get("power") in _RAN


def can_start(containment: Containment) -> bool:
    """Whether a restore can bring the VM back to running."""
    return any(step.name is StepName.STOP and ran_before(step.change) for step in containment.steps)
