"""A deadline that the bus did not take is scheduled at the next chance, not left to the resync."""

import asyncio
from datetime import timedelta

import pytest

from tests import builders as a
from tests.conftest import Rig
from workers.domain.errors import DependencyAway
from workers.domain.nudges import Nudge
from workers.use_cases.asking import deadlines


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
