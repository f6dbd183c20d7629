"""A containment goes forward to CONTAINED, proven, or to INCOMPLETE; never silently or without a right."""

import asyncio
import contextlib
from datetime import timedelta
from typing import Any

import pytest
import structlog

from tests import builders as a
from tests.conftest import CrashError, FakeRunner, Rig
from workers.domain.approvals import ApprovalState
from workers.domain.containment import (
    BEGIN_LEASE,
    MAX_ATTEMPTS,
    CauseKind,
    Containment,
    ContainmentState,
    Progress,
    StepState,
    planned,
    retry_delay,
)
from workers.domain.errors import DependencyAway, NotFound, StepFailed
from workers.domain.ids import containment_id
from workers.domain.nudges import Subject
from workers.domain.plans import StepName
from workers.domain.policy import LockdownProfile, OnSilence
from workers.domain.ports import Commit

ISOLATE, STOP, BACKUP = StepName
GOING_ON = Progress(done=False, token="t", look_again_after=timedelta(seconds=3), note="going on")
AWAY = DependencyAway("azure", "throttled", retry_after_s=17)


async def put(rig: Rig, *documents: Any) -> None:
    await rig.store.commit(Commit(partition=int(documents[0].id[1], 16), documents=documents))


def states(containment: Containment) -> list[StepState]:
    return [step.state for step in containment.steps]


class TestTheWay:
    async def test_isolate_and_stop_begin_together_then_backup_then_it_is_proven(self, rig: Rig) -> None:
        containment = await rig.rejected()
        containment = await rig.advance(containment.id)
        assert containment.state is ContainmentState.RUNNING
        assert states(containment) == [StepState.STARTED, StepState.STARTED, StepState.TODO]
        containment = await rig.advance(containment.id, times=2)
        assert states(containment) == [StepState.DONE, StepState.DONE, StepState.TODO]
        done = await rig.until_rest(containment.id)
        assert done.state is ContainmentState.CONTAINED
        assert done.verified_at == done.ended_at == rig.clock.now()
        assert {name: len(runner.begun) for name, runner in rig.runners.items()} == dict.fromkeys(StepName, 1)

    async def test_every_step_is_in_the_audit_from_beginning_to_proof(self, rig: Rig) -> None:
        containment = await rig.rejected()
        await rig.until_rest(containment.id)
        records = [r for r in await rig.audit() if r.about == containment.id]
        assert [r.details["step"] for r in records if r.kind == "step.begun"] == ["isolate", "stop", "backup"]
        assert sorted(r.details["step"] for r in records if r.kind == "step.done") == [
            "backup",
            "isolate",
            "stop",
        ]
        assert records[-1].kind == "containment.contained"
        assert records[-1].details["read_back"] == ["isolate", "stop"]

    async def test_each_look_arranges_the_next_and_the_last_arranges_none(self, rig: Rig) -> None:
        containment = await rig.rejected()
        containment = await rig.advance(containment.id)
        (nudge,) = rig.worked(Subject.CONTAINMENT)
        assert (nudge.due, nudge.version) == (containment.due_at(), containment.version)
        await rig.until_rest(containment.id)
        rig.nudger.clear()
        await rig.contain(containment.id)
        assert (rig.nudger.to_work, rig.nudger.to_notices) == ([], [])

    async def test_the_bot_hears_of_each_step_and_of_the_end(self, rig: Rig) -> None:
        containment = await rig.rejected()
        done = await rig.until_rest(containment.id)
        assert len(rig.nudger.to_notices) >= 4
        assert rig.nudger.to_notices[-1].version == done.version

    @pytest.mark.xfail(
        strict=True, reason="each doubled nudge arranges a look of its own, and so does each of those"
    )
    async def test_doubled_nudges_arrange_one_look_together(self, rig: Rig) -> None:
        containment = await rig.rejected()
        for _ in range(5):
            await rig.contain(containment.id)
        waiting = {nudge.message_id for nudge in rig.nudger.to_work}
        assert len(rig.nudger.to_work) - len(rig.nudger.cancelled) == len(waiting) == 1

    async def test_an_early_look_begins_nothing_twice(self, rig: Rig) -> None:
        containment = await rig.rejected()
        for _ in range(5):
            await rig.advance(containment.id)
        assert len(rig.runners[ISOLATE].begun) == 1
        assert rig.runners[ISOLATE].checked == []

    async def test_what_was_before_is_kept_for_the_undo(self, rig: Rig) -> None:
        containment = await rig.rejected()
        done = await rig.until_rest(containment.id)
        change = done.step(ISOLATE).change
        assert change is not None
        assert change.before == {"was": 1}

    async def test_what_is_not_there_is_not_found(self, rig: Rig) -> None:
        with pytest.raises(NotFound):
            await rig.contain("c" + "0" * 25)


class TestSeveralWorkers:
    async def test_workers_at_the_same_moment_begin_and_end_each_step_once(self, rig: Rig) -> None:
        containment = await rig.rejected()
        workers = [rig.worker() for _ in range(4)]
        for _ in range(12):
            await asyncio.gather(*(worker(containment.id) for worker in workers))
            rig.clock.advance(2)
        done = await rig.store.containment(containment.id)
        assert done.state is ContainmentState.CONTAINED
        assert {name: len(runner.begun) for name, runner in rig.runners.items()} == dict.fromkeys(StepName, 1)
        kinds = await rig.kinds()
        assert kinds.count("step.done") == 3
        assert kinds.count("containment.contained") == 1

    async def test_a_result_outlives_somebody_elses_write(self, rig: Rig) -> None:
        containment = await rig.rejected()
        rig.runners[STOP].held = asyncio.Event()
        slow = asyncio.create_task(rig.contain(containment.id))
        await rig.runners[STOP].reached.wait()
        current = await rig.store.containment(containment.id)
        await put(rig, current.changed(cards=(*current.cards, "a" + "1" * 25)))
        rig.runners[STOP].held.set()
        await slow
        after = await rig.store.containment(containment.id)
        assert len(after.cards) == 2
        assert after.step(STOP).token == "stop-token"
        assert (await rig.until_rest(containment.id)).state is ContainmentState.CONTAINED

    async def test_a_late_result_changes_nothing_that_others_have_brought_further(self, rig: Rig) -> None:
        containment = await rig.rejected()
        runner = rig.runners[STOP]
        runner.held = asyncio.Event()
        slow = asyncio.create_task(rig.contain(containment.id))
        await runner.reached.wait()
        held, runner.held = runner.held, None
        rig.clock.advance(BEGIN_LEASE)
        await rig.worker()(containment.id)
        further = (await rig.store.containment(containment.id)).step(STOP)
        held.set()
        await slow
        assert (await rig.store.containment(containment.id)).step(STOP) == further
        assert further.attempt == 2


class TestCrashes:
    async def cut_off(self, rig: Rig) -> Containment:
        """The process ends after the intent was written, before any step answered."""
        containment = await rig.rejected()
        for name in (ISOLATE, STOP):
            rig.runners[name].held = asyncio.Event()
        task = asyncio.create_task(rig.contain(containment.id))
        await rig.runners[ISOLATE].reached.wait()
        await rig.runners[STOP].reached.wait()
        task.cancel()
        await asyncio.wait([task])
        for runner in rig.runners.values():
            runner.held = None
        return await rig.store.containment(containment.id)

    async def test_a_beginning_that_was_cut_off_is_left_alone_during_its_lease(self, rig: Rig) -> None:
        containment = await self.cut_off(rig)
        assert states(containment) == [StepState.STARTED, StepState.STARTED, StepState.TODO]
        rig.clock.advance(BEGIN_LEASE - timedelta(milliseconds=1))
        await rig.contain(containment.id)
        assert len(rig.runners[ISOLATE].begun) == 1

    async def test_after_its_lease_every_step_that_was_cut_off_is_begun_again(self, rig: Rig) -> None:
        containment = await self.cut_off(rig)
        rig.clock.advance(BEGIN_LEASE)
        rig.nudger.clear()
        containment = await rig.advance(containment.id)
        assert [len(rig.runners[name].begun) for name in (ISOLATE, STOP)] == [2, 2]
        assert [containment.step(name).token for name in (ISOLATE, STOP)] == ["isolate-token", "stop-token"]
        assert [containment.step(name).attempt for name in (ISOLATE, STOP)] == [2, 2]
        assert rig.worked(Subject.CONTAINMENT)
        assert (await rig.until_rest(containment.id)).state is ContainmentState.CONTAINED

    async def test_a_step_that_is_cut_off_time_and_again_is_given_up(self, rig: Rig) -> None:
        containment = await self.cut_off(rig)
        for _ in range(MAX_ATTEMPTS * 3):
            containment = await rig.store.containment(containment.id)
            if not containment.working:
                break
            rig.clock.to(containment.due_at() or rig.clock.now())
            rig.runners[STOP].held = asyncio.Event()
            rig.runners[STOP].reached.clear()
            task = asyncio.create_task(rig.contain(containment.id))
            await asyncio.wait(
                [task, asyncio.create_task(asyncio.sleep(0.01))], return_when="FIRST_COMPLETED"
            )
            task.cancel()
            await asyncio.wait([task])
        assert containment.state is ContainmentState.INCOMPLETE
        assert [s.name for s in containment.failed] == [STOP]
        assert len(rig.runners[STOP].begun) == MAX_ATTEMPTS

    async def test_a_crash_before_any_nudge_is_made_up_for(self, rig: Rig) -> None:
        containment = await rig.rejected()
        for _ in range(60):
            rig.nudger.crashes = 1
            with contextlib.suppress(CrashError):
                await rig.contain(containment.id)
            rig.nudger.crashes = 0
            rig.nudger.clear()
            rig.clock.advance(30)
            await rig.resync()
            if not rig.worked(Subject.CONTAINMENT):
                break
        assert (await rig.store.containment(containment.id)).state is ContainmentState.CONTAINED
        assert containment.id in {n.id for n in rig.nudger.to_notices}


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
        assert first is None
        assert second is not None
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


class TestProof:
    def started_again(self, runner: FakeRunner, *, times: int) -> None:
        """Done, but not so when it is read back; so many times over."""
        for _ in range(times):
            runner.to_check.extend(
                [Progress(done=True, note="deallocated"), Progress(done=False, note="running")]
            )

    async def test_what_does_not_read_back_is_done_again(self, rig: Rig) -> None:
        containment = await rig.rejected()
        self.started_again(rig.runners[STOP], times=1)
        done = await rig.until_rest(containment.id)
        assert done.state is ContainmentState.CONTAINED
        assert len(rig.runners[STOP].begun) == 2
        assert "step.unproven" in await rig.kinds()
        assert done.step(STOP).note == "stop reads back"

    async def test_contained_is_never_said_before_the_proof(self, rig: Rig) -> None:
        containment = await rig.rejected()
        self.started_again(rig.runners[STOP], times=1)
        for _ in range(30):
            containment = await rig.advance(containment.id)
            if containment.state is ContainmentState.CONTAINED:
                break
            assert containment.verified_at is None
            rig.clock.advance(1)
        kinds = await rig.kinds()
        assert kinds.index("step.unproven") < kinds.index("containment.contained")
        assert kinds.count("containment.contained") == 1

    async def test_what_can_not_be_held_is_incomplete(self, rig: Rig) -> None:
        containment = await rig.rejected()
        self.started_again(rig.runners[STOP], times=MAX_ATTEMPTS * 2)
        done = await rig.until_rest(containment.id)
        assert done.state is ContainmentState.INCOMPLETE
        assert [s.name for s in done.failed] == [STOP]
        assert done.step(STOP).note == "read back: running"
        assert done.step(STOP).attempt == MAX_ATTEMPTS

    @pytest.mark.parametrize("error", [StepFailed("the NIC is gone"), DependencyAway("azure", "no answer")])
    async def test_what_can_not_be_read_back_is_no_proof(self, rig: Rig, error: Exception) -> None:
        containment = await rig.rejected()
        rig.runners[ISOLATE].to_check.extend([Progress(done=True), error])
        containment = await rig.advance(containment.id, times=3)
        await rig.advance(containment.id)
        assert (await rig.store.containment(containment.id)).state is ContainmentState.RUNNING
        assert (await rig.until_rest(containment.id)).state is ContainmentState.CONTAINED


class TestNeverWithoutARight:
    """The worker believes no message and no containment: it looks for the right on record."""

    async def refused(self, rig: Rig, containment: Containment) -> Containment:
        await put(rig, containment)
        after = await rig.advance(containment.id)
        assert all(runner.begun == [] for runner in rig.runners.values())
        assert after.state is ContainmentState.INCOMPLETE
        assert set(states(after)) == {StepState.SKIPPED}
        record = (await rig.store.audit(int(containment.id[1], 16)))[-1]
        assert record.kind == "containment.refused"
        assert record.details["reason"] == after.steps[0].note
        assert [n.id for n in rig.nudger.to_notices] == [containment.id]
        assert after.due_at() is None
        return after

    def forged(self, **cause: Any) -> Containment:
        vm = cause.pop("vm", a.vm_ref())
        return planned(containment_id(vm.key), vm, a.cause(**cause), LockdownProfile(), now=a.NOW)

    @pytest.mark.parametrize("kind", [CauseKind.REJECTION, CauseKind.SILENCE])
    @pytest.mark.parametrize("about", [None, "", "nonsense", "a0" + "0" * 24])
    async def test_without_an_approval(self, rig: Rig, kind: CauseKind, about: str | None) -> None:
        after = await self.refused(rig, self.forged(kind=kind, approval_id=about))
        assert "does not exist" in after.steps[0].note

    @pytest.mark.parametrize("state", set(ApprovalState) - {ApprovalState.REJECTED})
    async def test_with_an_approval_that_was_not_rejected(self, rig: Rig, state: ApprovalState) -> None:
        approval = a.approval(version=0, state=state)
        await put(rig, approval)
        await self.refused(rig, self.forged(approval_id=approval.id))

    async def test_with_a_rejection_by_somebody_else(self, rig: Rig) -> None:
        approval = a.approval(version=0, state=ApprovalState.REJECTED)
        await put(rig, approval)
        after = await self.refused(rig, self.forged(approval_id=approval.id, by=a.oncall()))
        assert after.steps[0].note == "the rejection on record is somebody else's"

    async def test_with_a_rejection_by_somebody_who_was_not_allowed(self, rig: Rig) -> None:
        mallory = a.actor(slack_user="U0MALLORY", name="Mallory", email="mallory@evil.example")
        approval = a.approval(version=0, state=ApprovalState.REJECTED, decision=a.decision(by=mallory))
        await put(rig, approval)
        after = await self.refused(rig, self.forged(approval_id=approval.id, by=mallory))
        assert "Only the VM's owner or on-call" in after.steps[0].note

    async def test_with_the_rejection_of_another_vms_start(self, rig: Rig) -> None:
        vm = a.vm_ref(name="vm-other")
        approval = a.approval(version=0, state=ApprovalState.REJECTED, event=a.start_event(vm=vm))
        await put(rig, approval)
        containment = self.forged(approval_id=approval.id)
        after = await self.refused(rig, containment)
        assert after.steps[0].note == "the approval that this containment rests on is about another VM"

    async def test_with_a_confirmation_dressed_as_a_rejection(self, rig: Rig) -> None:
        approval = a.approval(
            version=0, state=ApprovalState.CONFIRMED, decision=a.decision(answer=a.Answer.CONFIRM)
        )
        await put(rig, approval)
        await self.refused(rig, self.forged(approval_id=approval.id))

    @pytest.mark.parametrize("by", [None, a.actor(), a.oncall(on_call=False)])
    async def test_with_a_lockdown_by_nobody_or_by_someone_not_on_call(self, rig: Rig, by: Any) -> None:
        await self.refused(rig, self.forged(kind=CauseKind.LOCKDOWN, by=by))

    @pytest.mark.parametrize("on_silence", [OnSilence.LEAVE, OnSilence.ESCALATE])
    async def test_with_a_silence_that_contains_nothing(self, rig: Rig, on_silence: OnSilence) -> None:
        approval = a.approval(version=0, state=ApprovalState.EXPIRED, terms=a.terms(on_silence=on_silence))
        await put(rig, approval)
        await self.refused(rig, self.forged(kind=CauseKind.SILENCE, approval_id=approval.id))

    async def test_with_a_silence_that_is_not_over(self, rig: Rig) -> None:
        approval = a.approval(version=0, terms=a.terms(on_silence=OnSilence.CONTAIN))
        await put(rig, approval)
        await self.refused(rig, self.forged(kind=CauseKind.SILENCE, approval_id=approval.id))

    async def test_with_a_silence_that_isolates_and_steps_that_do_more(self, rig: Rig) -> None:
        approval = a.approval(
            version=0, state=ApprovalState.EXPIRED, terms=a.terms(on_silence=OnSilence.ISOLATE)
        )
        await put(rig, approval)
        await self.refused(rig, self.forged(kind=CauseKind.SILENCE, approval_id=approval.id))

    async def test_a_right_that_is_lost_half_way_stops_what_was_not_begun(self, rig: Rig) -> None:
        containment = await rig.rejected()
        containment = await rig.advance(containment.id)
        await put(rig, containment.changed(cause=containment.cause.changed(approval_id="a" + "0" * 25)))
        after = await rig.advance(containment.id)
        assert after.state is ContainmentState.INCOMPLETE
        assert rig.runners[BACKUP].begun == []
        assert after.step(BACKUP).state is StepState.SKIPPED

    async def test_a_right_that_is_on_record_is_enough(self, rig: Rig) -> None:
        containment = await rig.rejected()
        assert (await rig.until_rest(containment.id)).state is ContainmentState.CONTAINED


class TestAskedForAgain:
    async def test_what_failed_is_tried_again_when_on_call_orders_it(self, rig: Rig) -> None:
        containment = await rig.rejected()
        rig.runners[STOP].to_begin.append(StepFailed("locked", final=True))
        assert (await rig.until_rest(containment.id)).state is ContainmentState.INCOMPLETE
        locked = await rig.lock_down(a.vm_ref(), a.oncall(), containment.profile)
        assert locked.joined
        assert locked.containment.id == containment.id
        done = await rig.until_rest(containment.id)
        assert done.state is ContainmentState.CONTAINED
        assert len(rig.runners[ISOLATE].begun) == 1

    async def test_a_rejection_does_not_rest_on_a_containment_that_was_refused(self, rig: Rig) -> None:
        containment = await rig.lock_down(a.vm_ref(), a.oncall(), LockdownProfile())
        stored = await rig.store.containment(containment.containment.id)
        await put(rig, stored.changed(cause=stored.cause.changed(by=a.actor())))
        assert (await rig.advance(stored.id)).state is ContainmentState.INCOMPLETE
        approval = a.approval(version=0)
        await put(rig, approval)
        await rig.decide(a.Answer.REJECT, approval.id, a.actor())
        assert (await rig.until_rest(stored.id)).state is ContainmentState.CONTAINED

    async def test_what_stands_and_wants_nothing_more_is_left_as_it_is(self, rig: Rig) -> None:
        containment = await rig.rejected()
        done = await rig.until_rest(containment.id)
        locked = await rig.lock_down(a.vm_ref(), a.oncall(), containment.profile)
        assert locked.containment.state is ContainmentState.CONTAINED
        assert locked.containment.cause == done.cause

    async def test_silence_that_may_do_less_takes_over_no_rejection(self, rig: Rig) -> None:
        containment = await rig.rejected()
        rig.runners[ISOLATE].to_begin.append(StepFailed("locked", final=True))
        done = await rig.until_rest(containment.id)
        other = a.approval(
            version=0,
            event=a.start_event(correlation_id="another"),
            terms=a.terms(on_silence=OnSilence.ISOLATE),
        )
        await put(rig, other)
        rig.clock.to(other.expire_at)
        await rig.look(other.id)
        after = await rig.store.containment(containment.id)
        assert (after.state, after.cause) == (ContainmentState.INCOMPLETE, done.cause)
