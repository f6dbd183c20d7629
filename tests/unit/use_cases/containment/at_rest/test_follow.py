"""A job that a step left running is followed beside everything else, and never for ever."""

from datetime import timedelta

import pytest

from tests import builders as a
from tests.rig import Rig
from tests.unit.use_cases.containment.contain_rig import AWAY, BACKUP
from workers.domain.containment.afterwards.jobs import FOLLOWED_FOR, RAREST_LOOK, Job, JobState
from workers.domain.containment.containment import Containment, ContainmentState, Progress
from workers.domain.errors import StepFailed
from workers.domain.nudges import Subject

JOB = Job(id="5b0d", token="vault")


@pytest.fixture
async def contained(rig: Rig) -> Containment:
    """CONTAINED, with a backup job under way."""
    rig.runners[BACKUP].to_check.append(Progress(done=True, note="backup started", job=JOB))
    containment = await rig.rejected()
    while containment.state is not ContainmentState.CONTAINED:
        due = containment.due_at()
        assert due is not None
        rig.clock.to(due)
        containment = await rig.advance(containment.id)
    return containment


def job_of(containment: Containment) -> Job:
    job = containment.step(BACKUP).job
    assert job is not None
    return job


async def look(rig: Rig, containment: Containment) -> Containment:
    due = containment.due_at()
    assert due is not None
    rig.clock.to(due)
    return await rig.advance(containment.id)


async def test_a_job_under_way_holds_nothing_up(contained: Containment) -> None:
    assert contained.state is ContainmentState.CONTAINED
    assert job_of(contained).state is JobState.RUNNING
    assert contained.due_at() == job_of(contained).look_at


async def test_its_end_is_written_told_and_in_the_audit(rig: Rig, contained: Containment) -> None:
    follow = rig.runners[BACKUP].to_follow
    follow.append(job_of(contained).changed(state=JobState.DONE, note="recovery point created"))
    rig.nudger.clear()

    ended = await look(rig, contained)

    assert (job_of(ended).state, job_of(ended).ended_at) == (JobState.DONE, rig.clock.now())
    assert ended.due_at() is None
    assert [nudge.version for nudge in rig.nudger.to_notices] == [ended.version]
    assert (await rig.kinds())[-1] == "job.done"


async def test_it_is_looked_at_ever_more_rarely(rig: Rig, contained: Containment) -> None:
    gaps = []
    for _ in range(20):
        before = rig.clock.now()
        contained = await look(rig, contained)
        gaps.append(rig.clock.now() - before)
    assert gaps == sorted(gaps)
    assert gaps[-1] == RAREST_LOOK
    assert rig.worked(Subject.CONTAINMENT)[-1].due == contained.due_at()


@pytest.mark.parametrize("error", [AWAY, StepFailed("not now", code="InternalServerError")])
async def test_a_look_that_fails_is_repeated(rig: Rig, contained: Containment, error: Exception) -> None:
    rig.runners[BACKUP].to_follow.append(error)
    again = await look(rig, contained)
    assert job_of(again).state is JobState.RUNNING
    assert again.due_at() is not None


async def test_a_look_that_is_forbidden_ends_it(rig: Rig, contained: Containment) -> None:
    rig.runners[BACKUP].to_follow.append(StepFailed("we lack the right", final=True))
    again = await look(rig, contained)
    assert (job_of(again).state, job_of(again).note) == (JobState.FAILED, "we lack the right")


async def test_a_job_that_never_ends_has_failed_after_two_days(rig: Rig, contained: Containment) -> None:
    rig.clock.advance(FOLLOWED_FOR)
    ended = await rig.advance(contained.id)
    assert timedelta(hours=48) == FOLLOWED_FOR
    assert (job_of(ended).state, job_of(ended).note) == (
        JobState.FAILED,
        "it has not ended after 48 hours",
    )
    assert (await rig.kinds())[-1] == "job.failed"


async def test_a_job_is_followed_after_a_restore_too(contained: Containment) -> None:
    restored = contained.changed(state=ContainmentState.RESTORED)
    assert restored.due_at() == job_of(contained).look_at


async def test_a_new_round_waits_for_nothing_that_the_last_one_left(contained: Containment) -> None:
    again = contained.once_more(a.NOW)
    assert job_of(again) == job_of(contained)
    assert again.due_at() is not None
