"""While all writes are paused nothing is begun, what is under way is looked at, and no time counts."""

from datetime import timedelta

import pytest

from tests import acting
from tests import builders as a
from tests.rig import Rig
from tests.unit.use_cases.containment.contain_rig import BACKUP, GOING_ON, ISOLATE, STOP, put, states
from tests.unit.use_cases.containment.restore_rig import RestoreRig
from workers.domain.containment.brakes.held import HeldBy
from workers.domain.containment.brakes.pause import DEFAULT_PAUSE, LONGEST_PAUSE
from workers.domain.containment.containment import ContainmentState, StepState
from workers.domain.containment.profile import LockdownProfile
from workers.domain.containment.steps import BEGIN_LEASE
from workers.domain.errors import NotAllowed, NotYet, WritesPaused
from workers.domain.ids import PAUSE, partition_of_id
from workers.domain.nudges import Subject
from workers.telemetry.health import Health
from workers.use_cases.orders.pause import PauseWrites
from workers.use_cases.sweeps.pause import WatchPause

PAGE = LockdownProfile().page_after
BY = "Olga Oncall (U0OLGA001)"


def pausing(rig: Rig) -> PauseWrites:
    return PauseWrites(store=rig.store, clock=rig.clock, second=rig.second)


async def paused(rig: Rig, span: timedelta = DEFAULT_PAUSE) -> None:
    await pausing(rig).begin(BY, "the wrong VMs", span=span)


def begun(rig: Rig) -> int:
    return sum(len(runner.begun) for runner in rig.runners.values())


class TestContaining:
    async def test_nothing_is_begun_and_the_card_can_say_so(self, rig: Rig) -> None:
        held = await rig.rejected()
        await paused(rig)
        waiting = await rig.advance(held.id, times=3)
        assert (begun(rig), waiting.state) == (0, ContainmentState.PLANNED)
        assert waiting.held is not None
        assert (waiting.held.by, waiting.held.until) == (HeldBy.PAUSE, a.NOW + DEFAULT_PAUSE)
        kinds = await rig.kinds()
        assert kinds.count("containment.held") == 1, "it is said once"
        assert [n.id for n in rig.nudger.to_notices] == [held.id]

    async def test_what_azure_was_told_already_is_looked_at_and_nothing_new_begins(self, rig: Rig) -> None:
        held = await rig.rejected()
        await rig.advance(held.id)
        assert (len(rig.runners[STOP].begun), len(rig.runners[BACKUP].begun)) == (1, 0)
        await paused(rig)
        waiting = await rig.advance(held.id, times=3, by=5.0)
        assert waiting.step(STOP).state is StepState.DONE
        assert waiting.step(BACKUP).state is StepState.TODO, "it needs the stop, which has ended by now"
        assert begun(rig) == 2

    async def test_what_was_cut_off_in_its_middle_is_not_begun_again(self, rig: Rig) -> None:
        held = await rig.rejected()
        rig.runners[ISOLATE].to_begin.append(WritesPaused("paused", until=a.NOW + DEFAULT_PAUSE))
        await rig.advance(held.id)
        await paused(rig)
        waiting = await rig.advance(held.id, times=5, by=60.0)
        assert waiting.step(ISOLATE).state is StepState.TODO
        assert waiting.step(ISOLATE).attempt == 0, "this is no attempt"
        assert len(rig.runners[ISOLATE].begun) == 1

    async def test_it_goes_on_by_itself_when_the_pause_is_over(self, rig: Rig) -> None:
        held = await rig.rejected()
        await paused(rig)
        await rig.advance(held.id)
        before = rig.clock.now()
        ended = await rig.until_rest(held.id)
        assert ended.state is ContainmentState.CONTAINED
        assert ended.held is None
        assert rig.clock.now() >= before + DEFAULT_PAUSE
        assert "containment.resumed" in await rig.kinds()

    async def test_the_time_of_a_pause_makes_nothing_late_and_gives_nothing_up(self, rig: Rig) -> None:
        held = await rig.rejected()
        rig.runners[ISOLATE].to_check.extend([GOING_ON] * 10_000)
        await rig.advance(held.id)
        await paused(rig, timedelta(hours=5))
        for _ in range(20):
            rig.clock.advance(timedelta(minutes=14))
            await rig.contain(held.id)
        await pausing(rig).end(BY)
        resumed = rig.clock.now()
        waiting = await rig.advance(held.id)
        kinds = await rig.kinds()
        assert not {"containment.late", "step.late", "step.given-up"} & {*kinds}
        assert waiting.step(ISOLATE).state is StepState.STARTED
        rig.clock.to(resumed + PAGE)
        await rig.contain(held.id)
        late = [record for record in await rig.audit() if record.kind == "containment.late"]
        assert len(late) == 1, "from there on its time counts"

    async def test_no_end_is_written_while_writes_are_paused(self, rig: Rig) -> None:
        held = await rig.rejected()
        waiting = await rig.advance(held.id)
        for _ in range(10):
            if waiting.step(BACKUP).state is StepState.STARTED:
                break
            rig.clock.advance(2)
            waiting = await rig.advance(held.id)
        assert waiting.step(BACKUP).state is StepState.STARTED
        await paused(rig)
        waiting = await rig.advance(held.id, times=4, by=5.0)
        assert {*states(waiting)} == {StepState.DONE}
        assert waiting.state is ContainmentState.RUNNING
        await pausing(rig).end(BY)
        assert (await rig.until_rest(held.id)).state is ContainmentState.CONTAINED

    async def test_a_step_whose_process_died_is_not_begun_again_before_the_pause_is_over(
        self, rig: Rig
    ) -> None:
        held = await rig.rejected()
        running = held.to(ContainmentState.RUNNING)
        await put(rig, running.with_step(running.step(ISOLATE).begun(rig.clock.now())))
        await paused(rig)
        await rig.advance(held.id, times=3, by=BEGIN_LEASE.total_seconds())
        assert begun(rig) == 0
        await pausing(rig).end(BY)
        assert (await rig.until_rest(held.id)).state is ContainmentState.CONTAINED


class TestRestoring:
    async def test_no_undo_begins_either_and_it_goes_on_afterwards(self) -> None:
        rig = RestoreRig()
        held = await rig.ordered()
        await paused(rig)
        waiting = await rig.advance(held.id, times=3)
        assert waiting.restoration is not None
        assert {*states_of(waiting.restoration.steps)} == {StepState.TODO}
        assert not any(rig.calls(name) for name in rig.undoable)
        await pausing(rig).end(BY)
        assert (await rig.until_rest(held.id)).state is ContainmentState.RESTORED


def states_of(steps: tuple[object, ...]) -> list[StepState]:
    return [step.state for step in steps]  # type: ignore[attr-defined]


class TestEveryWrite:
    async def test_each_is_asked_for_and_refused_from_the_moment_of_the_pause(self, rig: Rig) -> None:
        brakes = acting.brakes(store=rig.store, clock=rig.clock)
        await brakes.may_write()
        await paused(rig)
        with pytest.raises(WritesPaused, match=r"paused by Olga Oncall .*: the wrong VMs"):
            await brakes.may_write()
        rig.clock.advance(DEFAULT_PAUSE)
        await brakes.may_write()


class TestPausing:
    async def test_each_change_of_it_is_in_the_audit(self, rig: Rig) -> None:
        await paused(rig)
        await paused(rig, timedelta(minutes=5))
        assert await pausing(rig).end(BY, "found it") is not None
        assert await pausing(rig).end(BY) is None, "there is nothing to end"
        records = await rig.store.audit(partition_of_id(PAUSE))
        assert [(r.kind, r.by) for r in records] == [
            ("pause.begun", BY),
            ("pause.changed", BY),
            ("pause.ended", BY),
        ]
        assert records[0].details["reason"] == "the wrong VMs"
        assert records[-1].details["reason"] == "found it"

    @pytest.mark.parametrize(
        ("span", "reason"), [(LONGEST_PAUSE * 2, "x"), (timedelta(0), "x"), (DEFAULT_PAUSE, "  ")]
    )
    async def test_it_is_bounded_and_has_a_reason(self, rig: Rig, span: timedelta, reason: str) -> None:
        with pytest.raises(NotYet):
            await pausing(rig).begin(BY, reason, span=span)
        assert (await rig.store.pause()).version == 0

    async def test_who_is_not_on_call_may_not(self, rig: Rig) -> None:
        with pytest.raises(NotAllowed, match="Only on-call can pause changes in Azure"):
            await pausing(rig).may(a.actor(), wanted="/vm-pause x")


class TestSweep:
    def sweep(self, rig: Rig, health: Health | None = None) -> WatchPause:
        return WatchPause(store=rig.store, nudger=rig.nudger, health=health or Health(), clock=rig.clock)

    async def test_everything_that_is_open_is_told_once_when_it_begins_and_when_it_ends(
        self, rig: Rig
    ) -> None:
        other = a.start_event(vm=a.vm_ref(name="vm-db-01"))
        asked = await rig.asked(other)
        held = await rig.rejected()
        health = Health()
        sweep = self.sweep(rig, health)
        assert not await sweep()
        await paused(rig)
        assert await sweep()
        assert {n.id for n in rig.nudger.to_notices} == {asked.id, held.id}
        assert [n.id for n in rig.worked(Subject.CONTAINMENT)] == [held.id]
        assert "paused by Olga Oncall" in health.as_json()["troubles"]["pause"]["reason"]
        await rig.advance(held.id)
        rig.nudger.clear()
        assert not await sweep(), "it was told"
        await pausing(rig).end(BY)
        assert await sweep()
        assert [n.id for n in rig.worked(Subject.CONTAINMENT)] == [held.id]
        assert health.as_json()["troubles"] == {}

    async def test_a_pause_that_nobody_ends_is_ended_and_what_it_held_goes_on(self, rig: Rig) -> None:
        held = await rig.rejected()
        sweep = self.sweep(rig)
        await paused(rig)
        await sweep()
        await rig.advance(held.id)
        rig.clock.advance(DEFAULT_PAUSE)
        rig.nudger.clear()
        assert await sweep()
        assert (await rig.store.pause()).until is None
        assert (await rig.store.audit(partition_of_id(PAUSE)))[-1].kind == "pause.over"
        assert [n.id for n in rig.worked(Subject.CONTAINMENT)] == [held.id]

    async def test_a_worker_that_starts_after_a_pause_finds_what_nobody_told_to_go_on(self, rig: Rig) -> None:
        held = await rig.rejected()
        await paused(rig)
        await rig.advance(held.id)
        await pausing(rig).end(BY)  # and whoever would have told it dies
        rig.nudger.clear()
        assert await self.sweep(rig)()
        assert [n.id for n in rig.worked(Subject.CONTAINMENT)] == [held.id]

    async def test_two_workers_end_it_once(self, rig: Rig) -> None:
        one, two = self.sweep(rig), self.sweep(rig)
        await paused(rig)
        await one()
        await two()
        rig.clock.advance(DEFAULT_PAUSE)
        await one()
        await two()
        kinds = [record.kind for record in await rig.store.audit(partition_of_id(PAUSE))]
        assert kinds.count("pause.over") == 1
