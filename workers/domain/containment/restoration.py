"""Undoing a containment: what there is to undo, and in which order."""

from collections.abc import Mapping
from datetime import datetime

from workers.domain.containment.containment import Containment, ContainmentState, Restoration
from workers.domain.containment.ending.two_persons import RestoreRequest
from workers.domain.containment.outcomes import Outcome, cut_off
from workers.domain.containment.plans import Change, Choice, StepName
from workers.domain.containment.steps import Step, StepState
from workers.domain.errors import Conflict, NotFound
from workers.domain.starts.people import Actor
from workers.domain.starts.vm import PowerState

_RAN = frozenset({PowerState.RUNNING, PowerState.STARTING})


BY_ITSELF = Actor(slack_user="", name="startgate")
"""In the place of whoever ordered a restore that nobody did."""
_STAYS = "left as it is: only the isolation has expired"

Chosen = Mapping[str, str | None]
"""What a NIC, say, is to have instead of what is gone, both as resource ids; ``None`` stands for nothing."""


def restoring(
    containment: Containment,
    by: Actor,
    *,
    start_id: str | None,
    reason: str,
    now: datetime,
    chosen: Chosen | None = None,
    requested: RestoreRequest | None = None,
) -> Containment:
    """The containment with its undo ordered. A step that changed nothing is skipped.

    ``chosen`` are answers to ``to_choose``; ``requested`` is what the first of two persons asked for.

    Raises:
        Conflict: it can't be undone in its present state.
        NotFound: something was chosen that is not offered.
    """
    tried, chosen = containment.restoration, chosen or {}
    choices = to_choose(containment)
    for of, instead in chosen.items():
        if not any(choice.of == of and choice.offers(instead) for choice in choices):
            raise NotFound(f"{_name(instead)} is not offered for {_name(of)} any more; order it again.")
    restoration = Restoration(
        by=by,
        at=now,
        reason=reason,
        start_id=start_id,
        number=tried.number + 1 if tried else 1,
        requested=requested,
        steps=tuple(_undo(step, choices, chosen, now) for step in containment.steps),
    )
    return containment.to(
        ContainmentState.RESTORING,
        restoration=restoration,
        restore_request=None,
        ended_at=None,
        verified_at=None,
    )


def taken_back(containment: Containment, now: datetime) -> Containment:
    """The containment whose rejection was taken back: its isolation is undone; nothing else was begun.

    Raises:
        Conflict: nobody took it back, or it can't be undone in its present state.
    """
    by = containment.grace.regretted_by if containment.grace is not None else None
    if by is None:
        raise Conflict(f"nobody took the rejection of {containment.id} back")
    whole = restoring(containment, by, start_id=None, reason="rejected by mistake", now=now)
    restoration = whole.restoration
    if restoration is None:
        return whole
    begun = {step.name for step in containment.steps if step.started_at is not None or step.attempt}
    steps = tuple(
        step
        if step.ended or step.name in begun
        else step.to(StepState.SKIPPED, ended_at=now, note="nothing was changed")
        for step in restoration.steps
    )
    return whole.changed(restoration=restoration.changed(steps=steps, regretted=True))


def expired(containment: Containment, now: datetime) -> Containment:
    """The containment whose isolation has lasted long enough: its network is restored, and nothing else.

    Raises:
        Conflict: it can't be undone in its present state.
    """
    whole = restoring(containment, BY_ITSELF, start_id=None, reason="", now=now)
    restoration = whole.restoration
    if restoration is None:
        return whole
    steps = tuple(
        step
        if step.ended or step.name.spec.expires
        else step.to(StepState.SKIPPED, ended_at=now, note=_STAYS)
        for step in restoration.steps
    )
    return whole.changed(restoration=restoration.changed(steps=steps, expired=True))


def to_choose(containment: Containment) -> tuple[Choice, ...]:
    """What a person has to choose, because the last try to undo this found that it is gone; each once."""
    if containment.restoration is None:
        return ()
    changes = [step.change for step in containment.restoration.failed]
    choices = [choice for change in changes if change is not None for choice in change.choices]
    return tuple({choice.of: choice for choice in choices}.values())


def _undo(step: Step, choices: tuple[Choice, ...], chosen: Chosen, now: datetime) -> Step:
    change = step.change
    if change is None or change.skipped:
        undo = Step(name=step.name, change=change)
        return undo.to(StepState.SKIPPED, ended_at=now, note="nothing was changed")
    mine = tuple(choice for choice in choices if choice.of in change.after)
    return Step(name=step.name, change=_with(change.changed(choices=mine), chosen) if mine else change)


def _with(change: Change, chosen: Chosen) -> Change:
    """The change with what was chosen in the place of what it was before; ``choices`` stay, to ask again."""
    mine = {choice.of: chosen[choice.of] for choice in change.choices if choice.of in chosen}
    said = tuple(f"{_name(of)}: {_name(instead)}, as chosen" for of, instead in mine.items())
    back = [line for line in change.back if not line.startswith(tuple(f"{_name(of)}: " for of in mine))]
    kept = {of: was for of, was in change.before.items() if of.lower() not in {one.lower() for one in mine}}
    return change.changed(before={**kept, **mine}, back=(*back, *said))


def _name(resource_id: str | None) -> str:
    return resource_id.rpartition("/")[2] if resource_id else "none"


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
    missing = step.name.undo_needs_well & failures if restoration.starts else frozenset()
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
