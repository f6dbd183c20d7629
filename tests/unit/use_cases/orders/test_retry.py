"""A step that waiting will not mend: on-call is told while the others go on, and has it tried again."""

from datetime import timedelta

import pytest

from tests import acting
from tests import builders as a
from tests.rig import Rig
from tests.unit.use_cases.containment.contain_rig import BACKUP, GOING_ON, ISOLATE, STOP
from workers.domain.containment.containment import Containment, ContainmentState, StepState
from workers.domain.containment.patience import REPORT_AFTER
from workers.domain.errors import NotAllowed, StepFailed
from workers.use_cases.orders.retry import Retry

LOCKED = StepFailed("could not stop it: ScopeLocked", code="ScopeLocked", final=True)


def retry(rig: Rig) -> Retry:
    return acting.retry(store=rig.store, nudger=rig.nudger, clock=rig.clock)


async def refused(rig: Rig) -> Containment:
    """Stop is refused for good, isolate is done, and the backup goes on."""
    containment = await rig.rejected()
    rig.runners[STOP].to_begin.append(LOCKED)
    rig.runners[BACKUP].to_check.extend([GOING_ON] * 500)
    containment = await rig.advance(containment.id, times=2)
    assert [containment.step(name).state for name in (ISOLATE, STOP)] == [StepState.DONE, StepState.FAILED]
    return containment


async def test_on_call_is_told_within_seconds_and_not_when_the_others_have_ended(rig: Rig) -> None:
    containment = await refused(rig)
    failed_at = containment.step(STOP).ended_at
    assert failed_at is not None
    due = containment.due_at()
    assert due is not None
    assert due <= failed_at + REPORT_AFTER
    rig.clock.to(failed_at + REPORT_AFTER - timedelta(milliseconds=100))
    assert not (await rig.advance(containment.id)).needs_oncall
    rig.clock.to(failed_at + REPORT_AFTER)
    rig.nudger.clear()
    told = await rig.advance(containment.id)
    assert told.needs_oncall
    assert told.state is ContainmentState.RUNNING
    assert rig.nudger.to_notices
    assert [r.details["error"] for r in await rig.audit() if r.kind == "step.reported"] == [str(LOCKED)]


async def test_it_is_told_once(rig: Rig) -> None:
    containment = await refused(rig)
    await rig.advance(containment.id, times=20, by=5)
    assert len([r for r in await rig.audit() if r.kind == "step.reported"]) == 1


async def test_what_failed_is_tried_again_and_what_is_done_is_not(rig: Rig) -> None:
    containment = await refused(rig)
    rig.nudger.clear()
    retried = await retry(rig)(containment.id, a.oncall())
    assert retried.steps == (STOP,)
    assert rig.nudger.to_work
    begun = len(rig.runners[ISOLATE].begun)
    rig.runners[BACKUP].to_check.clear()
    ended = await rig.until_rest(containment.id)
    assert ended.state is ContainmentState.CONTAINED
    assert len(rig.runners[ISOLATE].begun) == begun
    assert ended.cause == containment.cause, "whose decision it was stays on record"
    records = [r for r in await rig.audit() if r.kind == "containment.retried"]
    assert [(r.by, r.details["steps"]) for r in records] == [(a.oncall().label, ["stop"])]


async def test_one_that_ended_incomplete_goes_on(rig: Rig) -> None:
    containment = await rig.rejected()
    rig.runners[STOP].to_begin.append(LOCKED)
    ended = await rig.until_rest(containment.id)
    assert ended.state is ContainmentState.INCOMPLETE
    await retry(rig)(containment.id, a.oncall())
    assert (await rig.until_rest(containment.id)).state is ContainmentState.CONTAINED


async def test_an_old_button_does_nothing(rig: Rig) -> None:
    containment = await rig.rejected()
    ended = await rig.until_rest(containment.id)
    assert (await retry(rig)(containment.id, a.oncall())).steps == ()
    assert await rig.store.containment(containment.id) == ended


@pytest.mark.parametrize("actor", [a.actor(), a.oncall(on_call=False, doubt="Slack did not say.")])
async def test_who_is_not_on_call_is_refused_and_audited(rig: Rig, actor: a.Actor) -> None:
    containment = await refused(rig)
    with pytest.raises(NotAllowed):
        await retry(rig)(containment.id, actor)
    assert (await rig.store.containment(containment.id)).step(STOP).state is StepState.FAILED
    assert [r.by for r in await rig.audit() if r.kind == "retry.refused"] == [actor.label]
