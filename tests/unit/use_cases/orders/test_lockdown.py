"""On-call locks a VM down; nobody else does."""

import asyncio

import pytest

from tests import builders as a
from tests.doubles import CrashError
from tests.rig import Rig
from workers.domain.asking.approvals import ApprovalState
from workers.domain.containment.containment import CauseKind, ContainmentState
from workers.domain.containment.plans import StepName
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import NotAllowed
from workers.domain.ids import partition_of_vm
from workers.domain.nudges import Subject

PROFILE = LockdownProfile(name="standard")
VM = a.vm_ref()


class TestOrders:
    async def test_it_is_ordered_recorded_and_carried_out(self, rig: Rig) -> None:
        locked = await rig.lock_down(VM, a.oncall(), PROFILE, reason=" odd traffic ", via="command")
        assert not locked.joined
        assert (locked.containment.cause.kind, locked.containment.cause.by) == (
            CauseKind.LOCKDOWN,
            a.oncall(),
        )
        (record,) = await rig.audit()
        assert (record.kind, record.by) == ("lockdown.ordered", "Olga Oncall (U0OLGA001)")
        assert record.details == {"reason": "odd traffic", "profile": "standard", "via": "command"}
        (nudge,) = rig.worked(Subject.CONTAINMENT)
        assert (await rig.until_rest(nudge.id)).state is ContainmentState.CONTAINED

    async def test_the_owner_is_on_record_to_be_told(self, rig: Rig) -> None:
        locked = await rig.lock_down(VM, a.oncall(), PROFILE, owner=a.owner())
        assert (await rig.store.containment(locked.containment.id)).owner == a.owner()

    async def test_an_owner_who_was_asked_is_told_there(self, rig: Rig) -> None:
        await rig.asked()
        locked = await rig.lock_down(VM, a.oncall(), PROFILE, owner=a.owner())
        assert locked.containment.owner is None

    async def test_questions_that_are_open_are_withdrawn_and_their_cards_show_the_lockdown(
        self, rig: Rig
    ) -> None:
        one = await rig.asked()
        two = await rig.asked_beside(one, "another")
        locked = await rig.lock_down(VM, a.oncall(), PROFILE)
        for approval in (one, two):
            stored = await rig.store.approval(approval.id)
            assert stored.state is ApprovalState.WITHDRAWN
            assert stored.closed_because == "locked down by Olga Oncall"
            assert stored.containment_id == locked.containment.id
        assert locked.containment.cards == (locked.containment.id, one.id, two.id)
        assert (await rig.store.vm_record(VM)).open_approvals == ()
        assert {n.id for n in rig.nudger.to_notices} == {locked.containment.id, one.id, two.id}

    async def test_a_second_order_joins_the_first(self, rig: Rig) -> None:
        first = await rig.lock_down(VM, a.oncall(), PROFILE)
        second = await rig.lock_down(VM, a.oncall(), PROFILE)
        assert second.joined
        assert second.containment.id == first.containment.id
        assert (await rig.kinds())[-1] == "lockdown.joined"

    async def test_orders_at_the_same_moment_make_one(self, rig: Rig) -> None:
        await rig.asked()
        locked = await asyncio.gather(*(rig.lock_down(VM, a.oncall(), PROFILE) for _ in range(5)))
        assert len({x.containment.id for x in locked}) == 1
        assert sorted(x.joined for x in locked) == [False, True, True, True, True]

    async def test_a_lockdown_is_never_content_with_less_than_was_ordered(self, rig: Rig) -> None:
        first = await rig.lock_down(VM, a.oncall(), PROFILE.changed(steps=(StepName.ISOLATE,)))
        await rig.until_rest(first.containment.id)
        second = await rig.lock_down(VM, a.oncall(), PROFILE)
        done = await rig.until_rest(second.containment.id)
        assert {step.name for step in done.steps} == set(PROFILE.steps)

    async def test_a_crash_before_the_nudge_is_made_up_for(self, rig: Rig) -> None:
        rig.nudger.crashes = 1
        with pytest.raises(CrashError):
            await rig.lock_down(VM, a.oncall(), PROFILE)
        rig.clock.advance(60)
        await rig.resync()
        (nudge,) = rig.worked(Subject.CONTAINMENT)
        assert (await rig.until_rest(nudge.id)).state is ContainmentState.CONTAINED


class TestRefusals:
    @pytest.mark.parametrize("actor", [a.actor(), a.oncall(on_call=False, doubt="Slack did not say.")])
    async def test_who_is_not_on_call_is_refused_and_audited(self, rig: Rig, actor: a.Actor) -> None:
        approval = await rig.asked()
        with pytest.raises(NotAllowed, match="Only on-call can lock down a VM"):
            await rig.lock_down(VM, actor, PROFILE)
        assert (await rig.store.vm_record(VM)).containment_id is None
        assert await rig.store.approval(approval.id) == approval
        refused = [
            r
            for r in await rig.store.audit(partition_of_vm(actor.slack_user))
            if r.kind == "lockdown.refused"
        ]
        assert [(r.by, r.details["wanted"]) for r in refused] == [(actor.label, VM.resource_id)]
        assert (rig.nudger.to_work, rig.nudger.to_notices) == ([], [])
