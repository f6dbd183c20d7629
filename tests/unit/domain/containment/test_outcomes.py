"""What a step's report makes of the step."""

from datetime import timedelta

import pytest

from tests import builders as a
from workers.domain.containment.containment import MAX_ATTEMPTS, Progress, StepState, retry_delay
from workers.domain.containment.outcomes import SOONEST, failed, held_up, progressed
from workers.domain.containment.plans import Change
from workers.domain.errors import DependencyAway, StepFailed

STARTED = a.step(state=StepState.STARTED, token="t-1", attempt=2)
CUT_OFF = STARTED.changed(token="")
CHANGE = Change(summary="isolate 1 NIC", before={"nsg": "nsg-web"})


class TestProgress:
    def test_done_ends_the_step_and_forgets_the_token(self) -> None:
        step, kind, details = progressed(STARTED, Progress(done=True, note="read back", change=CHANGE), a.NOW)
        assert (step.state, step.token, step.look_at, step.ended_at) == (StepState.DONE, "", None, a.NOW)
        assert (step.note, step.change) == ("read back", CHANGE)
        assert kind == "step.done"
        assert details["note"] == "read back"

    def test_what_was_before_stays_when_a_later_report_says_nothing_of_it(self) -> None:
        begun = progressed(STARTED, Progress(done=False, token="t-2", change=CHANGE), a.NOW).step
        assert progressed(begun, Progress(done=True), a.NOW).step.change == CHANGE

    def test_under_way_it_is_looked_at_when_it_asks_to_be(self) -> None:
        step, _, _ = progressed(
            STARTED, Progress(done=False, token="t-2", look_again_after=timedelta(seconds=9)), a.NOW
        )
        assert (step.state, step.token, step.look_at) == (
            StepState.STARTED,
            "t-2",
            a.NOW + timedelta(seconds=9),
        )

    def test_it_is_never_polled_more_tightly_than_the_least_pause(self) -> None:
        step, _, _ = progressed(STARTED, Progress(done=False, look_again_after=timedelta(0)), a.NOW)
        assert step.look_at == a.NOW + SOONEST

    def test_a_step_that_needs_no_token_is_not_taken_for_one_that_was_cut_off(self) -> None:
        assert progressed(CUT_OFF, Progress(done=False), a.NOW).step.token

    def test_only_news_is_worth_an_audit_record(self) -> None:
        same = Progress(done=False, note=STARTED.note, token="t-9")
        assert progressed(STARTED, same, a.NOW).kind == ""
        assert progressed(STARTED, Progress(done=False, note="41 %"), a.NOW).kind == "step.progress"

    def test_what_came_to_nothing_is_another_attempt(self) -> None:
        step, kind, _ = progressed(STARTED, Progress(done=False, again=True, note="NIC vanished"), a.NOW)
        assert (step.state, step.note, kind) == (StepState.TODO, "NIC vanished", "step.retry")


class TestFailure:
    @pytest.mark.parametrize("attempt", range(1, MAX_ATTEMPTS))
    def test_another_attempt_follows_after_a_pause_that_grows(self, attempt: int) -> None:
        step, kind, details = failed(STARTED.changed(attempt=attempt), StepFailed("no", code="Busy"), a.NOW)
        assert (step.state, step.token, step.attempt) == (StepState.TODO, "", attempt)
        assert step.look_at == a.NOW + retry_delay(attempt)
        assert kind == "step.retry"
        assert details == {"error": "no", "code": "Busy", "attempt": attempt}

    def test_the_last_attempt_gives_up(self) -> None:
        step, kind, _ = failed(STARTED.changed(attempt=MAX_ATTEMPTS), StepFailed("no"), a.NOW)
        assert (step.state, step.look_at, step.ended_at, kind) == (
            StepState.FAILED,
            None,
            a.NOW,
            "step.failed",
        )

    def test_what_can_never_work_gives_up_at_once(self) -> None:
        step, _, _ = failed(STARTED.changed(attempt=1), StepFailed("locked", final=True), a.NOW)
        assert step.state is StepState.FAILED
        assert step.note == "locked"

    def test_a_long_reason_is_cut(self) -> None:
        assert len(failed(STARTED, StepFailed("x" * 9000), a.NOW).step.note) == 500


class TestHeldUp:
    @pytest.mark.parametrize(("asked", "waits"), [(None, 5), (17, 17), (9000, 300), (0, 0.2)])
    def test_it_waits_as_long_as_azure_asks_within_reason(self, asked: float | None, waits: float) -> None:
        away = DependencyAway("azure", "throttled", retry_after_s=asked)
        for step in (STARTED, CUT_OFF):
            assert held_up(step, away, a.NOW).step.look_at == a.NOW + timedelta(seconds=waits)

    def test_a_step_under_way_stays_under_way(self) -> None:
        step, kind, _ = held_up(STARTED, DependencyAway("azure", "throttled"), a.NOW)
        assert (step.state, step.token, step.attempt) == (StepState.STARTED, "t-1", 2)
        assert kind == "step.held-up"

    def test_a_beginning_that_azure_did_not_take_counts_as_no_attempt(self) -> None:
        step, _, _ = held_up(CUT_OFF, DependencyAway("azure", "throttled"), a.NOW)
        assert (step.state, step.attempt) == (StepState.TODO, 1)
