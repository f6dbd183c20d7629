"""A start event becomes one approval, whatever happens on the way."""

import asyncio
from datetime import timedelta

import pytest

from tests import builders as a
from tests.doubles import CrashError
from tests.rig import Rig
from workers.domain.asking.approvals import ApprovalState
from workers.domain.containment.containment import ContainmentState
from workers.domain.containment.profile import LockdownProfile
from workers.domain.errors import Conflict, DependencyAway
from workers.domain.nudges import Subject
from workers.domain.policy.model import Defaults, OnSilence
from workers.domain.policy.people import OwnerPolicy
from workers.domain.ports.store import Commit
from workers.domain.starts.events import Phase, StartEvent
from workers.domain.starts.facts import Facts, MissingFact
from workers.domain.starts.vm import PowerState
from workers.use_cases.conflicts import until_written
from workers.use_cases.starts.open import ASK_ANYWAY_AFTER
from workers.use_cases.starts.outcome import Outcome

SUCCEEDED = a.start_event(phase=Phase.SUCCEEDED, event_id="event-2", shape="diagnostic")
FAILED = a.start_event(phase=Phase.FAILED, event_id="event-3")


class TestAsking:
    async def test_a_start_opens_one_approval_and_tells_the_bot(self, rig: Rig) -> None:
        opened = await rig.open(a.start_event())
        assert opened.outcome is Outcome.ASKED
        approval = await rig.store.approval(opened.document_id)
        assert approval.open
        assert approval.owner.emails == ("alice@contoso.com",)
        assert approval.asked_at is None
        assert [n.id for n in rig.nudger.to_notices] == [approval.id]
        assert rig.nudger.to_work == []
        assert (await rig.store.vm_record(a.vm_ref())).open_approvals == (approval.id,)
        assert await rig.kinds() == ["approval.opened"]

    async def test_the_policy_of_that_moment_is_written_into_it(self, rig: Rig) -> None:
        profile = LockdownProfile(steps=(a.StepName.ISOLATE,))
        rig.policy = a.policy(
            owner=OwnerPolicy(tags=("env",)),
            defaults=Defaults(expire_after=timedelta(hours=5), on_silence=OnSilence.CONTAIN),
            lockdowns={"standard": profile},
        )
        opened = await rig.open(a.start_event())
        rig.policy = a.policy()
        approval = await rig.store.approval(opened.document_id)
        assert approval.terms.expire_after == timedelta(hours=5)
        assert approval.terms.on_silence is OnSilence.CONTAIN
        assert approval.terms.lockdown.steps == (a.StepName.ISOLATE,)
        assert [s.step for s in approval.plan.steps] == [a.StepName.ISOLATE]
        assert not approval.owner.known

    async def test_facts_get_their_budget_and_are_not_from_before_the_start(self, rig: Rig) -> None:
        event = a.start_event()
        await rig.open(event)
        assert rig.facts.asked == [(a.vm_ref(), 2.0, event.at)]

    @pytest.mark.parametrize(
        ("event", "power"), [(a.start_event(), PowerState.STARTING), (SUCCEEDED, PowerState.RUNNING)]
    )
    async def test_where_azure_does_not_tell_the_power_state_the_event_does(
        self, rig: Rig, event: StartEvent, power: PowerState
    ) -> None:
        known = a.facts()
        assert known.machine is not None
        rig.facts.answer = known.changed(machine=known.machine.changed(power=PowerState.UNKNOWN))

        opened = await rig.open(event)

        facts = (await rig.store.approval(opened.document_id)).facts
        assert facts.machine is not None
        assert facts.machine.power is power
        assert [vm.power for vm in await rig.inventory.of(a.SUBSCRIPTION)] == [power]

    async def test_missing_facts_lose_no_ask_and_no_owner_is_invented(self, rig: Rig) -> None:
        rig.facts.answer = a.facts(machine=None, missing=(MissingFact(name="machine", reason="timeout"),))
        opened = await rig.open(a.start_event())
        approval = await rig.store.approval(opened.document_id)
        assert approval.open
        assert approval.owner.source == "the VM's tags could not be read"
        assert (await rig.audit())[0].details["missing"] == ["machine"]

    async def test_the_inventory_learns_of_the_vm(self, rig: Rig) -> None:
        await rig.open(a.start_event())
        (known,) = await rig.inventory.of(a.SUBSCRIPTION)
        assert known == a.known_vm(tags=a.facts().tags)


class TestDuplicates:
    async def test_a_second_telling_asks_nobody_again(self, rig: Rig) -> None:
        first = await rig.open(a.start_event())
        rig.nudger.clear()
        again = await rig.open(SUCCEEDED)
        assert again == (Outcome.DUPLICATE, first.document_id)
        assert rig.nudger.to_notices == []
        assert len(rig.facts.asked) == 1
        assert await rig.kinds() == ["approval.opened"]

    async def test_tellings_at_the_same_moment_open_one(self, rig: Rig) -> None:
        opened = await asyncio.gather(*(rig.open(e) for e in [a.start_event(), SUCCEEDED] * 5))
        assert sorted(o.outcome for o in opened) == [Outcome.ASKED] + [Outcome.DUPLICATE] * 9
        assert await rig.kinds() == ["approval.opened"]

    @pytest.mark.parametrize("answer", a.Answer)
    async def test_a_telling_after_the_answer_opens_nothing(self, rig: Rig, answer: a.Answer) -> None:
        approval = await rig.asked()
        await rig.decide(answer, approval.id, a.actor())
        again = await rig.open(SUCCEEDED)
        assert again.outcome is Outcome.DUPLICATE
        containment_id = (await rig.store.vm_record(a.vm_ref())).containment_id
        assert (containment_id is None) is (answer is a.Answer.CONFIRM)


class TestCrashes:
    async def test_a_crash_before_the_nudge_is_made_up_for(self, rig: Rig) -> None:
        rig.nudger.crashes = 1
        with pytest.raises(CrashError):
            await rig.open(a.start_event())
        assert (await rig.open(a.start_event())).outcome is Outcome.DUPLICATE
        assert rig.nudger.to_notices == []
        rig.clock.advance(60)
        assert (await rig.resync()).unshown == 1
        (nudge,) = rig.nudger.to_notices
        assert (await rig.store.approval(nudge.id)).open

    async def test_azure_away_writes_nothing_and_the_event_comes_again(self, rig: Rig) -> None:
        event = a.start_event(at=a.NOW)
        rig.facts.answer = DependencyAway("azure", "throttled")
        with pytest.raises(DependencyAway):
            await rig.open(event)
        assert await rig.audit() == []
        rig.facts.answer = a.facts()
        assert (await rig.open(event)).outcome is Outcome.ASKED

    async def test_azure_away_for_a_minute_loses_no_ask(self, rig: Rig) -> None:
        rig.facts.answer = DependencyAway("azure", "throttled")
        rig.clock.advance(ASK_ANYWAY_AFTER)
        opened = await rig.open(a.start_event(at=a.NOW))
        approval = await rig.store.approval(opened.document_id)
        assert approval.open
        assert approval.facts.missing
        (nudge,) = rig.nudger.to_work
        assert nudge.due == approval.fill_in_at


class TestVanished:
    async def test_a_vm_that_is_gone_is_noted_and_nobody_is_asked(self, rig: Rig) -> None:
        rig.facts.answer = Facts(gone=True, gathered_at=a.NOW)
        opened = await rig.open(a.start_event())
        assert opened.outcome is Outcome.VANISHED
        approval = await rig.store.approval(opened.document_id)
        assert approval.state is ApprovalState.WITHDRAWN
        assert approval.closed_because == "the VM no longer exists"
        assert (await rig.store.vm_record(a.vm_ref())).open_approvals == ()
        assert await rig.kinds() == ["approval.opened", "approval.withdrawn"]
        assert (await rig.open(SUCCEEDED)).outcome is Outcome.DUPLICATE


class TestFailedStarts:
    async def test_a_failed_start_is_noted_once_and_nobody_is_asked(self, rig: Rig) -> None:
        assert (await rig.open(FAILED)).outcome is Outcome.FAILED_START
        assert (await rig.open(FAILED)).outcome is Outcome.FAILED_START
        assert await rig.kinds() == ["start.failed"]
        assert rig.facts.asked == []

    async def test_the_question_that_its_beginning_opened_is_withdrawn(self, rig: Rig) -> None:
        approval = await rig.asked()
        opened = await rig.open(FAILED)
        assert opened == (Outcome.FAILED_START, approval.id)
        withdrawn = await rig.store.approval(approval.id)
        assert withdrawn.state is ApprovalState.WITHDRAWN
        assert withdrawn.closed_because == "the start failed"
        assert (await rig.store.vm_record(a.vm_ref())).open_approvals == ()
        assert [(n.id, n.version) for n in rig.nudger.to_notices] == [(approval.id, withdrawn.version)]

    async def test_an_answer_that_was_given_stands(self, rig: Rig) -> None:
        approval = await rig.asked()
        await rig.decide(a.Answer.REJECT, approval.id, a.actor())
        await rig.open(FAILED)
        assert (await rig.store.approval(approval.id)).state is ApprovalState.REJECTED

    async def test_a_start_whose_failure_was_told_first_is_not_asked_about(self, rig: Rig) -> None:
        await rig.open(FAILED)
        opened = await rig.open(a.start_event())
        assert opened.outcome is not Outcome.ASKED

    async def test_a_failed_start_does_not_contain_again(self, rig: Rig) -> None:
        containment = await rig.rejected()
        await rig.until_rest(containment.id)
        await rig.open(a.start_event(phase=Phase.FAILED, correlation_id="another"))
        assert (await rig.store.containment(containment.id)).state is ContainmentState.CONTAINED


class TestContainedVms:
    async def test_a_contained_vm_that_is_started_is_contained_again_without_asking(self, rig: Rig) -> None:
        containment = await rig.rejected()
        await rig.until_rest(containment.id)
        rig.nudger.clear()
        opened = await rig.open(a.start_event(correlation_id="another", at=rig.clock.now()))
        assert opened == (Outcome.RECONTAINED, containment.id)
        assert [n.id for n in rig.worked(Subject.CONTAINMENT)] == [containment.id]
        again = await rig.store.containment(containment.id)
        assert (again.state, again.round) == (ContainmentState.RUNNING, 2)
        assert len(rig.facts.asked) == 1

    async def test_a_restored_vm_that_is_started_is_asked_about(self, rig: Rig) -> None:
        containment = await rig.rejected()
        done = await rig.until_rest(containment.id)
        restored = done.to(ContainmentState.RESTORING)
        await rig.store.commit(Commit(partition=int(done.id[1], 16), documents=(restored,)))
        restored = (await rig.store.containment(done.id)).to(ContainmentState.RESTORED)
        await rig.store.commit(Commit(partition=int(done.id[1], 16), documents=(restored,)))
        assert (await rig.open(a.start_event(correlation_id="another"))).outcome is Outcome.ASKED

    async def test_a_containment_that_is_no_more_holds_no_ask_back(self, rig: Rig) -> None:
        record = (await rig.store.vm_record(a.vm_ref())).changed(containment_id="c" + "0" * 25)
        await rig.store.commit(Commit(partition=a.ids.partition_of_vm(a.vm_ref().key), documents=(record,)))
        assert (await rig.open(a.start_event())).outcome is Outcome.ASKED


class TestConflicts:
    async def test_a_conflict_is_read_decided_and_written_again(self) -> None:
        tries = 0

        async def attempt() -> str:
            nonlocal tries
            tries += 1
            if tries < 8:
                raise Conflict
            return "written"

        assert await until_written(attempt) == "written"
        assert tries == 8

    async def test_conflicts_without_end_are_given_back(self) -> None:
        async def attempt() -> str:
            raise Conflict

        with pytest.raises(Conflict):
            await until_written(attempt)
