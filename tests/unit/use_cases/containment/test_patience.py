"""Nothing is waited for without end: on-call is told after a while, and then it is given up."""

import asyncio
import time
from datetime import timedelta

import pytest

from tests import builders as a
from tests.rig import Rig
from tests.unit.use_cases.containment.contain_rig import AWAY, BACKUP, GOING_ON, ISOLATE, STOP, states
from tests.unit.use_cases.containment.restore_rig import RestoreRig
from workers.domain.containment.containment import Containment, ContainmentState, Progress, StepState
from workers.domain.containment.profile import LockdownProfile
from workers.domain.containment.steps import BEGIN_LEASE
from workers.domain.errors import DependencyAway
from workers.use_cases.containment import engine

PAGE, GIVE_UP = LockdownProfile().page_after, LockdownProfile().give_up_after
FOR_EVER = 5000
REFUSED = Progress(done=False, again=True, undone=True, note="it runs again")


def scripted(rig: Rig, troubled: str) -> None:
    match troubled:
        case "tokens lost":
            for runner in rig.runners.values():
                runner.to_begin.extend([AWAY] * FOR_EVER)
        case "an operation that never ends":
            rig.runners[STOP].to_check.extend([GOING_ON] * FOR_EVER)
        case "an operation that is cancelled each time":
            rig.runners[ISOLATE].to_check.extend([REFUSED] * FOR_EVER)
        case _:
            rig.runners[BACKUP].to_check.extend([GOING_ON] * FOR_EVER)


async def until_end(rig: Rig, containment_id: str) -> tuple[Containment, timedelta]:
    began = rig.clock.now()
    ended = await rig.until_rest(containment_id, most=3000)
    return ended, rig.clock.now() - began


@pytest.mark.parametrize(
    "troubled",
    [
        "tokens lost",
        "an operation that never ends",
        "an operation that is cancelled each time",
        "a backup that is never accepted",
    ],
)
async def test_whatever_never_ends_pages_after_a_while_and_then_ends_incomplete(
    rig: Rig, troubled: str
) -> None:
    containment = await rig.rejected()
    scripted(rig, troubled)
    ended, took = await until_end(rig, containment.id)
    assert ended.state is ContainmentState.INCOMPLETE
    assert took <= GIVE_UP + timedelta(seconds=10)
    records = await rig.audit()
    late = [record for record in records if record.kind == "containment.late"]
    assert late
    assert timedelta(0) <= late[0].at - containment.began - PAGE < timedelta(seconds=10)
    assert late[0].details["waits_for"]
    assert records[-1].kind == "containment.incomplete"


async def test_a_step_that_is_given_up_says_what_it_waited_for(rig: Rig) -> None:
    containment = await rig.rejected()
    scripted(rig, "an operation that never ends")
    ended, _ = await until_end(rig, containment.id)
    assert states(ended)[:2] == [StepState.DONE, StepState.FAILED]
    assert ended.step(STOP).note == "given up, it took longer than 30 minutes; last: going on"


async def test_what_it_waits_for_is_said_at_the_moment_it_is_due_and_to_people(rig: Rig) -> None:
    containment = await rig.rejected()
    scripted(rig, "an operation that never ends")
    containment = await rig.advance(containment.id, times=2)
    began = containment.step(STOP).started_at
    assert began is not None
    rig.clock.to(began + PAGE - timedelta(seconds=1))
    assert (await rig.advance(containment.id)).step(STOP).paged_at is None
    rig.nudger.clear()
    rig.clock.to(began + PAGE)
    after = await rig.advance(containment.id)
    assert after.step(STOP).paged_at == after.paged_at == rig.clock.now()
    assert rig.nudger.to_notices


async def test_when_it_began_survives_attempts(rig: Rig) -> None:
    containment = await rig.rejected()
    first = (await rig.advance(containment.id)).step(STOP).started_at
    rig.runners[STOP].to_check.extend([Progress(done=False, again=True, note="no")] * 3)
    later = await rig.advance(containment.id, times=6, by=5)
    assert later.step(STOP).attempt > 1
    assert later.step(STOP).started_at == first


async def test_it_is_due_when_it_takes_too_long_even_if_azure_asks_for_a_longer_pause(rig: Rig) -> None:
    containment = await rig.rejected()
    slow = Progress(done=False, token="t", look_again_after=timedelta(hours=50), note="wait")
    for runner in rig.runners.values():
        runner.to_begin.append(slow)
    containment = await rig.advance(containment.id)
    assert containment.due_at() == containment.began + PAGE
    rig.clock.to(containment.began + PAGE)
    containment = await rig.advance(containment.id)
    assert containment.due_at() == containment.began + GIVE_UP


async def test_the_profile_says_how_long(rig: Rig) -> None:
    profile = LockdownProfile(page_after=timedelta(seconds=10), give_up_after=timedelta(minutes=1))
    locked = await rig.lock_down(a.vm_ref(), a.oncall(), profile)
    scripted(rig, "tokens lost")
    ended, took = await until_end(rig, locked.containment.id)
    assert ended.state is ContainmentState.INCOMPLETE
    assert took <= timedelta(minutes=1, seconds=10)


async def test_a_restore_that_never_ends_is_given_up_too() -> None:
    rig = RestoreRig()
    held = await rig.ordered()
    rig.undoable[ISOLATE].to_undo.extend([DependencyAway("azure", "no token")] * FOR_EVER)
    ended, took = await until_end(rig, held.id)
    assert ended.state is ContainmentState.INCOMPLETE
    assert took <= GIVE_UP + timedelta(seconds=10)
    kinds = await rig.kinds()
    assert "restore.late" in kinds
    assert "undo.given-up" in kinds


class TestSlowCalls:
    @pytest.fixture(autouse=True)
    def _hundredfold(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A second takes 10 ms."""
        monkeypatch.setattr(engine, "ACT_TAKES", engine.ACT_TAKES / 100)

    @pytest.mark.quiet
    async def test_a_begin_of_five_calls_of_20_s_ends_before_its_lease_and_is_held_up_not_failed(
        self, rig: Rig
    ) -> None:
        containment = await rig.rejected()
        rig.runners[ISOLATE].held = asyncio.Event()
        asyncio.get_running_loop().call_later(5 * 20 / 100, rig.runners[ISOLATE].held.set)
        began = time.monotonic()
        for _ in range(2):
            containment = await rig.advance(containment.id)
            isolate = containment.step(ISOLATE)
            assert (isolate.state, isolate.attempt) == (StepState.TODO, 0)
            assert "waiting for Azure" in isolate.note
            rig.clock.advance(10)
        assert time.monotonic() - began < 2 * BEGIN_LEASE.total_seconds() / 100
        rig.runners[ISOLATE].held.set()
        assert (await rig.until_rest(containment.id)).state is ContainmentState.CONTAINED

    def test_the_bound_is_below_the_lease(self) -> None:
        assert engine.ACT_TAKES * 100 < BEGIN_LEASE
