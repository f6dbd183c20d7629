"""A containment never goes forward without a right on record."""

from typing import Any

import pytest

from tests import builders as a
from tests.rig import Rig
from tests.unit.use_cases.containment.contain_rig import BACKUP, put, states
from workers.domain.asking.approvals import ApprovalState
from workers.domain.containment.containment import (
    CauseKind,
    Containment,
    ContainmentState,
    StepState,
    planned,
)
from workers.domain.containment.profile import LockdownProfile
from workers.domain.ids import containment_id
from workers.domain.policy.model import OnSilence


class TestNeverWithoutARight:
    """The worker believes no message and no containment: it looks for the right on record."""

    async def refused(self, rig: Rig, containment: Containment) -> Containment:
        await put(rig, containment)
        after = await rig.advance(containment.id)
        assert all(runner.begun == [] for runner in rig.runners.values())
        assert after.state is ContainmentState.INCOMPLETE
        assert set(states(after)) == {StepState.SKIPPED}
        record = (await rig.store.audit(int(containment.id[1], 16)))[-1]
        assert record.kind == "containment.refused"
        assert record.details["reason"] == after.steps[0].note
        assert [n.id for n in rig.nudger.to_notices] == [containment.id]
        assert after.due_at() is None
        return after

    def forged(self, **cause: Any) -> Containment:
        vm = cause.pop("vm", a.vm_ref())
        return planned(containment_id(vm.key), vm, a.cause(**cause), LockdownProfile(), now=a.NOW)

    @pytest.mark.parametrize("kind", [CauseKind.REJECTION, CauseKind.SILENCE])
    @pytest.mark.parametrize("about", [None, "", "nonsense", "a0" + "0" * 24])
    async def test_without_an_approval(self, rig: Rig, kind: CauseKind, about: str | None) -> None:
        after = await self.refused(rig, self.forged(kind=kind, approval_id=about))
        assert "does not exist" in after.steps[0].note

    @pytest.mark.parametrize("state", [s for s in ApprovalState if s is not ApprovalState.REJECTED])
    async def test_with_an_approval_that_was_not_rejected(self, rig: Rig, state: ApprovalState) -> None:
        approval = a.approval(version=0, state=state)
        await put(rig, approval)
        await self.refused(rig, self.forged(approval_id=approval.id))

    async def test_with_a_rejection_by_somebody_else(self, rig: Rig) -> None:
        approval = a.approval(version=0, state=ApprovalState.REJECTED)
        await put(rig, approval)
        after = await self.refused(rig, self.forged(approval_id=approval.id, by=a.oncall()))
        assert after.steps[0].note == "the rejection on record is somebody else's"

    async def test_with_a_rejection_by_somebody_who_was_not_allowed(self, rig: Rig) -> None:
        mallory = a.actor(slack_user="U0MALLORY", name="Mallory", email="mallory@evil.example")
        approval = a.approval(version=0, state=ApprovalState.REJECTED, decision=a.decision(by=mallory))
        await put(rig, approval)
        after = await self.refused(rig, self.forged(approval_id=approval.id, by=mallory))
        assert "Only the VM's owner or on-call" in after.steps[0].note

    async def test_with_the_rejection_of_another_vms_start(self, rig: Rig) -> None:
        vm = a.vm_ref(name="vm-other")
        approval = a.approval(version=0, state=ApprovalState.REJECTED, event=a.start_event(vm=vm))
        await put(rig, approval)
        containment = self.forged(approval_id=approval.id)
        after = await self.refused(rig, containment)
        assert after.steps[0].note == "the approval that this containment rests on is about another VM"

    async def test_with_a_confirmation_dressed_as_a_rejection(self, rig: Rig) -> None:
        approval = a.approval(
            version=0, state=ApprovalState.CONFIRMED, decision=a.decision(answer=a.Answer.CONFIRM)
        )
        await put(rig, approval)
        await self.refused(rig, self.forged(approval_id=approval.id))

    @pytest.mark.parametrize("by", [None, a.actor(), a.oncall(on_call=False)])
    async def test_with_a_lockdown_by_nobody_or_by_someone_not_on_call(self, rig: Rig, by: Any) -> None:
        await self.refused(rig, self.forged(kind=CauseKind.LOCKDOWN, by=by))

    @pytest.mark.parametrize("on_silence", [OnSilence.LEAVE, OnSilence.ESCALATE])
    async def test_with_a_silence_that_contains_nothing(self, rig: Rig, on_silence: OnSilence) -> None:
        approval = a.approval(version=0, state=ApprovalState.EXPIRED, terms=a.terms(on_silence=on_silence))
        await put(rig, approval)
        await self.refused(rig, self.forged(kind=CauseKind.SILENCE, approval_id=approval.id))

    async def test_with_a_silence_that_is_not_over(self, rig: Rig) -> None:
        approval = a.approval(version=0, terms=a.terms(on_silence=OnSilence.CONTAIN))
        await put(rig, approval)
        await self.refused(rig, self.forged(kind=CauseKind.SILENCE, approval_id=approval.id))

    async def test_with_a_silence_that_isolates_and_steps_that_do_more(self, rig: Rig) -> None:
        approval = a.approval(
            version=0, state=ApprovalState.EXPIRED, terms=a.terms(on_silence=OnSilence.ISOLATE)
        )
        await put(rig, approval)
        await self.refused(rig, self.forged(kind=CauseKind.SILENCE, approval_id=approval.id))

    async def test_a_right_that_is_lost_half_way_stops_what_was_not_begun(self, rig: Rig) -> None:
        containment = await rig.rejected()
        containment = await rig.advance(containment.id)
        await put(rig, containment.changed(cause=containment.cause.changed(approval_id="a" + "0" * 25)))
        after = await rig.advance(containment.id)
        assert after.state is ContainmentState.INCOMPLETE
        assert rig.runners[BACKUP].begun == []
        assert after.step(BACKUP).state is StepState.SKIPPED

    async def test_a_right_that_is_on_record_is_enough(self, rig: Rig) -> None:
        containment = await rig.rejected()
        assert (await rig.until_rest(containment.id)).state is ContainmentState.CONTAINED
