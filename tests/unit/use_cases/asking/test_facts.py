"""Facts that come late complete the question; a question that has become pointless is taken back."""

from datetime import timedelta

import pytest

from tests import builders as a
from tests.doubles import FakeFacts
from tests.rig import Rig
from workers.domain.asking.approvals import FILL_IN_AFTER, Approval, ApprovalState
from workers.domain.errors import DependencyAway
from workers.domain.starts.events import Phase
from workers.domain.starts.facts import Facts, MachineFacts, MissingFact
from workers.domain.starts.vm import PowerState
from workers.use_cases.starts.open import ASK_ANYWAY_AFTER
from workers.use_cases.sweeps.starts.reconcile import SETTLED_AFTER, Reconcile

NETWORK_MISSING = a.facts(network=None, missing=(MissingFact(name="network", reason="timeout"),))
ALL_MISSING = Facts(
    missing=tuple(MissingFact(name=name, reason="timeout") for name in ("machine", "network", "backup"))
)


async def incomplete(rig: Rig, facts: Facts = NETWORK_MISSING) -> Approval:
    rig.facts.answer = facts
    approval = await rig.asked()
    rig.facts.answer = a.facts()
    return approval


class TestFillingIn:
    async def test_what_was_missing_is_read_again_and_shown(self, rig: Rig) -> None:
        approval = await incomplete(rig)
        rig.clock.advance(FILL_IN_AFTER[0])
        await rig.look(approval.id)
        filled = await rig.store.approval(approval.id)
        assert filled.facts == a.facts()
        assert filled.fill_in_at is None
        assert approval.id in {n.id for n in rig.nudger.to_notices}
        assert "facts.filled-in" in await rig.kinds()

    async def test_the_owner_becomes_known_with_the_tags(self, rig: Rig) -> None:
        approval = await incomplete(rig, ALL_MISSING)
        assert not approval.owner.known
        rig.clock.advance(FILL_IN_AFTER[0])
        await rig.look(approval.id)
        assert (await rig.store.approval(approval.id)).owner.emails == ("alice@contoso.com",)

    async def test_an_owner_who_is_known_stays_whoever_the_tags_name_now(self, rig: Rig) -> None:
        approval = await incomplete(rig)
        assert approval.owner.emails == ("alice@contoso.com",)
        machine = a.facts().machine
        assert machine is not None
        rig.facts.answer = a.facts(machine=machine.changed(tags={"owner": "mallory@contoso.com"}))
        rig.clock.advance(FILL_IN_AFTER[0])
        await rig.look(approval.id)
        filled = await rig.store.approval(approval.id)
        assert filled.facts.tags["owner"] == "mallory@contoso.com"
        assert filled.owner == approval.owner

    async def test_a_power_state_that_azure_does_not_tell_now_is_the_events(self, rig: Rig) -> None:
        approval = await incomplete(rig)
        known = a.facts()
        assert known.machine is not None
        rig.facts.answer = known.changed(machine=known.machine.changed(power=PowerState.UNKNOWN))
        rig.clock.advance(FILL_IN_AFTER[0])
        await rig.look(approval.id)
        filled = (await rig.store.approval(approval.id)).facts.machine
        assert filled is not None
        assert filled.power is PowerState.STARTING

    async def test_it_is_not_read_before_its_time(self, rig: Rig) -> None:
        approval = await incomplete(rig)
        await rig.look(approval.id)
        assert len(rig.facts.asked) == 1

    async def test_it_is_read_anew(self, rig: Rig) -> None:
        approval = await incomplete(rig)
        rig.clock.advance(FILL_IN_AFTER[0])
        await rig.look(approval.id)
        (_, _, first), (_, _, second) = rig.facts.asked
        assert (first, second) == (approval.event.at, None)

    async def test_it_is_given_up_after_a_few_times(self, rig: Rig) -> None:
        approval = await incomplete(rig)
        rig.facts.answer = DependencyAway("azure", "throttled")
        for _ in range(len(FILL_IN_AFTER) * 2):
            rig.clock.advance(180)
            await rig.look(approval.id)
        assert len(rig.facts.asked) == 1 + len(FILL_IN_AFTER)
        assert (await rig.store.approval(approval.id)).fill_in_at is None

    async def test_fewer_facts_than_before_replace_nothing(self, rig: Rig) -> None:
        approval = await incomplete(rig)
        rig.facts.answer = ALL_MISSING
        rig.clock.advance(FILL_IN_AFTER[0])
        await rig.look(approval.id)
        assert (await rig.store.approval(approval.id)).facts == approval.facts

    async def test_some_facts_are_better_than_none_at_all(self, rig: Rig) -> None:
        rig.facts.answer = DependencyAway("azure", "throttled")
        rig.clock.advance(ASK_ANYWAY_AFTER)
        approval = await rig.asked(a.start_event(at=a.NOW))
        two_missing = (MissingFact(name="network", reason="x"), MissingFact(name="backup", reason="x"))
        rig.facts.answer = a.facts(network=None, backup=None, missing=two_missing)
        rig.clock.advance(FILL_IN_AFTER[0])
        await rig.look(approval.id)
        filled = await rig.store.approval(approval.id)
        assert filled.facts.machine is not None
        assert filled.owner.known

    @pytest.mark.parametrize(("asked_s", "wait_s"), [(17, 17), (0, 3), (3600, 300)])
    async def test_while_azure_throttles_it_is_asked_again_when_it_says_and_no_try_is_used_up(
        self, rig: Rig, asked_s: float, wait_s: float
    ) -> None:
        approval = await incomplete(rig, ALL_MISSING)
        rig.facts.answer = DependencyAway("azure", "429", retry_after_s=asked_s, scope=a.SUBSCRIPTION)
        rig.clock.advance(FILL_IN_AFTER[0])
        for _ in range(len(FILL_IN_AFTER) + 2):
            await rig.look(approval.id)
            held = await rig.store.approval(approval.id)
            assert held.fill_in_at == rig.clock.now() + timedelta(seconds=wait_s)
            assert held.fill_ins == approval.fill_ins
            rig.clock.advance(wait_s)
        rig.facts.answer = a.facts()
        await rig.look(approval.id)
        assert (await rig.store.approval(approval.id)).facts.missing == ()

    async def test_an_answer_that_was_given_meanwhile_is_left_alone(self, rig: Rig) -> None:
        approval = await incomplete(rig)
        await rig.decide(a.Answer.CONFIRM, approval.id, a.actor())
        decided = await rig.store.approval(approval.id)
        rig.clock.advance(FILL_IN_AFTER[0])
        await rig.fill_in(approval)
        assert await rig.store.approval(approval.id) == decided

    async def test_a_vm_that_turns_out_to_be_gone_ends_the_question(self, rig: Rig) -> None:
        approval = await incomplete(rig)
        rig.facts.answer = Facts(gone=True)
        rig.clock.advance(FILL_IN_AFTER[0])
        await rig.look(approval.id)
        assert (await rig.store.approval(approval.id)).state is ApprovalState.WITHDRAWN

    async def test_the_terms_of_the_ask_stay_what_they_were(self, rig: Rig) -> None:
        approval = await incomplete(rig)
        rig.policy = a.policy(
            defaults=a.Policy.model_fields["defaults"].default.changed(on_silence="contain")
        )
        rig.clock.advance(FILL_IN_AFTER[0])
        await rig.look(approval.id)
        assert (await rig.store.approval(approval.id)).terms == approval.terms


SECOND = timedelta(seconds=1)


def off(power: PowerState = PowerState.DEALLOCATED) -> Facts:
    return a.facts(machine=MachineFacts(power=power))


class TestPointlessQuestions:
    def reconcile(self, rig: Rig) -> Reconcile:
        return Reconcile(store=rig.store, nudger=rig.nudger, facts=rig.facts, clock=rig.clock)

    async def look(self, rig: Rig, *listed: a.KnownVm, after: timedelta = SETTLED_AFTER) -> ApprovalState:
        approval = await rig.asked()
        rig.facts = FakeFacts() if rig.facts is None else rig.facts
        rig.clock.advance(after)
        await self.reconcile(rig)(a.SUBSCRIPTION, listed, rig.clock.now())
        return (await rig.store.approval(approval.id)).state

    async def test_a_vm_that_runs_is_still_asked_about(self, rig: Rig) -> None:
        assert await self.look(rig, a.known_vm()) is ApprovalState.PENDING
        assert len(rig.facts.asked) == 1

    async def test_a_vm_that_was_stopped_is_not_asked_about_any_more(self, rig: Rig) -> None:
        approval = await rig.asked()
        rig.facts.answer = off()
        rig.clock.advance(SETTLED_AFTER)
        count = await self.reconcile(rig)(
            a.SUBSCRIPTION.upper(), [a.known_vm(power=PowerState.DEALLOCATED)], rig.clock.now()
        )
        withdrawn = await rig.store.approval(approval.id)
        assert (count, withdrawn.state) == (1, ApprovalState.WITHDRAWN)
        assert withdrawn.closed_because == "the VM is deallocated"
        assert (await rig.store.vm_record(a.vm_ref())).open_approvals == ()

    async def test_the_list_alone_is_not_believed(self, rig: Rig) -> None:
        assert await self.look(rig, a.known_vm(power=PowerState.STOPPED)) is ApprovalState.PENDING
        assert len(rig.facts.asked) == 2
        assert rig.facts.asked[1][2] is None, "read anew"

    async def test_a_vm_that_was_just_started_is_given_time_to_appear(self, rig: Rig) -> None:
        rig.facts.answer = off()
        just = SETTLED_AFTER - timedelta(seconds=1)
        listed = a.known_vm(power=PowerState.DEALLOCATED)
        assert await self.look(rig, listed, after=just) is ApprovalState.PENDING

    async def test_once_the_start_has_succeeded_what_is_off_was_stopped_since(self, rig: Rig) -> None:
        approval = await rig.asked(a.start_event(phase=Phase.SUCCEEDED))
        rig.facts.answer = off()
        listed = [a.known_vm(power=PowerState.DEALLOCATED)]
        for state, by in ((ApprovalState.PENDING, timedelta(seconds=9)), (ApprovalState.WITHDRAWN, SECOND)):
            rig.clock.advance(by)
            await self.reconcile(rig)(a.SUBSCRIPTION, listed, rig.clock.now())
            assert (await rig.store.approval(approval.id)).state is state

    async def test_azure_away_takes_no_question_back(self, rig: Rig) -> None:
        approval = await rig.asked()
        rig.facts.answer = DependencyAway("azure", "no answer")
        rig.clock.advance(SETTLED_AFTER)
        assert await self.reconcile(rig)(a.SUBSCRIPTION, [], rig.clock.now()) == 0
        assert (await rig.store.approval(approval.id)).open

    async def test_a_vm_that_is_gone_is_not_asked_about_any_more(self, rig: Rig) -> None:
        approval = await rig.asked()
        rig.facts.answer = Facts(gone=True)
        rig.clock.advance(SETTLED_AFTER)
        assert await self.reconcile(rig)(a.SUBSCRIPTION, [], rig.clock.now()) == 1
        assert (await rig.store.approval(approval.id)).closed_because == "the VM no longer exists"

    async def test_another_subscription_is_none_of_its_business(self, rig: Rig) -> None:
        approval = await rig.asked()
        rig.facts.answer = Facts(gone=True)
        rig.clock.advance(SETTLED_AFTER)
        other = "99999999-2222-3333-4444-555555555555"
        assert await self.reconcile(rig)(other, [], rig.clock.now()) == 0
        assert (await rig.store.approval(approval.id)).open
