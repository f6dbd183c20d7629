"""How long a containment or a restore may take: when on-call is told, and when it is given up.

Both times come from the lockdown profile, and count for each step from when it was first begun, and for the
whole from when it was ordered. So nothing that never answers is waited for without end. Where waiting won't
help, as with a step that a lock forbids, on-call is told at once, and not only when the others have ended.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from workers.domain.containment.outcomes import Outcome
from workers.domain.containment.profile import LockdownProfile
from workers.domain.containment.steps import Step, Steps, StepState

REPORT_AFTER = timedelta(seconds=10)
"""After a step has failed and others go on. If all have ended by then, on-call is told once, of all of it."""


class Overdue(NamedTuple):
    """What is due now: steps to be said to be late, given up or failed.

    ``pages`` says that on-call is told what is waited for.
    """

    outcomes: tuple[Outcome, ...] = ()
    pages: bool = False


def overdue(steps: Steps, began: datetime, profile: LockdownProfile, now: datetime) -> Overdue:
    """Which steps take too long.

    Args:
        steps: the steps of a containment or of a restore.
        began: when the whole of it was ordered.
        profile: says how long to wait.
        now: the time.
    """
    waiting = [step for step in steps.steps if not step.ended]
    if not waiting:
        return Overdue()
    began = _since(began, steps)
    over = now >= began + profile.give_up_after
    outcomes = [outcome for step in waiting if (outcome := _overdue(step, steps, profile, now, over=over))]
    if not over:
        outcomes += [
            Outcome(step.changed(paged_at=now), "step.reported", {"error": step.note})
            for step in steps.not_reported
            if step.ended_at is not None and now >= step.ended_at + REPORT_AFTER
        ]
    late = any(outcome.kind == "step.late" for outcome in outcomes)
    whole_late = steps.paged_at is None and not over and now >= began + profile.page_after
    return Overdue(tuple(outcomes), late or whole_late)


def next_deadline(steps: Steps, began: datetime, profile: LockdownProfile) -> datetime | None:
    """When something takes too long next; ``None`` when all steps have ended."""
    waiting = [step for step in steps.steps if not step.ended]
    if not waiting:
        return None
    begun = [
        (_since(step.started_at, steps), step.paged_at) for step in waiting if step.started_at is not None
    ]
    both = [(_since(began, steps), steps.paged_at), *begun]
    report = [step.ended_at + REPORT_AFTER for step in steps.not_reported if step.ended_at is not None]
    give_up = [since + profile.give_up_after for since, _ in both]
    page = [since + profile.page_after for since, paged_at in both if paged_at is None]
    return min(give_up + page + report)


def _since(began: datetime, steps: Steps) -> datetime:
    """From when on time counts: that in which it was held back does not."""
    return max(began, steps.resumed_at) if steps.resumed_at is not None else began


def _overdue(
    step: Step, steps: Steps, profile: LockdownProfile, now: datetime, *, over: bool
) -> Outcome | None:
    since = _since(step.started_at, steps) if step.started_at is not None else None
    if over or (since is not None and now >= since + profile.give_up_after):
        return _given_up(step, profile, now)
    if step.paged_at is None and since is not None and now >= since + profile.page_after:
        return Outcome(step.changed(paged_at=now), "step.late", {"waits_for": step.note})
    return None


def _given_up(step: Step, profile: LockdownProfile, now: datetime) -> Outcome:
    minutes = f"{profile.give_up_after.total_seconds() / 60:g}"
    last = f"; last: {step.note}" if step.note else ""
    note = f"given up, it took longer than {minutes} minutes{last}"[:500]
    failed = step.to(StepState.STARTED).to(StepState.FAILED, ended_at=now, look_at=None, note=note)
    return Outcome(failed, "step.given-up", {"error": note})
