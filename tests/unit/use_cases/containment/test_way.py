"""A containment goes forward to CONTAINED, and says so only with proof."""

import pytest

from tests import builders as a
from tests.doubles import FakeRunner
from tests.rig import Rig
from tests.unit.use_cases.containment.contain_rig import BACKUP, ISOLATE, STOP, put, states
from workers.domain.containment.containment import ContainmentState, Progress, StepState
from workers.domain.containment.plans import Change
from workers.domain.containment.profile import LockdownProfile
from workers.domain.containment.restoration import restoring
from workers.domain.containment.steps import MAX_REDONE
from workers.domain.errors import DependencyAway, NotFound, StepFailed
from workers.domain.nudges import Subject
from workers.domain.policy.model import OnSilence


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
        assert {name: len(runner.begun) for name, runner in rig.runners.items()} == dict.fromkeys(
            LockdownProfile().steps, 1
        )

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

    async def test_doubled_nudges_arrange_one_look_together(self, rig: Rig) -> None:
        containment = await rig.rejected()
        rig.nudger.cancelled.clear()  # the decision took back the look at its own deadline
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
        self.started_again(rig.runners[STOP], times=MAX_REDONE * 2)
        done = await rig.until_rest(containment.id)
        assert done.state is ContainmentState.INCOMPLETE
        assert [s.name for s in done.failed] == [STOP]
        assert done.step(STOP).note == "read back: running"
        assert (done.step(STOP).redone, done.step(STOP).attempt) == (MAX_REDONE, 1), "no failed attempts"

    async def test_an_incomplete_end_is_read_back_too_and_a_vm_that_runs_is_stopped_instead(
        self, rig: Rig
    ) -> None:
        containment = await rig.rejected()
        rig.runners[BACKUP].to_begin.append(StepFailed("vault is full", final=True))
        self.started_again(rig.runners[STOP], times=1)
        done = await rig.until_rest(containment.id)
        assert done.state is ContainmentState.INCOMPLETE
        assert len(rig.runners[STOP].begun) == 2
        assert states(done) == [StepState.DONE, StepState.DONE, StepState.FAILED]
        kinds = await rig.kinds()
        assert kinds.index("step.unproven") < kinds.index("containment.incomplete")
        assert (await rig.audit())[-1].details["read_back"] == ["isolate", "stop"]

    async def test_a_start_that_undoes_the_stop_is_no_failed_attempt(self, rig: Rig) -> None:
        containment = await rig.rejected()
        undone = Progress(done=False, again=True, undone=True, note="the VM is running")
        rig.runners[STOP].to_check.extend([undone] * (MAX_REDONE - 1))
        done = await rig.until_rest(containment.id)
        assert done.state is ContainmentState.CONTAINED
        assert (done.step(STOP).redone, done.step(STOP).attempt) == (MAX_REDONE - 1, 1)

    @pytest.mark.parametrize("error", [StepFailed("the NIC is gone"), DependencyAway("azure", "no answer")])
    async def test_what_can_not_be_read_back_is_no_proof(self, rig: Rig, error: Exception) -> None:
        containment = await rig.rejected()
        rig.runners[ISOLATE].to_check.extend([Progress(done=True), error])
        containment = await rig.advance(containment.id, times=3)
        await rig.advance(containment.id)
        assert (await rig.store.containment(containment.id)).state is ContainmentState.RUNNING
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


class TestLeftOut:
    async def test_a_step_that_this_vm_does_not_take_is_skipped_with_the_reason(self, rig: Rig) -> None:
        left_out = Change(summary="no backup", skipped="its OS disk is ephemeral")
        rig.runners[BACKUP].to_begin.append(Progress(done=True, change=left_out))
        containment = await rig.rejected()
        done = await rig.until_rest(containment.id)
        assert done.state is ContainmentState.CONTAINED
        step = done.step(BACKUP)
        assert (step.state, step.note) == (StepState.SKIPPED, "its OS disk is ephemeral")
        assert len(rig.runners[BACKUP].begun) == 1
        assert "step.skipped" in await rig.kinds()

    async def test_its_undo_is_skipped_too(self, rig: Rig) -> None:
        left_out = Change(summary="no backup", skipped="its OS disk is ephemeral")
        rig.runners[BACKUP].to_begin.append(Progress(done=True, change=left_out))
        contained = await rig.until_rest((await rig.rejected()).id)
        ordered = restoring(contained, a.oncall(), start_id=None, reason="", now=rig.clock.now())
        assert ordered.restoration is not None
        assert ordered.restoration.step(BACKUP).state is StepState.SKIPPED
