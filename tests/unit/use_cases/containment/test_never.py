"""A VM of the guarded set is never contained, whoever asks for it: on-call is told instead."""

from datetime import timedelta

import pytest

from tests import builders as a
from tests.rig import Rig
from tests.unit.use_cases.containment.contain_rig import put
from workers.domain.asking.approvals import ApprovalState
from workers.domain.asking.decisions import Answer
from workers.domain.containment.containment import Containment, ContainmentState, StepState
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import DependencyAway, NeverContained
from workers.domain.nudges import Subject
from workers.domain.policy.limits import Guard
from workers.domain.policy.model import Defaults, OnSilence, OnUndelivered
from workers.domain.starts.facts import Facts, MachineFacts, MissingFact

BY_TAG = (Guard(name="domain controllers", when='vm.tags["role"] == "dc"'),)
BY_NAME = (Guard(name="the web server", when='vm.name == "vm-web-01"'),)
DC = a.facts(machine=MachineFacts(tags={"owner": "alice@contoso.com", "role": "dc"}))


def rig_of(never: tuple[Guard, ...] = BY_TAG, facts: Facts = DC, **defaults: object) -> Rig:
    rig = Rig(a.policy(never=never, defaults=Defaults.model_validate(defaults)))
    rig.facts.answer = facts
    return rig


def untouched(rig: Rig) -> bool:
    return not any(runner.begun for runner in rig.runners.values())


class TestQuestions:
    async def test_the_question_says_that_its_vm_is_never_contained(self) -> None:
        rig = rig_of()
        assert (await rig.asked()).guarded == "domain controllers"
        assert (await rig.audit())[0].details["guarded"] == "domain controllers"

    async def test_a_rejection_is_recorded_for_on_call_and_nothing_is_contained(self) -> None:
        rig = rig_of()
        approval = await rig.asked()
        decided = await rig.decide(Answer.REJECT, approval.id, a.actor(), reason="not me")
        assert (decided.approval.state, decided.containment) == (ApprovalState.REJECTED, None)
        stored = await rig.store.approval(approval.id)
        assert (stored.state, stored.containment_id) == (ApprovalState.REJECTED, None)
        record = (await rig.audit())[-1]
        assert (record.kind, record.details["guarded"]) == ("approval.rejected", "domain controllers")
        assert rig.worked(Subject.CONTAINMENT) == []
        assert (await rig.store.vm_record(a.vm_ref())).free, "its next start is asked about"

    @pytest.mark.parametrize("on_silence", [OnSilence.ISOLATE, OnSilence.CONTAIN])
    async def test_silence_tells_on_call_in_the_place_of_acting(self, on_silence: OnSilence) -> None:
        rig = rig_of(on_silence=on_silence)
        approval = await rig.asked()
        rig.clock.to(approval.expire_at)
        await rig.look(approval.id)
        stored = await rig.store.approval(approval.id)
        assert (stored.state, stored.containment_id) == (ApprovalState.EXPIRED, None)
        assert stored.escalated_at is not None
        assert "the policy never contains this VM (domain controllers)" in stored.closed_because
        assert rig.worked(Subject.CONTAINMENT) == []

    async def test_nobody_asked_tells_on_call_in_the_place_of_acting(self) -> None:
        rig = rig_of(on_undelivered=OnUndelivered.CONTAIN)
        opened = await rig.open(a.start_event())
        approval = await rig.store.approval(opened.document_id)
        rig.clock.to(approval.opened_at + approval.terms.expire_after)
        await rig.look(approval.id)
        stored = await rig.store.approval(approval.id)
        assert (stored.open, stored.escalated_at is not None) == (True, True)
        assert rig.worked(Subject.CONTAINMENT) == []

    async def test_it_is_known_once_missing_facts_were_filled_in(self) -> None:
        missing = (MissingFact(name="machine", reason="late"),)
        rig = rig_of(facts=a.facts(machine=None, network=None, backup=None, missing=missing))
        approval = await rig.asked()
        assert approval.guarded == ""
        rig.facts.answer = DC
        rig.clock.advance(timedelta(seconds=5))
        await rig.look(approval.id)
        assert (await rig.store.approval(approval.id)).guarded == "domain controllers"


class TestLockdowns:
    async def test_on_call_is_refused_with_the_reason_and_the_remedy(self) -> None:
        rig = rig_of()
        known = a.known_vm(tags={"role": "dc"})
        await rig.inventory.put([known])
        with pytest.raises(NeverContained, match=r"domain controllers.*take it out of `never`"):
            await rig.lock_down(a.vm_ref(), a.oncall(), LockdownProfile(), reason="odd")
        record = (await rig.audit())[-1]
        assert (record.kind, record.by) == ("lockdown.guarded", "Olga Oncall (U0OLGA001)")
        assert (await rig.store.vm_record(a.vm_ref())).containment_id is None

    async def test_a_vm_that_no_inventory_knows_is_left_to_the_workers(self) -> None:
        rig = rig_of()
        locked = await rig.lock_down(a.vm_ref(), a.oncall(), LockdownProfile())
        ended = await rig.until_rest(locked.containment.id)
        assert ended.state is ContainmentState.INCOMPLETE
        assert untouched(rig)


class TestWorkers:
    """They judge again, by what Azure says when they are about to act."""

    async def ordered(self, rig: Rig) -> Containment:
        """Rejected while nothing said that the VM is guarded."""
        guards, rig.policy = rig.policy.never, rig.policy.changed(never=())
        held = await rig.rejected()
        rig.policy = rig.policy.changed(never=guards)
        rig.contain = rig.worker()
        return held

    @pytest.mark.parametrize("never", [BY_TAG, BY_NAME])
    async def test_a_guarded_vm_is_not_touched_and_on_call_is_told_why(
        self, never: tuple[Guard, ...]
    ) -> None:
        rig = rig_of(never)
        held = await self.ordered(rig)
        ended = await rig.until_rest(held.id)
        assert (ended.state, untouched(rig)) == (ContainmentState.INCOMPLETE, True)
        assert {step.state for step in ended.steps} == {StepState.SKIPPED}
        assert never[0].name in ended.steps[0].note
        assert ended.needs_oncall
        assert (await rig.audit())[-1].kind == "containment.refused"

    async def test_nothing_is_begun_while_it_is_not_known_whether_the_vm_is_guarded(self) -> None:
        rig = rig_of()
        held = await self.ordered(rig)
        rig.facts.answer = DependencyAway("azure", "throttled", retry_after_s=7)
        waiting = await rig.advance(held.id, times=3, by=7.0)
        assert untouched(rig)
        assert {step.state for step in waiting.steps[:2]} == {StepState.TODO}
        assert "throttled" in waiting.steps[0].note
        assert [step.attempt for step in waiting.steps] == [0, 0, 0], "waiting counts as no attempt"
        rig.facts.answer = a.facts()
        assert (await rig.until_rest(held.id)).state is ContainmentState.CONTAINED

    async def test_what_is_never_known_is_given_up_in_time_and_nothing_was_done(self) -> None:
        rig = rig_of()
        held = await self.ordered(rig)
        rig.facts.answer = a.facts(machine=None, missing=(MissingFact(name="machine", reason="refused"),))
        ended = await rig.until_rest(held.id, most=1000)
        assert (ended.state, untouched(rig)) == (ContainmentState.INCOMPLETE, True)
        assert rig.clock.now() - held.began <= held.profile.give_up_after + timedelta(minutes=1)

    async def test_azure_is_asked_once_for_each_time_that_it_is_ordered(self) -> None:
        rig = rig_of(facts=a.facts())
        held = await self.ordered(rig)
        before = len(rig.facts.asked)
        await rig.until_rest(held.id)
        assert len(rig.facts.asked) == before + 1
        contained = await rig.store.containment(held.id)
        await put(rig, contained.once_more(rig.clock.now()))
        await rig.until_rest(held.id)
        assert len(rig.facts.asked) == before + 2, "a new round may find another VM"

    async def test_guards_by_name_cost_no_read(self) -> None:
        rig = rig_of((Guard(name="other", when='vm.name == "other"'),), facts=a.facts())
        held = await self.ordered(rig)
        before = len(rig.facts.asked)
        assert (await rig.until_rest(held.id)).state is ContainmentState.CONTAINED
        assert len(rig.facts.asked) == before
