"""When a step or the whole takes too long: told first, given up later, each at its very moment."""

from datetime import datetime, timedelta

import pytest

from tests import builders as a
from workers.domain.containment.containment import StepState
from workers.domain.containment.outcomes import Outcome
from workers.domain.containment.patience import Overdue, next_deadline, overdue
from workers.domain.containment.plans import StepName
from workers.domain.containment.profile import LockdownProfile
from workers.domain.containment.steps import Step, Steps

PAGE, GIVE_UP = timedelta(minutes=2), timedelta(minutes=30)
PROFILE = LockdownProfile(page_after=PAGE, give_up_after=GIVE_UP)
BEGAN = a.NOW
LATER = BEGAN + timedelta(minutes=1)
"""When the step was begun, after the whole was ordered."""
MOMENT = timedelta(milliseconds=1)
TOLD = BEGAN + timedelta(seconds=1)


def step(name: StepName = StepName.STOP, **changes: object) -> Step:
    return Step(name=name, state=StepState.STARTED, attempt=1, started_at=LATER, note="waits").changed(
        **changes
    )


def judged(*steps: Step, at: datetime, paged_at: datetime | None = None) -> Overdue:
    return overdue(Steps(steps=steps, paged_at=paged_at), BEGAN, PROFILE, at)


def given_up(one: Step, at: datetime, note: str) -> Outcome:
    failed = one.changed(state=StepState.FAILED, ended_at=at, look_at=None, note=note)
    return Outcome(failed, "step.given-up", {"error": note})


NOTE = "given up, it took longer than 30 minutes; last: waits"


@pytest.mark.parametrize("state", [StepState.DONE, StepState.FAILED, StepState.SKIPPED])
def test_what_has_ended_is_never_late(state: StepState) -> None:
    ended = step(state=state)

    assert judged(ended, at=BEGAN + 9 * GIVE_UP) == Overdue()
    assert next_deadline(Steps(steps=(ended,)), BEGAN, PROFILE) is None


def test_the_whole_is_late_from_its_order_on_and_that_is_told_once() -> None:
    waiting = Step(name=StepName.BACKUP)

    assert judged(waiting, at=BEGAN + PAGE - MOMENT) == Overdue((), pages=False)
    assert judged(waiting, at=BEGAN + PAGE) == Overdue((), pages=True)
    assert judged(waiting, at=BEGAN + PAGE, paged_at=TOLD) == Overdue((), pages=False)


def test_a_step_is_late_from_its_first_attempt_on_and_that_is_told_once() -> None:
    waiting, at = step(), LATER + PAGE

    assert judged(waiting, at=at - MOMENT, paged_at=TOLD) == Overdue((), pages=False)
    late = Outcome(waiting.changed(paged_at=at), "step.late", {"waits_for": "waits"})
    assert judged(waiting, at=at, paged_at=TOLD) == Overdue((late,), pages=True)
    assert judged(waiting.changed(paged_at=TOLD), at=at, paged_at=TOLD) == Overdue((), pages=False)


def test_a_step_is_given_up_by_its_own_time() -> None:
    waiting, at = step(look_at=BEGAN), LATER + GIVE_UP
    profile_began = at - GIVE_UP + MOMENT  # the whole was ordered anew since, so it has time left

    def at_once(now: datetime) -> Overdue:
        return overdue(Steps(steps=(waiting,), paged_at=TOLD), profile_began, PROFILE, now)

    assert at_once(at - MOMENT).outcomes == (
        Outcome(waiting.changed(paged_at=at - MOMENT), "step.late", {"waits_for": "waits"}),
    )
    assert at_once(at) == Overdue((given_up(waiting, at, NOTE),), pages=False)


@pytest.mark.parametrize("paged_at", [None, TOLD])
def test_with_the_whole_every_step_that_waits_is_given_up(paged_at: datetime | None) -> None:
    at = BEGAN + GIVE_UP
    begun, todo = step(paged_at=paged_at), Step(name=StepName.BACKUP)
    done = step(StepName.ISOLATE, state=StepState.DONE)

    assert judged(done, begun, todo, at=at - MOMENT, paged_at=TOLD).pages is (paged_at is None)
    outcomes = (
        given_up(begun, at, NOTE),
        given_up(todo, at, "given up, it took longer than 30 minutes"),
    )
    assert judged(done, begun, todo, at=at) == Overdue(outcomes, pages=False)


def test_a_long_note_is_cut_and_half_minutes_are_told() -> None:
    profile = PROFILE.changed(give_up_after=timedelta(seconds=150))
    waiting = step(note="x" * 900)

    (outcome,) = overdue(Steps(steps=(waiting,)), BEGAN, profile, BEGAN + GIVE_UP).outcomes

    assert len(outcome.step.note) == 500
    assert outcome.step.note.startswith("given up, it took longer than 2.5 minutes; last: x")


@pytest.mark.parametrize(
    ("steps", "paged_at", "wanted"),
    [
        ([Step(name=StepName.STOP)], None, BEGAN + PAGE),
        ([Step(name=StepName.STOP)], TOLD, BEGAN + GIVE_UP),
        ([step()], None, BEGAN + PAGE),
        ([step()], TOLD, LATER + PAGE),
        ([step(paged_at=TOLD)], TOLD, BEGAN + GIVE_UP),
        ([step(paged_at=TOLD, started_at=BEGAN - PAGE)], TOLD, BEGAN - PAGE + GIVE_UP),
        ([step(state=StepState.DONE), step(StepName.ISOLATE, paged_at=TOLD)], TOLD, BEGAN + GIVE_UP),
    ],
)
def test_the_next_deadline_is_the_first_that_is_not_told_yet(
    steps: list[Step], paged_at: datetime | None, wanted: datetime
) -> None:
    assert next_deadline(Steps(steps=tuple(steps), paged_at=paged_at), BEGAN, PROFILE) == wanted
