"""On-call lets a contained VM go; its starts are ours, asked about, or contained again, as they should be."""

import asyncio
from datetime import timedelta

import pytest

from tests import builders as a
from tests.doubles import CrashError
from tests.unit.use_cases.containment.restore_rig import (
    DRIFT,
    PROFILE,
    RAN,
    VM,
    RestoreRig,
    UndoableRunner,
    undo_of,
)
from workers.domain.containment.containment import Containment, ContainmentState, Progress, StepState
from workers.domain.containment.plans import Change, Choice, StepName
from workers.domain.errors import NotAllowed, NotFound, NotYet, Outdated, StepFailed
from workers.domain.ids import partition_of_vm
from workers.domain.nudges import Subject
from workers.domain.policy.model import Rule, Verdict
from workers.domain.starts.events import Phase
from workers.use_cases.containment.undoing import START_TAKES
from workers.use_cases.orders.reading.contained import contained_vms
from workers.use_cases.orders.restore import Ordered
from workers.use_cases.starts.outcome import Outcome

EVERYTHING = Rule(name="everything", when="true", verdict=Verdict.PASS)
_NETWORK = VM.resource_id.partition("/providers/")[0] + "/providers/Microsoft.Network"
NIC, OTHER_NIC = (f"{_NETWORK}/networkInterfaces/nic-{number}" for number in (1, 2))
GONE, SPARE = (f"{_NETWORK}/networkSecurityGroups/{name}-nsg" for name in ("gone", "spare"))


@pytest.fixture
def rig() -> RestoreRig:
    return RestoreRig()


async def asked_to_choose(rig: RestoreRig) -> Containment:
    """A VM whose restore failed, because the former NSG of its first NIC is gone."""
    recorded = Change(
        summary="isolate 2 NICs",
        back=("nic-1: NSG x → gone-nsg", "nic-2: NSG x → none"),
        before={NIC: GONE, OTHER_NIC: None},
        after={NIC: "x", OTHER_NIC: "x"},
    )
    rig.undoable[StepName.ISOLATE].to_begin.append(Progress(done=False, token="t", change=recorded))
    held = await rig.ordered()
    asked = recorded.changed(choices=(Choice(of=NIC, was=GONE, options=(SPARE,)),))
    rig.undoable[StepName.ISOLATE].to_undo.extend(
        [Progress(done=False, token="asked", change=asked), StepFailed("gone-nsg was deleted", final=True)]
    )
    ended = await rig.until_rest(held.id)
    assert ended.state is ContainmentState.INCOMPLETE
    return ended


class TestOrders:
    async def test_it_is_ordered_recorded_and_carried_out(self, rig: RestoreRig) -> None:
        held = await rig.contained()
        ordered = await rig.restore(
            held.id, a.oncall(), shown=held.demand, reason=" false alarm ", via="dialog"
        )
        assert not ordered.joined
        stored = await rig.store.containment(held.id)
        assert stored.state is ContainmentState.RESTORING
        assert stored.restoration is not None
        assert (stored.restoration.by, stored.restoration.reason) == (a.oncall(), "false alarm")
        record = (await rig.audit())[-1]
        assert (record.kind, record.by) == ("restore.ordered", "Olga Oncall (U0OLGA001)")
        assert record.details == {"start": False, "reason": "false alarm", "via": "dialog"}
        assert [n.id for n in rig.worked(Subject.CONTAINMENT)] == [held.id]
        assert [n.id for n in rig.nudger.to_notices] == [held.id]
        assert (await rig.until_rest(held.id)).state is ContainmentState.RESTORED

    async def test_what_was_chosen_comes_in_the_place_of_what_is_gone_and_is_on_record(
        self, rig: RestoreRig
    ) -> None:
        held = await asked_to_choose(rig)
        original = held.step(StepName.ISOLATE).change
        await rig.restore(held.id, a.oncall(), shown=held.demand, chosen={NIC: SPARE})
        stored = await rig.store.containment(held.id)
        change = undo_of(stored, StepName.ISOLATE).change
        assert change is not None
        assert change.before == {NIC: SPARE, OTHER_NIC: None}
        assert change.back == ("nic-2: NSG x → none", "nic-1: spare-nsg, as chosen")
        assert stored.step(StepName.ISOLATE).change == original, "what was first is not forgotten"
        assert (await rig.seen("restore.ordered"))[-1]["chosen"] == {NIC: SPARE}
        assert (await rig.until_rest(held.id)).state is ContainmentState.RESTORED

    async def test_only_what_is_offered_can_be_chosen(self, rig: RestoreRig) -> None:
        held = await asked_to_choose(rig)
        for chosen in ({NIC: f"{SPARE}-else"}, {OTHER_NIC: None}):
            with pytest.raises(NotFound, match="is not offered for"):
                await rig.restore(held.id, a.oncall(), shown=held.demand, chosen=chosen)
        assert (await rig.store.containment(held.id)).state is ContainmentState.INCOMPLETE
        await rig.restore(held.id, a.oncall(), shown=held.demand, chosen={NIC: None})

    async def test_without_a_choice_it_is_asked_about_again(self, rig: RestoreRig) -> None:
        held = await asked_to_choose(rig)
        await rig.restore(held.id, a.oncall(), shown=held.demand)
        stored = await rig.store.containment(held.id)
        change = undo_of(stored, StepName.ISOLATE).change
        assert change is not None
        assert [choice.of for choice in change.choices] == [NIC]
        assert change.before[NIC] == GONE

    @pytest.mark.parametrize("actor", [a.actor(), a.oncall(on_call=False, doubt="Slack did not say.")])
    async def test_who_is_not_on_call_is_refused_and_audited(self, rig: RestoreRig, actor: a.Actor) -> None:
        held = await rig.contained()
        with pytest.raises(NotAllowed, match="Only on-call can restore a VM"):
            await rig.restore(held.id, actor, shown=held.demand)
        assert await rig.store.containment(held.id) == held
        (refused,) = [r for r in await rig.audit() if r.kind == "restore.refused"]
        assert (refused.by, refused.about, refused.vm) == (actor.label, held.id, VM.key)
        assert (rig.nudger.to_work, rig.nudger.to_notices) == ([], [])

    async def test_a_refused_command_that_names_no_vm_is_audited_too(self, rig: RestoreRig) -> None:
        with pytest.raises(NotAllowed):
            await rig.restore.may(a.actor(), wanted="/vm-restore <!channel>")
        (refused,) = await rig.store.audit(partition_of_vm(a.ALICE))
        assert (refused.kind, refused.details["wanted"]) == ("restore.refused", "/vm-restore <!channel>")

    async def test_a_vm_that_is_not_contained_is_not_found(self, rig: RestoreRig) -> None:
        with pytest.raises(NotFound, match="vm-web-01 is not contained, so there is nothing to restore"):
            await rig.restore.of(VM)
        held = await rig.ordered()
        await rig.until_rest(held.id)
        with pytest.raises(NotFound, match="not contained"):
            await rig.restore.of(VM)
        with pytest.raises(NotFound, match="not contained"):
            await rig.restore(held.id, a.oncall(), shown=held.demand)

    async def test_a_containment_under_way_is_not_undone(self, rig: RestoreRig) -> None:
        locked = await rig.lock_down(VM, a.oncall(), PROFILE)
        for _ in range(2):  # PLANNED, then RUNNING
            with pytest.raises(NotYet, match=r"still being contained\. Wait until its card says CONTAINED"):
                await rig.restore.of(VM)
            with pytest.raises(NotYet):
                await rig.restore(locked.containment.id, a.oncall(), shown=locked.containment.demand)
            await rig.advance(locked.containment.id)
        assert (await rig.until_rest(locked.containment.id)).state is ContainmentState.CONTAINED

    async def test_a_second_order_joins_the_first_and_changes_nothing(self, rig: RestoreRig) -> None:
        held = await rig.ordered()
        second = await rig.restore(held.id, a.oncall(slack_user="U0OTHER01"), shown=held.demand, start=True)
        assert second == Ordered(held, joined=True)
        assert await rig.store.containment(held.id) == held
        assert (await rig.kinds())[-1] == "restore.joined"

    async def test_orders_at_the_same_moment_make_one(self, rig: RestoreRig) -> None:
        held = await rig.contained()
        orders = await asyncio.gather(
            *(rig.restore(held.id, a.oncall(), shown=held.demand) for _ in range(5))
        )
        assert sorted(one.joined for one in orders) == [False, True, True, True, True]
        assert len(await rig.seen("restore.ordered")) == 1

    async def test_a_crash_before_the_nudge_is_made_up_for(self, rig: RestoreRig) -> None:
        held = await rig.contained()
        rig.nudger.crashes = 1
        with pytest.raises(CrashError):
            await rig.restore(held.id, a.oncall(), shown=held.demand)
        rig.clock.advance(60)
        await rig.resync()
        assert [n.id for n in rig.worked(Subject.CONTAINMENT)] == [held.id]

    async def test_only_contained_vms_can_be_chosen_listed_or_not(self, rig: RestoreRig) -> None:
        await rig.inventory.put([a.known_vm(), a.known_vm(ref=a.vm_ref(name="free"))])
        gone = a.vm_ref(name="no-longer-listed")
        await rig.contained()
        await rig.lock_down(gone, a.oncall(), PROFILE)
        vms = await contained_vms(rig.store, rig.inventory)
        assert [vm.ref.name for vm in vms] == ["no-longer-listed", "vm-web-01"]
        assert vms[1].subscription_name == "Contoso Production"

    async def test_nothing_is_restored_that_was_contained_anew_since_it_was_shown(
        self, rig: RestoreRig
    ) -> None:
        shown = await rig.contained()
        await rig.open(a.start_event(at=rig.clock.now()))
        again = await rig.until_rest(shown.id)
        assert (again.state, again.round) == (ContainmentState.CONTAINED, 2)
        with pytest.raises(Outdated, match="contained anew"):
            await rig.restore(shown.id, a.oncall(), shown=shown.demand)
        assert await rig.store.containment(shown.id) == again
        ordered = await rig.restore(again.id, a.oncall(), shown=again.demand)
        assert ordered.containment.state is ContainmentState.RESTORING

    async def test_a_demand_for_more_since_it_was_shown_is_shown_first(self, rig: RestoreRig) -> None:
        locked = await rig.lock_down(VM, a.oncall(), PROFILE.changed(steps=(StepName.STOP,)))
        shown = await rig.until_rest(locked.containment.id)
        rig.clock.advance(60)
        await rig.lock_down(VM, a.oncall(name="Otto"), PROFILE, reason="it beacons")
        more = await rig.until_rest(shown.id)
        assert more.round == shown.round
        with pytest.raises(Outdated):
            await rig.restore(shown.id, a.oncall(), shown=shown.demand)

    async def test_joining_a_restore_under_way_needs_nothing_to_be_shown(self, rig: RestoreRig) -> None:
        held = await rig.ordered()
        assert (await rig.restore(held.id, a.oncall(), shown="")).joined


class TestStarts:
    async def test_after_a_restore_the_next_start_is_asked_about_again(self, rig: RestoreRig) -> None:
        held = await rig.ordered()
        await rig.until_rest(held.id)
        assert (await rig.store.vm_record(VM)).containment_id is None
        opened = await rig.open(a.start_event(at=rig.clock.now()))
        assert opened.outcome is Outcome.ASKED

    async def _started(self, rig: RestoreRig) -> str:
        held = await rig.ordered(start=True)
        await rig.until_rest(held.id)
        assert held.restoration is not None
        assert held.restoration.start_id is not None
        rig.nudger.clear()
        return held.restoration.start_id

    async def test_the_start_that_it_asked_for_is_expected_and_asks_nobody(self, rig: RestoreRig) -> None:
        ours = await self._started(rig)
        for phase in (Phase.STARTED, Phase.SUCCEEDED):
            event = a.start_event(correlation_id=ours.upper(), at=rig.clock.now(), phase=phase)
            assert (await rig.open(event)).outcome is Outcome.EXPECTED
        assert len(await rig.seen("start.expected")) == 1
        assert (rig.nudger.to_notices, rig.facts.asked) == ([], [])
        assert (await rig.store.vm_record(VM)).open_approvals == ()

    async def test_its_event_contains_nothing_while_the_restore_still_goes_on(self, rig: RestoreRig) -> None:
        held = await rig.ordered(start=True)
        rig.undoable[StepName.STOP].to_undo.append(Progress(done=False, token="op"))
        await rig.advance(held.id, times=2)
        assert held.restoration is not None
        event = a.start_event(correlation_id=held.restoration.start_id, at=rig.clock.now())
        assert (await rig.open(event)).outcome is Outcome.EXPECTED
        assert (await rig.until_rest(held.id)).state is ContainmentState.RESTORED

    async def test_an_event_under_azures_own_correlation_id_is_known_too(self, rig: RestoreRig) -> None:
        held = await rig.ordered(start=True)
        rig.undoable[StepName.STOP].to_undo.append(Progress(done=False, token="op", started_as="azure-1"))
        await rig.until_rest(held.id)
        event = a.start_event(correlation_id="azure-1", at=rig.clock.now())
        assert (await rig.open(event)).outcome is Outcome.EXPECTED

    async def test_somebody_elses_start_meanwhile_is_asked_about(self, rig: RestoreRig) -> None:
        held = await rig.ordered(start=True)
        await rig.advance(held.id)
        assert (await rig.open(a.start_event(at=rig.clock.now()))).outcome is Outcome.ASKED

    @pytest.mark.parametrize("late", [timedelta(minutes=6), START_TAKES, timedelta(hours=1)])
    async def test_a_later_start_under_its_correlation_id_is_asked_about(
        self, rig: RestoreRig, late: timedelta
    ) -> None:
        ours = await self._started(rig)
        rig.clock.advance(late)
        event = a.start_event(correlation_id=ours, at=rig.clock.now())
        assert (await rig.open(event)).outcome is Outcome.ASKED

    async def test_once_it_has_succeeded_nobody_can_start_the_vm_under_its_correlation_id(
        self, rig: RestoreRig
    ) -> None:
        ours = await self._started(rig)
        success = a.start_event(correlation_id=ours, at=rig.clock.now(), phase=Phase.SUCCEEDED)
        late = a.start_event(correlation_id=ours, at=success.at - timedelta(seconds=30))
        for own in (success, late, success):
            assert (await rig.open(own)).outcome is Outcome.EXPECTED
        rig.clock.advance(60)
        borrowed = a.start_event(correlation_id=ours, at=rig.clock.now())
        assert (await rig.open(borrowed)).outcome is Outcome.ASKED

    async def test_it_is_forgotten_at_the_first_start_after_it(self, rig: RestoreRig) -> None:
        await self._started(rig)
        assert not (await rig.store.vm_record(VM)).free
        rig.clock.advance(timedelta(minutes=6))
        opened = await rig.open(a.start_event(at=rig.clock.now()))
        assert opened.outcome is Outcome.ASKED
        record = await rig.store.vm_record(VM)
        assert (record.free, record.open_approvals) == (True, (opened.document_id,))

    async def test_a_rule_lets_the_first_start_after_it_pass(self, rig: RestoreRig) -> None:
        await self._started(rig)
        rig.clock.advance(timedelta(minutes=6))
        rig.policy = a.policy(rules=(EVERYTHING,))
        opened = await rig.open(a.start_event(at=rig.clock.now()))
        assert opened.outcome is Outcome.PASSED
        assert (await rig.store.vm_record(VM)).free

    @pytest.mark.parametrize("when", ["true", 'vm.tags["owner"] != ""'], ids=["early", "with facts"])
    async def test_no_rule_lets_a_start_pass_while_the_vm_is_being_restored(
        self, rig: RestoreRig, when: str
    ) -> None:
        held = await rig.ordered()
        await rig.advance(held.id)
        rig.policy = a.policy(rules=(EVERYTHING.changed(when=when),))
        opened = await rig.open(a.start_event(at=rig.clock.now()))
        assert opened.outcome is Outcome.ASKED
        assert await rig.seen("start.passed") == []
        (record,) = await rig.seen("approval.opened")
        assert (record["rule"], record["verdict"]) == ("defaults", "ask")
        because = "it matches, but the VM is contained or being restored"
        assert record["unevaluated"] == {"everything": because}

    async def test_another_vms_start_under_its_correlation_id_is_asked_about(self, rig: RestoreRig) -> None:
        ours = await self._started(rig)
        other = a.start_event(vm=a.vm_ref(name="other"), correlation_id=ours, at=rig.clock.now())
        assert (await rig.open(other)).outcome is Outcome.ASKED


class TestContainedAnew:
    async def test_a_lockdown_during_a_restore_takes_precedence(self, rig: RestoreRig) -> None:
        held = await rig.ordered(start=True)
        rig.undoable[StepName.STOP].to_undo.append(Progress(done=False, token="op"))
        await rig.advance(held.id, times=2)
        locked = await rig.lock_down(VM, a.oncall(), PROFILE, reason="it was no false alarm")
        assert not locked.joined
        assert (await rig.store.vm_record(VM)).expected_start is None
        ended = await rig.until_rest(held.id)
        assert (ended.state, ended.round, ended.restoration) == (ContainmentState.CONTAINED, 2, None)
        assert ended.cause.reason == "it was no false alarm"
        assert ended.step(StepName.STOP).change == RAN, "what was before the first round stays"

    async def test_a_result_that_comes_after_that_changes_nothing(self, rig: RestoreRig) -> None:
        held = await rig.ordered()

        async def lock_down() -> None:
            await rig.lock_down(VM, a.oncall(), PROFILE)

        class Overtaken(UndoableRunner):
            async def undo(self, *args: object, **kwargs: object) -> Progress:
                del args, kwargs
                await lock_down()
                return Progress(done=True)

        rig.runners[StepName.ISOLATE] = Overtaken(StepName.ISOLATE)
        await rig.worker()(held.id)
        stored = await rig.store.containment(held.id)
        assert (stored.state, stored.restoration) == (ContainmentState.RUNNING, None)
        assert stored.step(StepName.ISOLATE).state is StepState.TODO

    async def test_a_lockdown_after_half_a_restore_does_every_step_again(self, rig: RestoreRig) -> None:
        held = await rig.ordered()
        rig.undoable[StepName.ISOLATE].to_undo.append(DRIFT)
        await rig.until_rest(held.id)
        await rig.lock_down(VM, a.oncall(), PROFILE)
        ended = await rig.until_rest(held.id)
        assert ended.state is ContainmentState.CONTAINED
        assert all(len(runner.begun) == 2 for runner in rig.runners.values())

    async def test_a_start_after_half_a_restore_is_contained_again(self, rig: RestoreRig) -> None:
        held = await rig.ordered()
        rig.undoable[StepName.ISOLATE].to_undo.append(DRIFT)
        await rig.until_rest(held.id)
        opened = await rig.open(a.start_event(at=rig.clock.now()))
        assert opened.outcome is Outcome.RECONTAINED
        ended = await rig.until_rest(held.id)
        assert (ended.state, ended.restoration) == (ContainmentState.CONTAINED, None)


async def test_a_containment_written_before_there_were_restores_is_still_read() -> None:
    old = a.containment(state=ContainmentState.CONTAINED).model_dump(mode="json", exclude={"restoration"})
    for step in old["steps"]:
        step["change"].pop("back")
    assert Containment.model_validate(old).restoration is None
