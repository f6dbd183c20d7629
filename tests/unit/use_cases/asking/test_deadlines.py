"""A deadline that the bus did not take is scheduled at the next chance, not left to the resync."""

import asyncio
from datetime import timedelta

import pytest

from tests import builders as a
from tests.rig import Rig
from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.asking.decisions import Answer
from workers.domain.errors import DependencyAway
from workers.domain.nudges import Nudge
from workers.use_cases.asking import deadlines
from workers.use_cases.asking.deadlines import Deadlines


class Away:
    """The bus takes nothing for later until it is back."""

    def __init__(self, rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tries = 0
        self.back = False
        self._schedule = rig.nudger.schedule_work
        monkeypatch.setattr(rig.nudger, "schedule_work", self._tried)
        monkeypatch.setattr(deadlines, "AGAIN_S", 0.01)

    async def _tried(self, nudge: Nudge) -> int:
        self.tries += 1
        if not self.back:
            raise DependencyAway("servicebus", "detached")
        return await self._schedule(nudge)


async def test_it_is_scheduled_and_noted_when_the_bus_is_back(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = Away(rig, monkeypatch)
    opened = await rig.open(a.start_event())
    await rig.note_asked(opened.document_id, (a.ALICE,))
    approval = await rig.store.approval(opened.document_id)
    assert rig.nudger.to_work == []
    away.back = True
    await asyncio.sleep(0.1)
    assert [(n.id, n.due) for n in rig.nudger.to_work] == [(approval.id, approval.remind_at)]
    scheduled = await rig.store.take_scheduled(approval.id)
    assert scheduled is not None
    assert scheduled.due == approval.remind_at
    assert away.tries == 2


async def test_it_is_not_tried_for_ever(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    away = Away(rig, monkeypatch)
    opened = await rig.open(a.start_event())
    await rig.note_asked(opened.document_id, (a.ALICE,))
    await asyncio.sleep(0.05)
    rig.clock.advance(timedelta(hours=1))
    await asyncio.sleep(0.05)
    tries = away.tries
    assert tries > 2
    await asyncio.sleep(0.1)
    assert away.tries == tries


async def asked(rig: Rig) -> Approval:
    """Somebody was asked, and the look at their deadline is scheduled."""
    opened = await rig.open(a.start_event())
    await rig.note_asked(opened.document_id, (a.ALICE,))
    return await rig.store.approval(opened.document_id)


def scheduled(rig: Rig) -> list[int]:
    """The numbers of the looks that were scheduled, as the nudger gave them."""
    return [number for number, nudge in enumerate(rig.nudger.to_work, 1) if nudge.due is not None]


@pytest.mark.parametrize("answer", [Answer.CONFIRM, Answer.REJECT])
async def test_an_answer_takes_the_scheduled_look_back(rig: Rig, answer: Answer) -> None:
    approval = await asked(rig)
    (look,) = scheduled(rig)
    assert rig.nudger.cancelled == []
    await rig.decide(answer, approval.id, a.actor())
    assert rig.nudger.cancelled == [look]
    assert await rig.store.scheduled(approval.id) is None


async def test_each_deadline_takes_the_place_of_the_one_before(rig: Rig) -> None:
    approval = await asked(rig)
    (first,) = scheduled(rig)
    moved = Deadlines(store=rig.store, nudger=rig.nudger, clock=rig.clock)
    await moved.set(approval.reminded(rig.clock.now()), version=approval.version + 1)
    (_, second) = scheduled(rig)
    assert rig.nudger.cancelled == [first]
    noted = await rig.store.scheduled(approval.id)
    assert noted is not None
    assert (noted.sequence_number, noted.due) == (second, approval.escalate_at)


@pytest.mark.parametrize(("before_s", "taken_back"), [(1.5, True), (1.0, False), (-60.0, False)])
async def test_a_look_that_is_about_to_come_is_not_taken_back(
    rig: Rig, before_s: float, *, taken_back: bool
) -> None:
    approval = await asked(rig)
    looks = scheduled(rig)
    rig.clock.to(approval.remind_at - timedelta(seconds=before_s))
    await rig.decide(Answer.CONFIRM, approval.id, a.actor())
    assert rig.nudger.cancelled == (looks if taken_back else [])


async def test_a_look_that_cant_be_taken_back_spoils_no_answer(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_number: int) -> None:
        raise DependencyAway("servicebus", "detached")

    approval = await asked(rig)
    monkeypatch.setattr(rig.nudger, "cancel_work", away)
    await rig.decide(Answer.CONFIRM, approval.id, a.actor())
    assert (await rig.store.approval(approval.id)).state is ApprovalState.CONFIRMED


async def test_without_a_deadline_nothing_is_scheduled(rig: Rig) -> None:
    approval = await asked(rig)
    decided = approval.decided(a.decision())
    rig.nudger.clear()
    await Deadlines(store=rig.store, nudger=rig.nudger, clock=rig.clock).set(decided, version=2)
    assert rig.nudger.to_work == []
