"""A containment whose steps fail or are throttled ends INCOMPLETE, never silently."""

from datetime import timedelta

import pytest
import structlog

from tests import builders as a
from tests.rig import Rig
from tests.unit.use_cases.containment.contain_rig import AWAY, BACKUP, ISOLATE, STOP, states
from workers.domain.containment.containment import (
    MAX_ATTEMPTS,
    ContainmentState,
    Progress,
    StepState,
    retry_delay,
)
from workers.domain.errors import StepFailed


class TestFailures:
    async def test_a_step_that_fails_is_tried_again_with_backoff_then_given_up_without_stopping_the_others(
        self, rig: Rig
    ) -> None:
        containment = await rig.rejected()
        rig.runners[ISOLATE].to_begin.extend([StepFailed("no", code="Busy")] * MAX_ATTEMPTS)
        begun: list[float] = []
        for _ in range(100):
            containment = await rig.store.containment(containment.id)
            if containment.due_at() is None:
                break
            rig.clock.to(containment.due_at() or rig.clock.now())
            before = len(rig.runners[ISOLATE].begun)
            await rig.contain(containment.id)
            if len(rig.runners[ISOLATE].begun) > before:
                begun.append((rig.clock.now() - a.NOW).total_seconds())
        assert [b - c for b, c in zip(begun[1:], begun, strict=False)] == [
            retry_delay(n).total_seconds() for n in range(1, MAX_ATTEMPTS)
        ]
        assert containment.state is ContainmentState.INCOMPLETE
        assert containment.verified_at is None
        assert states(containment) == [StepState.FAILED, StepState.DONE, StepState.DONE]

    async def test_what_is_incomplete_is_said_with_what_is_left(self, rig: Rig) -> None:
        containment = await rig.rejected()
        rig.runners[BACKUP].to_begin.append(StepFailed("vault is full", final=True))
        done = await rig.until_rest(containment.id)
        assert done.state is ContainmentState.INCOMPLETE
        record = (await rig.audit())[-1]
        assert (record.kind, record.details["left"]) == (
            "containment.incomplete",
            {"backup": "vault is full"},
        )
        last = rig.nudger.to_notices[-1]
        assert (last.id, last.version) == (done.id, done.version)

    async def test_backup_is_made_even_if_the_vm_could_not_be_stopped(self, rig: Rig) -> None:
        containment = await rig.rejected()
        rig.runners[STOP].to_begin.append(StepFailed("locked", final=True))
        done = await rig.until_rest(containment.id)
        assert states(done) == [StepState.DONE, StepState.FAILED, StepState.DONE]

    async def test_a_step_that_came_to_nothing_is_begun_again_and_knows_what_was_before(
        self, rig: Rig
    ) -> None:
        containment = await rig.rejected()
        rig.runners[STOP].to_check.append(
            Progress(done=False, again=True, note="the operation was cancelled")
        )
        done = await rig.until_rest(containment.id)
        assert done.state is ContainmentState.CONTAINED
        first, second = rig.runners[STOP].begun
        assert first is not None
        assert second is not None
        assert (first.before, first.after) == ({}, {}), "only the plan that the owner was shown"
        assert second.before == {"was": 1}

    @pytest.mark.parametrize("verb", ["to_begin", "to_check"])
    async def test_a_step_with_a_defect_is_a_failed_attempt_and_ends_too(self, rig: Rig, verb: str) -> None:
        containment = await rig.rejected()
        getattr(rig.runners[ISOLATE], verb).extend([KeyError("properties")] * 50)
        with structlog.testing.capture_logs() as logs:
            done = await rig.until_rest(containment.id)
        assert {entry["event"] for entry in logs if entry["log_level"] == "error"} == {"a step has a defect"}
        assert done.state is ContainmentState.INCOMPLETE
        assert states(done) == [StepState.FAILED, StepState.DONE, StepState.DONE]
        assert "KeyError" in done.step(ISOLATE).note


class TestThrottling:
    async def test_a_throttled_beginning_waits_as_told_and_counts_no_attempt(self, rig: Rig) -> None:
        containment = await rig.rejected()
        rig.runners[ISOLATE].to_begin.extend([AWAY] * (MAX_ATTEMPTS * 3))
        containment = await rig.advance(containment.id)
        step = containment.step(ISOLATE)
        assert (step.state, step.attempt) == (StepState.TODO, 0)
        assert step.look_at == rig.clock.now() + timedelta(seconds=17)
        done = await rig.until_rest(containment.id)
        assert done.state is ContainmentState.CONTAINED
        assert done.step(ISOLATE).attempt == 1

    async def test_a_throttled_look_waits_as_told_and_begins_nothing_again(self, rig: Rig) -> None:
        containment = await rig.rejected()
        rig.runners[STOP].to_check.extend([AWAY] * (MAX_ATTEMPTS * 3))
        containment = await rig.advance(containment.id, times=2)
        assert containment.step(STOP).look_at == rig.clock.now() + timedelta(seconds=17)
        done = await rig.until_rest(containment.id)
        assert done.state is ContainmentState.CONTAINED
        assert len(rig.runners[STOP].begun) == 1

    async def test_throttling_while_the_proof_is_read_gives_up_nothing(self, rig: Rig) -> None:
        containment = await rig.rejected()
        runner = rig.runners[STOP]
        runner.to_check.append(Progress(done=True, note="deallocated"))
        for _ in range(MAX_ATTEMPTS * 2):
            runner.to_check.extend([AWAY, Progress(done=True, note="deallocated")])
        done = await rig.until_rest(containment.id)
        assert done.state is ContainmentState.CONTAINED
        assert done.step(STOP).attempt <= 2


async def test_a_containment_is_followed_in_the_log_line_by_line(rig: Rig) -> None:
    with structlog.testing.capture_logs() as lines:
        containment = await rig.rejected()
        rig.runners[STOP].to_begin.append(StepFailed("somebody else is writing", code="Conflict"))
        await rig.until_rest(containment.id)
    told = [(line["log_level"], line["event"], line.get("step"), line.get("code")) for line in lines]
    assert sorted(told, key=str) == sorted(
        [
            ("info", "approval.rejected", None, None),
            ("warning", "step.retry", "stop", "Conflict"),
            ("info", "step.done", "isolate", None),
            ("info", "step.done", "stop", None),
            ("info", "step.done", "backup", None),
            ("info", "containment.contained", None, None),
        ],
        key=str,
    )
    assert {line["vm"] for line in lines} == {containment.vm.key}
    assert {line["id"] for line in lines} == {containment.id, containment.cause.approval_id}
