"""What becomes of a step when it reports: done, still going, tried again, given up, or held up."""

from datetime import datetime, timedelta
from typing import NamedTuple

from workers.domain.containment.steps import (
    MAX_ATTEMPTS,
    MAX_REDONE,
    Progress,
    Step,
    StepState,
    retry_delay,
)
from workers.domain.errors import DependencyAway, StepFailed

SOONEST = timedelta(milliseconds=200)
"""Polling is never faster than this, whatever a service allows."""


class Outcome(NamedTuple):
    """The step as it is now, the kind of its audit record (empty for none), and that record's details."""

    step: Step
    kind: str
    details: dict[str, object]


def progressed(step: Step, progress: Progress, now: datetime) -> Outcome:
    """A step reported how far it is."""
    change = progress.change or step.change
    if progress.change is not None and progress.change.skipped:
        why = progress.change.skipped
        skipped = step.to(
            StepState.SKIPPED, ended_at=now, look_at=None, token="", note=why, change=progress.change
        )
        return Outcome(skipped, "step.skipped", {"why": why})
    if progress.done:
        done = step.to(
            StepState.DONE,
            ended_at=now,
            look_at=None,
            token="",
            note=progress.note,
            change=change,
            job=progress.job.followed(now) if progress.job else step.job,
        )
        return Outcome(
            done, "step.done", {"note": progress.note, "change": change.model_dump() if change else None}
        )
    if progress.undone and step.redone < MAX_REDONE:
        return unproven(step, progress.note, now)
    if progress.again:
        return failed(step, StepFailed(progress.note or "did not take effect"), now)
    waiting = step.changed(
        token=progress.token or "begun",
        note=progress.note,
        change=change,
        look_at=now + max(progress.look_again_after, SOONEST),
    )
    kind = "step.progress" if progress.note != step.note or change != step.change else ""
    return Outcome(waiting, kind, {"note": progress.note, "change": change.model_dump() if change else None})


def begun(step: Step, now: datetime) -> Outcome:
    """The step as it is written down before it is begun, or begun again after it was cut off."""
    if step.cut_off_for_good:
        return cut_off(step, now)
    after = step.begun(now)
    kind = "step.begun" if step.state is StepState.TODO else "step.begun-again"
    return Outcome(after, kind, {"attempt": after.attempt})


def failed(step: Step, failure: StepFailed, now: datetime) -> Outcome:
    """Azure refused: try again after a pause, unless that is pointless or this was the last attempt."""
    note = str(failure)[:500]
    details: dict[str, object] = {"error": note, "code": failure.code, "attempt": step.attempt}
    if failure.final or step.attempt >= MAX_ATTEMPTS:
        return Outcome(
            step.to(StepState.FAILED, ended_at=now, look_at=None, note=note), "step.failed", details
        )
    again = step.to(StepState.TODO, look_at=now + retry_delay(step.attempt), note=note, token="")
    return Outcome(again, "step.retry", details)


def held_up(step: Step, away: DependencyAway, now: datetime) -> Outcome:
    """Azure is away or throttles: wait as long as it asks. This counts as no attempt."""
    wait = timedelta(seconds=min(300.0, away.retry_after_s if away.retry_after_s is not None else 5.0))
    note = f"waiting for Azure: {away}"[:500]
    details: dict[str, object] = {"error": str(away)[:500], "wait_s": wait.total_seconds()}
    if step.token:
        return Outcome(step.changed(look_at=now + max(wait, SOONEST), note=note), "step.held-up", details)
    held = step.to(
        StepState.TODO, attempt=max(0, step.attempt - 1), look_at=now + max(wait, SOONEST), note=note
    )
    return Outcome(held, "step.held-up", details)


def paused(step: Step, until: datetime) -> Outcome:
    """It needs a write, and all writes are paused: no attempt, and nothing for the audit."""
    note = "waiting: changes in Azure are paused"
    if step.token:
        return Outcome(step.changed(look_at=until, note=note), "", {})
    waits = step.to(StepState.TODO, attempt=max(0, step.attempt - 1), look_at=until, note=note)
    return Outcome(waits, "", {})


def cut_off(step: Step, now: datetime) -> Outcome:
    """The step was begun as often as it may be, and each attempt was interrupted before its result."""
    return failed(
        step, StepFailed("was interrupted at every attempt before it gave a result", final=True), now
    )


def unproven(step: Step, why: str, now: datetime) -> Outcome:
    """A step that was done does not read back as done: do it again, or say that it doesn't hold.

    Somebody undid it, so this is no failed attempt.
    """
    note = f"read back: {why}"[:500]
    if step.redone < MAX_REDONE:
        again = step.again(note, look_at=now + retry_delay(step.redone))
    else:
        again = step.to(StepState.TODO).to(StepState.STARTED)
        again = again.to(StepState.FAILED, ended_at=now, look_at=None, note=note)
    return Outcome(again, "step.unproven", {"why": why, "redone": again.redone})
