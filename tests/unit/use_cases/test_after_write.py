"""What is on record does not read as failed because the bus is away."""

import asyncio

import pytest

from tests import builders as a
from tests.rig import Rig
from workers.domain.asking.approvals import ApprovalState
from workers.domain.asking.decisions import Answer
from workers.domain.errors import DependencyAway
from workers.domain.nudges import Nudge
from workers.use_cases import after_write


def _bus_is_away(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: Nudge) -> None:
        raise DependencyAway("servicebus", "no answer")

    monkeypatch.setattr(rig.nudger, "work", away)
    monkeypatch.setattr(rig.nudger, "notices", away)


async def test_a_rejection_stands_while_the_bus_is_away(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    approval = await rig.asked()
    _bus_is_away(rig, monkeypatch)

    decided = await rig.decide(Answer.REJECT, approval.id, a.actor(), reason="not me")

    assert (await rig.store.approval(approval.id)).state is ApprovalState.REJECTED
    assert decided.containment is not None


async def test_what_was_not_nudged_is_left_to_the_resync(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    approval = await rig.asked()
    with monkeypatch.context() as patch:
        _bus_is_away(rig, patch)
        decided = await rig.decide(Answer.REJECT, approval.id, a.actor(), reason="not me")
    assert decided.containment is not None

    rig.clock.advance(60)
    await rig.resync()

    assert decided.containment.id in {nudge.id for nudge in rig.nudger.to_work}
    assert approval.id in {nudge.id for nudge in rig.nudger.to_notices}


async def test_nobody_waits_long_for_a_bus_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(after_write, "WITHIN_S", 0.01)

    assert not await after_write.after_write("a0", asyncio.Event().wait)  # type: ignore[arg-type]  # answers more than it has to
