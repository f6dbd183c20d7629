"""A contained VM that was started again is contained once more, at once."""

import asyncio
from datetime import timedelta

import pytest

from tests import builders as a
from tests.doubles import CrashError
from tests.rig import Rig
from workers.domain.containment.containment import Containment, ContainmentState, Progress, StepState
from workers.domain.containment.plans import StepName
from workers.domain.containment.profile import LockdownProfile
from workers.domain.containment.steps import MAX_REDONE
from workers.domain.errors import StepFailed
from workers.domain.nudges import Subject
from workers.domain.ports.store import Commit
from workers.use_cases.starts.outcome import Outcome
from workers.use_cases.starts.recontain import CLOCK_MARGIN, Recontain

LATER = a.NOW + timedelta(hours=1)
AGAIN = a.start_event(correlation_id="again", at=LATER)


async def contained(rig: Rig) -> Containment:
    containment = await rig.rejected()
    done = await rig.until_rest(containment.id)
    rig.nudger.clear()
    return done


async def backing_up(rig: Rig, *, looks: int) -> Containment:
    """Under way: isolated and, after two looks, stopped; from the third on, the backup goes on."""
    containment = await rig.rejected()
    going_on = Progress(done=False, token="job", note="backing up")
    rig.runners[StepName.BACKUP].to_check.extend([going_on] * 100)
    return await rig.advance(containment.id, times=looks)


def recontain(rig: Rig) -> Recontain:
    return Recontain(store=rig.store, nudger=rig.nudger, clock=rig.clock)


class TestRounds:
    async def test_every_step_is_done_once_more_and_proven(self, rig: Rig) -> None:
        first = await contained(rig)
        assert await recontain(rig)(first.id, AGAIN)
        again = await rig.store.containment(first.id)
        assert (again.state, again.round, again.verified_at) == (ContainmentState.RUNNING, 2, None)
        assert {step.state for step in again.steps} == {StepState.TODO}
        done = await rig.until_rest(first.id)
        assert done.state is ContainmentState.CONTAINED
        assert all(len(runner.begun) == 2 for runner in rig.runners.values())

    async def test_what_was_before_the_first_round_is_what_a_restore_brings_back(self, rig: Rig) -> None:
        first = await contained(rig)
        await recontain(rig)(first.id, AGAIN)
        done = await rig.until_rest(first.id)
        for name in LockdownProfile().steps:
            before, after = first.step(name).change, done.step(name).change
            assert before is not None
            assert after is not None
            assert after.before == before.before == {"was": 1}

    async def test_the_same_start_told_twice_makes_one_round(self, rig: Rig) -> None:
        first = await contained(rig)
        await asyncio.gather(*(recontain(rig)(first.id, AGAIN) for _ in range(4)))
        await rig.until_rest(first.id)
        assert await recontain(rig)(first.id, AGAIN)
        after = await rig.store.containment(first.id)
        assert (after.state, after.round) == (ContainmentState.CONTAINED, 2)
        assert (await rig.kinds()).count("containment.again") == 1

    async def test_another_start_makes_another_round(self, rig: Rig) -> None:
        first = await contained(rig)
        await recontain(rig)(first.id, AGAIN)
        await rig.until_rest(first.id)
        await recontain(rig)(first.id, a.start_event(correlation_id="third", at=LATER))
        assert (await rig.until_rest(first.id)).round == 3

    async def test_one_that_is_incomplete_is_tried_again(self, rig: Rig) -> None:
        containment = await rig.rejected()
        rig.runners[StepName.STOP].to_begin.append(StepFailed("locked", final=True))
        assert (await rig.until_rest(containment.id)).state is ContainmentState.INCOMPLETE
        assert await recontain(rig)(containment.id, AGAIN)
        assert (await rig.until_rest(containment.id)).state is ContainmentState.CONTAINED

    @pytest.mark.parametrize("looks", [1, 2], ids=["the stop still goes on", "the stop is done"])
    async def test_one_under_way_has_its_stop_begun_again_at_once(self, rig: Rig, looks: int) -> None:
        containment = await backing_up(rig, looks=looks)
        rig.nudger.clear()
        assert await rig.open(AGAIN) == (Outcome.RECONTAINED, containment.id)
        assert [n.id for n in rig.worked(Subject.CONTAINMENT)] == [containment.id]
        await rig.contain(containment.id)  # the same moment
        after = await rig.store.containment(containment.id)
        assert after.round == 1
        stop = after.step(StepName.STOP)
        assert (stop.state, stop.attempt, stop.redone) == (StepState.STARTED, 1, 1)
        assert len(rig.runners[StepName.STOP].begun) == 2
        others = [step for step in after.steps if step.name is not StepName.STOP]
        assert others == [step for step in containment.steps if step.name is not StepName.STOP]
        assert "containment.started-again" in await rig.kinds()

    async def test_one_under_way_is_stopped_again_before_a_failed_backup_ends_it(self, rig: Rig) -> None:
        containment = await backing_up(rig, looks=2)
        rig.runners[StepName.BACKUP].to_check.clear()
        rig.runners[StepName.BACKUP].to_check.append(StepFailed("no", final=True))
        await rig.open(AGAIN)
        done = await rig.until_rest(containment.id)
        assert done.state is ContainmentState.INCOMPLETE
        assert done.step(StepName.STOP).state is StepState.DONE
        assert len(rig.runners[StepName.STOP].begun) == 2

    async def test_starts_use_up_no_attempts_however_many_there_are(self, rig: Rig) -> None:
        containment = await backing_up(rig, looks=2)
        for number in range(MAX_REDONE + 3):
            rig.clock.advance(20)
            await rig.open(a.start_event(correlation_id=f"start {number}", at=rig.clock.now()))
            containment = await rig.advance(containment.id, times=2)
        stop = containment.step(StepName.STOP)
        assert (stop.state, stop.attempt, stop.redone) == (StepState.DONE, 1, MAX_REDONE + 3)

    async def test_a_start_from_before_the_stop_changes_nothing(self, rig: Rig) -> None:
        containment = await backing_up(rig, looks=2)
        began = containment.step(StepName.STOP).started_at
        assert began is not None
        late = began - CLOCK_MARGIN - timedelta(milliseconds=1)
        assert await recontain(rig)(containment.id, a.start_event(correlation_id="late", at=late))
        assert (await rig.store.containment(containment.id)).steps == containment.steps
        edge = a.start_event(correlation_id="edge", at=began - CLOCK_MARGIN)
        assert await recontain(rig)(containment.id, edge)
        assert (await rig.store.containment(containment.id)).step(StepName.STOP).redone == 1

    async def test_the_same_start_told_twice_begins_one_stop(self, rig: Rig) -> None:
        containment = await backing_up(rig, looks=2)
        await asyncio.gather(*(recontain(rig)(containment.id, AGAIN) for _ in range(4)))
        assert (await rig.store.containment(containment.id)).step(StepName.STOP).redone == 1

    @pytest.mark.parametrize(
        ("before", "rounds"),
        [(CLOCK_MARGIN, 2), (CLOCK_MARGIN + timedelta(milliseconds=1), 1), (timedelta(minutes=1), 1)],
    )
    async def test_a_start_dated_shortly_before_the_proof_is_contained_again_as_clocks_differ(
        self, rig: Rig, before: timedelta, rounds: int
    ) -> None:
        first = await contained(rig)
        assert first.verified_at is not None
        event = a.start_event(correlation_id="late", at=first.verified_at - before)
        assert await recontain(rig)(first.id, event)
        assert (await rig.store.containment(first.id)).round == rounds
        assert timedelta(seconds=2) <= CLOCK_MARGIN <= timedelta(seconds=30)

    async def test_it_is_in_the_audit_with_who_started_it(self, rig: Rig) -> None:
        first = await contained(rig)
        await recontain(rig)(
            first.id, a.start_event(correlation_id="x", at=LATER, caller=a.caller(name="Mallory"))
        )
        record = (await rig.audit())[-1]
        assert (record.kind, record.by, record.details["round"]) == ("containment.again", "Mallory", 2)

    async def test_a_crash_before_the_nudge_is_made_up_for(self, rig: Rig) -> None:
        first = await contained(rig)
        rig.nudger.crashes = 1
        with pytest.raises(CrashError):
            await rig.open(AGAIN)
        rig.clock.advance(60)
        await rig.resync()
        assert [n.id for n in rig.worked(Subject.CONTAINMENT)] == [first.id]
        assert (await rig.until_rest(first.id)).round == 2


class TestNotStanding:
    @pytest.mark.parametrize("state", [ContainmentState.RESTORING, ContainmentState.RESTORED])
    async def test_one_that_no_longer_stands_is_left_alone(self, rig: Rig, state: ContainmentState) -> None:
        containment = a.containment(version=0, state=state)
        await rig.store.commit(Commit(partition=int(containment.id[1], 16), documents=(containment,)))
        assert not await recontain(rig)(containment.id, AGAIN)
        assert (await rig.store.containment(containment.id)).state is state

    async def test_one_that_is_gone_stands_no_more(self, rig: Rig) -> None:
        assert not await recontain(rig)("c" + "0" * 25, AGAIN)


class TestOnCall:
    async def test_the_first_start_is_told_with_who_it_was_and_then_one_a_day(self, rig: Rig) -> None:
        first = await contained(rig)
        assert not first.needs_oncall
        told = []
        for hours, name in ((1, "Mallory"), (2, "Trudy"), (22, "Trudy"), (30, "Eve")):
            rig.clock.to(a.NOW + timedelta(hours=hours))
            start = a.start_event(correlation_id=name + str(hours), at=rig.clock.now())
            start = start.changed(caller=a.caller(name=name))
            await recontain(rig)(first.id, start)
            after = await rig.until_rest(first.id)
            assert after.needs_oncall
            assert after.restart is not None
            told.append((after.restart.by, after.restart.at - a.NOW))
        one, other = ("Mallory", timedelta(hours=1)), ("Eve", timedelta(hours=30))
        assert told == [one, one, one, other]

    async def test_a_start_while_it_is_being_contained_is_told_too(self, rig: Rig) -> None:
        containment = await backing_up(rig, looks=3)
        rig.clock.advance(30)
        await recontain(rig)(containment.id, a.start_event(correlation_id="again", at=rig.clock.now()))
        assert (await rig.store.containment(containment.id)).needs_oncall

    async def test_a_start_that_was_read_back_as_stopped_tells_nobody(self, rig: Rig) -> None:
        first = await contained(rig)
        assert first.verified_at is not None
        late = a.start_event(correlation_id="late", at=first.verified_at - timedelta(minutes=1))
        await recontain(rig)(first.id, late)
        assert (await rig.store.containment(first.id)).restart is None
