"""What becomes of a step, to the last field and with its audit record."""

from datetime import timedelta

import pytest

from tests import builders as a
from workers.domain.containment.containment import MAX_ATTEMPTS, Progress, StepState
from workers.domain.containment.outcomes import Outcome, begun, cut_off, held_up, progressed, unproven
from workers.domain.containment.plans import Change, StepName
from workers.domain.containment.steps import BEGIN_LEASE, MAX_REDONE, Step, retry_delay
from workers.domain.errors import DependencyAway

NOW = a.NOW + timedelta(minutes=9)
TODO = Step(name=StepName.STOP, attempt=2, started_at=a.NOW, note="before", token="t-0")
STARTED = TODO.changed(state=StepState.STARTED, token="t-1", look_at=a.NOW)
CHANGE = Change(summary="deallocate the VM", before={"power": "running"}, after={"power": "deallocated"})
CUT_OFF = "was interrupted at every attempt before it gave a result"


@pytest.mark.parametrize(
    ("step", "kind"), [(TODO, "step.begun"), (STARTED.changed(token=""), "step.begun-again")]
)
def test_begun_is_written_down_with_its_attempt(step: Step, kind: str) -> None:
    after = step.changed(state=StepState.STARTED, attempt=3, look_at=NOW + BEGIN_LEASE, note="", token="")

    assert begun(step, NOW) == Outcome(after, kind, {"attempt": 3})


def test_the_first_begin_dates_it() -> None:
    assert begun(Step(name=StepName.STOP), NOW).step.started_at == NOW


@pytest.mark.parametrize("attempt", [1, MAX_ATTEMPTS])
def test_cut_off_for_good_is_a_failure_that_is_not_tried_again(attempt: int) -> None:
    step = STARTED.changed(token="", attempt=attempt)
    after = step.changed(state=StepState.FAILED, ended_at=NOW, look_at=None, note=CUT_OFF)
    details = {"error": CUT_OFF, "code": "", "attempt": attempt}

    assert cut_off(step, NOW) == Outcome(after, "step.failed", details)


def test_begun_as_often_as_it_may_be_it_is_cut_off_for_good() -> None:
    step = STARTED.changed(token="", attempt=MAX_ATTEMPTS)

    assert begun(step, NOW) == cut_off(step, NOW)
    assert begun(step.changed(attempt=MAX_ATTEMPTS - 1), NOW).step.state is StepState.STARTED


@pytest.mark.parametrize("redone", [0, MAX_REDONE - 1])
def test_what_somebody_undid_is_done_again_after_a_pause(redone: int) -> None:
    done = STARTED.changed(state=StepState.DONE, redone=redone, ended_at=a.NOW, paged_at=a.NOW)
    after = Step(
        name=StepName.STOP,
        redone=redone + 1,
        look_at=NOW + retry_delay(redone),
        note="read back: the VM runs",
    )

    assert unproven(done, "the VM runs", NOW) == Outcome(
        after, "step.unproven", {"why": "the VM runs", "redone": redone + 1}
    )


def test_what_is_undone_time_and_again_is_given_up() -> None:
    done = STARTED.changed(state=StepState.DONE, redone=MAX_REDONE)
    after = done.changed(state=StepState.FAILED, ended_at=NOW, look_at=None, note=f"read back: {'x' * 489}")

    assert unproven(done, "x" * 900, NOW) == Outcome(
        after, "step.unproven", {"why": "x" * 900, "redone": MAX_REDONE}
    )


@pytest.mark.parametrize(("redone", "kind"), [(MAX_REDONE - 1, "step.unproven"), (MAX_REDONE, "step.retry")])
def test_undone_while_it_went_on_counts_as_no_attempt_so_often(redone: int, kind: str) -> None:
    again = Progress(done=False, again=True, undone=True, note="the VM runs")

    assert progressed(STARTED.changed(redone=redone), again, NOW).kind == kind


@pytest.mark.parametrize("change", [CHANGE, None])
def test_the_record_of_a_report_says_what_changed(change: Change | None) -> None:
    told = None if change is None else change.model_dump()
    done = progressed(STARTED, Progress(done=True, note="read back", change=change), NOW)
    going = progressed(
        STARTED,
        Progress(done=False, note="41 %", change=change, look_again_after=timedelta(seconds=9)),
        NOW,
    )

    assert done.details == going.details | {"note": "read back"} == {"note": "read back", "change": told}
    assert going == Outcome(
        STARTED.changed(token="begun", note="41 %", change=change, look_at=NOW + timedelta(seconds=9)),
        "step.progress",
        {"note": "41 %", "change": told},
    )


def test_nothing_took_effect_without_a_word() -> None:
    again = progressed(STARTED, Progress(done=False, again=True), NOW)

    assert (again.kind, again.step.note) == ("step.retry", "did not take effect")


def test_a_change_alone_is_news() -> None:
    assert (
        progressed(STARTED, Progress(done=False, note="before", change=CHANGE), NOW).kind == "step.progress"
    )


@pytest.mark.parametrize("away", ["throttled", "x" * 900])
def test_held_up_says_what_for_and_how_long(away: str) -> None:
    trouble = DependencyAway("azure", away, retry_after_s=17)
    note = f"waiting for Azure: {trouble}"[:500]
    details = {"error": str(trouble)[:500], "wait_s": 17.0}
    at = NOW + timedelta(seconds=17)

    assert held_up(STARTED, trouble, NOW) == Outcome(
        STARTED.changed(look_at=at, note=note), "step.held-up", details
    )
    assert held_up(STARTED.changed(token=""), trouble, NOW) == Outcome(
        STARTED.changed(state=StepState.TODO, token="", attempt=1, look_at=at, note=note),
        "step.held-up",
        details,
    )
