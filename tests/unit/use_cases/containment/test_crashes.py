"""A containment goes forward whoever works at it, and wherever a worker dies."""

import asyncio
import contextlib
from datetime import timedelta

from tests.doubles import CrashError
from tests.rig import Rig
from tests.unit.use_cases.containment.contain_rig import ISOLATE, STOP, put, states
from workers.domain.containment.containment import (
    BEGIN_LEASE,
    MAX_ATTEMPTS,
    Containment,
    ContainmentState,
    StepState,
)
from workers.domain.containment.profile import LockdownProfile
from workers.domain.nudges import Subject


class TestSeveralWorkers:
    async def test_workers_at_the_same_moment_begin_and_end_each_step_once(self, rig: Rig) -> None:
        containment = await rig.rejected()
        workers = [rig.worker() for _ in range(4)]
        for _ in range(12):
            await asyncio.gather(*(worker(containment.id) for worker in workers))
            rig.clock.advance(2)
        done = await rig.store.containment(containment.id)
        assert done.state is ContainmentState.CONTAINED
        assert {name: len(runner.begun) for name, runner in rig.runners.items()} == dict.fromkeys(
            LockdownProfile().steps, 1
        )
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
