"""A restore is undone step by step, in order, and proven before the VM is let go."""

import asyncio
from datetime import timedelta

import pytest

from tests import builders as a
from tests.doubles import Script
from tests.unit.use_cases.containment.restore_rig import (
    DRIFT,
    PROFILE,
    RAN,
    VM,
    RestoreRig,
    UndoableRunner,
    undo_of,
)
from workers.domain.containment.containment import Containment, ContainmentState, Progress, StepState
from workers.domain.containment.plans import StepName
from workers.domain.containment.restoration import restoring
from workers.domain.containment.steps import BEGIN_LEASE, MAX_ATTEMPTS
from workers.domain.errors import DependencyAway, StepFailed
from workers.domain.ids import partition_of_vm
from workers.domain.ports.store import Commit


@pytest.fixture
def rig() -> RestoreRig:
    return RestoreRig()


class TestUndoing:
    async def test_every_step_is_undone_with_what_it_recorded(self, rig: RestoreRig) -> None:
        held = await rig.ordered()
        restored = await rig.until_rest(held.id)
        for name in PROFILE.steps:
            step = undo_of(restored, name)
            assert step.state is StepState.DONE
            assert rig.calls(name)[0][0].change == held.step(name).change
        assert restored.verified_at == restored.ended_at == rig.clock.now()
        assert [r["step"] for r in await rig.seen("undo.done")] == ["isolate", "backup", "stop"]

    async def test_the_intent_is_on_record_before_anything_is_done(self, rig: RestoreRig) -> None:
        held = await rig.ordered()
        kinds: list[str] = []

        def look() -> Progress:
            stored = rig.store._find(Containment, held.id)
            kinds.append(str(undo_of(stored, StepName.ISOLATE).state))
            return Progress(done=True)

        rig.undoable[StepName.ISOLATE].to_undo.append(look)
        await rig.advance(held.id)
        assert kinds == ["STARTED"]

    async def test_the_vm_is_started_after_its_nics_and_only_if_asked(self, rig: RestoreRig) -> None:
        held = await rig.ordered(start=True)
        assert held.restoration is not None
        rig.undoable[StepName.ISOLATE].to_undo.append(Progress(done=False, note="nic-1 written"))
        await rig.advance(held.id)
        assert rig.calls(StepName.STOP) == []
        await rig.until_rest(held.id)
        assert [start for _, start in rig.calls(StepName.STOP)] == [held.restoration.start_id]
        assert held.restoration.starts

    async def test_without_being_asked_nothing_is_started(self, rig: RestoreRig) -> None:
        held = await rig.ordered()
        await rig.until_rest(held.id)
        assert {start for name in PROFILE.steps for _, start in rig.calls(name)} == {None}
        assert (await rig.store.vm_record(VM)).expected_start is None

    async def test_a_vm_that_did_not_run_before_is_not_started(self, rig: RestoreRig) -> None:
        off = RAN.changed(before={"power": "deallocated"})
        rig.undoable[StepName.STOP].to_begin.append(Progress(done=True, change=off))
        locked = await rig.lock_down(VM, a.oncall(), PROFILE)
        await rig.until_rest(locked.containment.id)
        ordered = await rig.restore(
            locked.containment.id, a.oncall(), shown=locked.containment.demand, start=True
        )
        assert ordered.containment.restoration is not None
        assert not ordered.containment.restoration.starts

    async def test_a_step_that_changed_nothing_is_left_alone(self, rig: RestoreRig) -> None:
        rig.undoable[StepName.BACKUP].to_begin.append(StepFailed("no right", final=True))
        locked = await rig.lock_down(VM, a.oncall(), PROFILE)
        held = await rig.until_rest(locked.containment.id)
        assert held.state is ContainmentState.INCOMPLETE
        await rig.restore(held.id, a.oncall(), shown=held.demand)
        restored = await rig.until_rest(held.id)
        assert restored.state is ContainmentState.RESTORED
        assert undo_of(restored, StepName.BACKUP).state is StepState.SKIPPED
        assert rig.calls(StepName.BACKUP) == []

    async def test_an_operation_is_polled_with_its_token_until_it_is_done(self, rig: RestoreRig) -> None:
        held = await rig.ordered(start=True)
        rig.undoable[StepName.STOP].to_undo.extend(
            [Progress(done=False, token="op-1", look_again_after=timedelta(seconds=9)), Progress(done=True)]
        )
        first = await rig.advance(held.id, times=2)
        assert undo_of(first, StepName.STOP).look_at == rig.clock.now() + timedelta(seconds=9)
        await rig.advance(held.id)
        assert len(rig.calls(StepName.STOP)) == 1, "not before its time"
        await rig.until_rest(held.id)
        assert [step.token for step, _ in rig.calls(StepName.STOP)] == ["", "op-1"]

    async def test_a_refusal_is_tried_again_with_growing_pauses_and_then_given_up(
        self, rig: RestoreRig
    ) -> None:
        held = await rig.ordered()
        rig.undoable[StepName.ISOLATE].to_undo.extend([StepFailed("409")] * MAX_ATTEMPTS)
        ended = await rig.until_rest(held.id)
        assert ended.state is ContainmentState.INCOMPLETE
        assert undo_of(ended, StepName.ISOLATE).attempt == MAX_ATTEMPTS
        assert len(await rig.seen("undo.retry")) == MAX_ATTEMPTS - 1

    async def test_azure_away_is_waited_for_and_counts_as_no_attempt(self, rig: RestoreRig) -> None:
        held = await rig.ordered()
        away = DependencyAway("azure", "throttled", retry_after_s=17)
        rig.undoable[StepName.ISOLATE].to_undo.extend([away] * (MAX_ATTEMPTS + 3))
        first = await rig.advance(held.id)
        assert undo_of(first, StepName.ISOLATE).look_at == rig.clock.now() + timedelta(seconds=17)
        restored = await rig.until_rest(held.id)
        assert restored.state is ContainmentState.RESTORED
        assert undo_of(restored, StepName.ISOLATE).attempt == 1

    async def test_an_undo_that_was_cut_off_is_done_again_after_its_lease(self, rig: RestoreRig) -> None:
        held = await rig.ordered()
        rig.undoable[StepName.ISOLATE].to_undo.append(_cut_off)
        with pytest.raises(_Cut):
            await rig.contain(held.id)
        await rig.advance(held.id)
        assert len(rig.calls(StepName.ISOLATE)) == 1
        rig.clock.advance(BEGIN_LEASE)
        assert (await rig.until_rest(held.id)).state is ContainmentState.RESTORED

    async def test_workers_at_the_same_moment_undo_each_step_once(self, rig: RestoreRig) -> None:
        held = await rig.ordered(start=True)
        others = [rig.worker() for _ in range(4)]
        await asyncio.gather(rig.contain(held.id), *(worker(held.id) for worker in others))
        await rig.until_rest(held.id)
        assert [len(await rig.seen(kind)) for kind in ("undo.begun", "undo.done")] == [3, 3]
        assert len(await rig.seen("containment.restored")) == 1

    async def test_of_two_looks_at_the_same_moment_the_first_result_stands(self, rig: RestoreRig) -> None:
        held = await rig.ordered()
        rig.undoable[StepName.ISOLATE].to_undo.append(Progress(done=False, token="op"))
        await rig.advance(held.id)
        rig.clock.advance(5)
        other = rig.worker()

        class Slow(UndoableRunner):
            async def undo(self, *args: object, **kwargs: object) -> Progress:
                del args, kwargs
                await other(held.id)
                raise DRIFT

        rig.runners[StepName.ISOLATE] = Slow(StepName.ISOLATE)
        await rig.worker()(held.id)
        ended = await rig.store.containment(held.id)
        assert undo_of(ended, StepName.ISOLATE).state is StepState.DONE
        assert await rig.seen("undo.failed") == []

    async def test_a_defect_of_a_step_is_another_attempt_and_is_said(self, rig: RestoreRig) -> None:
        held = await rig.ordered()
        rig.undoable[StepName.ISOLATE].to_undo.append(ValueError("a bug"))
        tried = await rig.advance(held.id)
        assert undo_of(tried, StepName.ISOLATE).note == "ValueError: a bug"
        assert (await rig.until_rest(held.id)).state is ContainmentState.RESTORED


class _Cut(BaseException):
    """No Exception: nothing after it is done, as after a kill."""


def _cut_off() -> Progress:
    raise _Cut


class TestProof:
    async def test_drift_ends_incomplete_names_it_and_keeps_the_vm_held(self, rig: RestoreRig) -> None:
        held = await rig.ordered(start=True)
        rig.undoable[StepName.ISOLATE].to_undo.append(DRIFT)
        ended = await rig.until_rest(held.id)
        assert ended.state is ContainmentState.INCOMPLETE
        assert undo_of(ended, StepName.ISOLATE).note == str(DRIFT)
        assert await rig.seen("restore.incomplete") == [{"left": {"isolate": str(DRIFT)}, "read_back": []}]
        assert (await rig.store.vm_record(VM)).containment_id == held.id

    async def test_a_vm_whose_nics_drifted_is_not_started(self, rig: RestoreRig) -> None:
        held = await rig.ordered(start=True)
        rig.undoable[StepName.ISOLATE].to_undo.append(DRIFT)
        ended = await rig.until_rest(held.id)
        assert rig.calls(StepName.STOP) == []
        skipped = undo_of(ended, StepName.STOP)
        assert skipped.state is StepState.SKIPPED
        assert "not started before isolate is undone" in skipped.note

    async def test_what_was_mended_by_hand_is_restored_by_a_second_order(self, rig: RestoreRig) -> None:
        held = await rig.ordered()
        rig.undoable[StepName.ISOLATE].to_undo.append(DRIFT)
        await rig.until_rest(held.id)
        again = await rig.restore(held.id, a.oncall(), shown=held.demand)
        assert again.containment.restoration is not None
        assert (again.joined, again.containment.restoration.number) == (False, 2)
        assert (await rig.until_rest(held.id)).state is ContainmentState.RESTORED

    async def test_nothing_is_restored_while_the_nics_do_not_read_back_at_the_very_end(
        self, rig: RestoreRig
    ) -> None:
        held = await rig.ordered()
        rig.undoable[StepName.ISOLATE].to_undo.extend([Progress(done=True), DRIFT])
        ended = await rig.until_rest(held.id)
        assert ended.state is ContainmentState.INCOMPLETE
        assert undo_of(ended, StepName.ISOLATE).state is StepState.FAILED

    @pytest.mark.parametrize("last", [DependencyAway("azure", "away"), Progress(done=False, note="written")])
    async def test_the_last_look_is_taken_until_it_proves_it(self, rig: RestoreRig, last: Script) -> None:
        held = await rig.ordered()
        rig.undoable[StepName.ISOLATE].to_undo.extend([Progress(done=True), last])
        assert (await rig.until_rest(held.id)).state is ContainmentState.RESTORED
        assert len(rig.calls(StepName.ISOLATE)) == 4

    @pytest.mark.parametrize("by", [a.actor(), a.oncall(on_call=False)])
    async def test_the_worker_believes_no_order_of_somebody_who_may_not(
        self, rig: RestoreRig, by: a.Actor
    ) -> None:
        held = await rig.contained()
        forged = restoring(held, by, start_id=None, reason="", now=rig.clock.now())
        await rig.store.commit(Commit(partition=partition_of_vm(VM.key), documents=(forged,)))
        ended = await rig.advance(held.id)
        assert ended.state is ContainmentState.INCOMPLETE
        assert all(rig.calls(name) == [] for name in PROFILE.steps)
        assert len(await rig.seen("restore.unjustified")) == 1

    async def test_a_restore_that_nobody_ordered_is_refused(self, rig: RestoreRig) -> None:
        held = await rig.contained()
        forged = held.to(ContainmentState.RESTORING)
        await rig.store.commit(Commit(partition=partition_of_vm(VM.key), documents=(forged,)))
        assert (await rig.advance(held.id)).state is ContainmentState.INCOMPLETE
        assert all(rig.calls(name) == [] for name in PROFILE.steps)
