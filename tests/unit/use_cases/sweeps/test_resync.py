"""The safety net: whatever should have been looked at is nudged again, and nothing else."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from tests import builders as a
from tests.rig import Rig
from workers.domain.asking.approvals import Approval
from workers.domain.nudges import Subject
from workers.domain.ports.store import Commit
from workers.store import keys
from workers.use_cases.sweeps.resync import GRACE


async def shown(rig: Rig, *documents: Approval) -> None:
    for document in documents:
        await rig.store.commit(
            Commit(partition=int(document.id[1], 16), shown=((document.id, document.version),))
        )


class TestResync:
    async def test_a_young_change_is_left_to_its_own_nudge(self, rig: Rig) -> None:
        await rig.rejected()
        rig.clock.advance(GRACE - timedelta(milliseconds=1))
        assert await rig.resync() == (0, 0)

    async def test_a_containment_that_nobody_looked_at_is_nudged(self, rig: Rig) -> None:
        containment = await rig.rejected()
        rig.clock.advance(GRACE)
        assert (await rig.resync()).overdue == 1
        (nudge,) = rig.nudger.to_work
        assert (nudge.subject, nudge.id, nudge.version) == (Subject.CONTAINMENT, containment.id, 1)
        assert nudge.due is None

    async def test_a_deadline_that_passed_is_nudged(self, rig: Rig) -> None:
        approval = await rig.asked()
        await shown(rig, approval)
        rig.clock.to(approval.remind_at + GRACE)
        assert await rig.resync() == (1, 0)
        assert [(n.id, n.version) for n in rig.nudger.to_work] == [(approval.id, approval.version)]

    async def test_a_card_that_shows_it_is_left_alone(self, rig: Rig) -> None:
        approval = await rig.asked()
        rig.clock.advance(60)
        assert (await rig.resync()).unshown == 1
        await shown(rig, approval)
        assert (await rig.resync()).unshown == 0

    async def test_repeating_it_nudges_again_until_it_was_looked_at(self, rig: Rig) -> None:
        containment = await rig.rejected()
        rig.clock.advance(60)
        await rig.resync()
        await rig.resync()
        assert [n.id for n in rig.nudger.to_work] == [containment.id] * 2
        await rig.until_rest(containment.id)
        rig.clock.advance(60)
        assert (await rig.resync()).overdue == 0

    async def test_many_questions_that_can_not_be_asked_hide_no_containment(self, rig: Rig) -> None:
        for n in range(150):
            await rig.open(a.start_event(vm=a.vm_ref(name=f"vm-{n}")))
        rig.clock.advance(60)
        containment = await rig.rejected()
        rig.clock.advance(60)
        rig.nudger.clear()
        await rig.resync()
        assert containment.id in {n.id for n in rig.nudger.to_work}

    async def test_a_document_that_can_not_be_read_holds_no_other_up(
        self, rig: Rig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        broken = await rig.asked()
        containment = await rig.rejected(a.start_event(vm=a.vm_ref(name="vm-other")))
        read = rig.store.approval

        async def reading(approval_id: str) -> Approval:
            if approval_id == broken.id:
                raise ValidationError.from_exception_data("Approval", [])
            return await read(approval_id)

        monkeypatch.setattr(rig.store, "approval", reading)
        rig.clock.advance(timedelta(hours=2))
        await rig.resync()
        assert [n.id for n in rig.nudger.to_work] == [containment.id]

    async def test_a_document_that_is_gone_is_passed_over(self, rig: Rig) -> None:
        approval = await rig.asked()
        del rig.store._documents[keys.by_id(approval.id)]
        rig.clock.advance(timedelta(hours=2))
        assert await rig.resync() == (0, 0)
