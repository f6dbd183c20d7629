"""A VM has one open question: further starts join it, and an answer covers what its giver was shown."""

import asyncio
from datetime import timedelta

import pytest

from tests import builders as a
from tests.doubles import CrashError
from tests.rig import Rig
from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.asking.decisions import Answer
from workers.domain.asking.joined import MOST_LISTED
from workers.domain.containment.containment import CauseKind, ContainmentState
from workers.domain.errors import NotAllowed, Outdated
from workers.domain.nudges import Subject
from workers.domain.policy.model import OnSilence, Rule, Verdict
from workers.domain.starts.events import Phase, StartEvent
from workers.domain.starts.facts import MissingFact
from workers.use_cases.asking.withdraw import Withdraw
from workers.use_cases.starts.outcome import Outcome

BOB = a.caller(name="Bob", email="bob@contoso.com", object_id="bob")
MINUTE = timedelta(minutes=1)


def another(n: int = 0, **changes: object) -> StartEvent:
    return a.start_event(**{"correlation_id": f"another-{n}", "caller": BOB, **changes})


async def question(rig: Rig, approval: Approval) -> Approval:
    return await rig.store.approval(approval.id)


class TestJoining:
    async def test_a_further_start_joins_the_open_question_and_its_card_is_told(self, rig: Rig) -> None:
        first = await rig.asked()
        rig.clock.advance(30)
        assert await rig.open(another(at=rig.clock.now())) == (Outcome.JOINED, first.id)
        asked = await question(rig, first)
        assert (asked.state, asked.starts) == (ApprovalState.PENDING, 2)
        (joined,) = asked.joined
        assert (joined.at, joined.caller) == (rig.clock.now(), BOB)
        assert (await rig.store.vm_record(a.vm_ref())).open_approvals == (first.id,)
        assert [(n.id, n.version) for n in rig.nudger.to_notices] == [(first.id, asked.version)]
        own = await rig.store.approval(joined.approval_id)
        assert (own.state, own.joined_to, own.has_card) == (ApprovalState.JOINED, first.id, False)
        record = (await rig.audit())[-1]
        assert (record.kind, record.about) == ("approval.joined", first.id)
        assert (record.details["start"], record.details["starts"]) == (own.id, 2)
        assert record.details["caller"] == BOB.model_dump(mode="json")

    async def test_fifty_starts_at_once_are_one_question(self, rig: Rig) -> None:
        opened = await asyncio.gather(*(rig.open(another(n)) for n in range(50)))
        assert sorted(o.outcome for o in opened) == [Outcome.ASKED] + [Outcome.JOINED] * 49
        assert len({o.document_id for o in opened}) == 1
        asked = await rig.store.approval(opened[0].document_id)
        assert (asked.starts, len(asked.joined)) == (50, 49)
        assert await rig.store.open_approvals() == [asked.id]

    async def test_of_more_than_fifty_the_newest_are_listed_and_all_are_counted(self, rig: Rig) -> None:
        first = await rig.asked()
        for n in range(MOST_LISTED + 5):
            await rig.open(another(n, at=a.NOW + n * MINUTE))
        asked = await question(rig, first)
        assert (asked.starts, len(asked.joined)) == (1 + MOST_LISTED + 5, MOST_LISTED)
        assert asked.joined[-1].at == a.NOW + (MOST_LISTED + 4) * MINUTE
        assert asked.joined[-1].number == asked.starts

    async def test_nobody_can_push_another_callers_start_out_of_the_list(self, rig: Rig) -> None:
        first = await rig.asked()
        await rig.open(another(0, at=a.NOW))
        for n in range(1, MOST_LISTED + 20):
            await rig.open(another(n, caller=a.caller(), at=a.NOW + n * MINUTE))
        asked = await question(rig, first)
        assert [one.number for one in asked.joined if one.caller == BOB] == [2]
        with pytest.raises(Outdated):
            await rig.decide(Answer.CONFIRM, first.id, a.actor())

    @pytest.mark.parametrize("phase", [Phase.STARTED, Phase.SUCCEEDED])
    async def test_a_start_joins_once_however_often_it_is_told(self, rig: Rig, phase: Phase) -> None:
        first = await rig.asked()
        opened = await asyncio.gather(*(rig.open(another(phase=phase)) for _ in range(3)))
        assert sorted(o.outcome for o in opened) == [Outcome.DUPLICATE] * 2 + [Outcome.JOINED]
        success = another(phase=Phase.SUCCEEDED, at=a.start_event().at + timedelta(seconds=9))
        assert (await rig.open(success)).outcome is Outcome.DUPLICATE
        assert (await question(rig, first)).starts == 2

    async def test_told_again_after_the_answer_it_asks_nobody(self, rig: Rig) -> None:
        first = await rig.asked()
        await rig.open(another())
        await rig.decide(Answer.CONFIRM, first.id, a.actor(), shown=2)
        rig.clock.advance(60)
        late = another(phase=Phase.SUCCEEDED, at=rig.clock.now())
        assert (await rig.open(late)).outcome is Outcome.DUPLICATE

    async def test_a_start_under_its_id_after_the_question_was_withdrawn_is_asked_about(
        self, rig: Rig
    ) -> None:
        first = await rig.asked()
        await rig.open(another())
        await Withdraw(store=rig.store, nudger=rig.nudger, clock=rig.clock)(first.id, "the VM is deallocated")
        rig.clock.advance(60)
        again = another(phase=Phase.SUCCEEDED, at=rig.clock.now())
        assert (await rig.open(again)).outcome is Outcome.ASKED

    async def test_once_the_question_is_answered_the_next_start_is_asked_about(self, rig: Rig) -> None:
        first = await rig.asked()
        await rig.decide(Answer.CONFIRM, first.id, a.actor())
        opened = await rig.open(another(at=rig.clock.now()))
        assert (opened.outcome, opened.document_id != first.id) == (Outcome.ASKED, True)

    async def test_a_start_that_a_rule_lets_pass_joins_nothing(self, rig: Rig) -> None:
        first = await rig.asked()
        rig.policy = a.policy(rules=(Rule(name="bob", when='caller.name == "Bob"', verdict=Verdict.PASS),))
        assert (await rig.open(another())).outcome is Outcome.PASSED
        assert await question(rig, first) == first

    async def test_a_crash_before_the_nudge_is_made_up_for(self, rig: Rig) -> None:
        first = await rig.asked()
        rig.nudger.crashes = 1
        with pytest.raises(CrashError):
            await rig.open(another())
        assert (await rig.open(another())).outcome is Outcome.DUPLICATE
        rig.clock.advance(60)
        await rig.resync()
        assert {nudge.id for nudge in rig.nudger.to_notices} == {first.id}
        assert (await question(rig, first)).starts == 2


class TestWhatItAsks:
    async def test_newer_facts_replace_those_that_were_known_and_fewer_do_not(self, rig: Rig) -> None:
        first = await rig.asked()
        rig.facts.answer = a.facts(network=None, missing=(MissingFact(name="network", reason="timeout"),))
        await rig.open(another(1))
        assert (await question(rig, first)).facts == first.facts
        rig.facts.answer = a.facts(subscription_name="renamed")
        await rig.open(another(2))
        assert (await question(rig, first)).facts.subscription_name == "renamed"

    async def test_who_writes_tags_meanwhile_does_not_become_the_owner(self, rig: Rig) -> None:
        first = await rig.asked()
        machine = a.facts().machine
        assert machine is not None
        rig.facts.answer = a.facts(machine=machine.changed(tags={"owner": "mallory@evil.example"}))
        await rig.open(another())
        assert (await question(rig, first)).owner == first.owner

    async def test_it_goes_on_under_the_stricter_terms_with_time_to_answer(self, rig: Rig) -> None:
        first = await rig.asked()
        rig.policy = a.policy(
            rules=(
                Rule(
                    name="bob",
                    when='caller.name == "Bob"',
                    expire_after=timedelta(minutes=5),
                    on_silence=OnSilence.CONTAIN,
                ),
            )
        )
        for deadline in (first.remind_at, first.escalate_at):
            rig.clock.to(deadline)
            await rig.look(first.id)
        rig.nudger.clear()
        rig.clock.advance(10 * MINUTE)
        await rig.open(another(at=rig.clock.now()))
        asked = await question(rig, first)
        assert asked.expire_at == rig.clock.now() + 5 * MINUTE
        assert asked.terms.on_silence is OnSilence.CONTAIN
        (nudge,) = rig.worked(Subject.APPROVAL)
        assert (nudge.id, nudge.due) == (first.id, asked.due_at())
        rig.clock.to(asked.expire_at)
        await rig.look(first.id)
        expired = await question(rig, first)
        assert expired.containment_id is not None
        done = await rig.until_rest(expired.containment_id)
        assert (done.state, done.cause.kind) == (ContainmentState.CONTAINED, CauseKind.SILENCE)

    async def test_a_milder_rule_changes_no_terms(self, rig: Rig) -> None:
        first = await rig.asked()
        mild = Rule(name="mild", when="true", expire_after=timedelta(hours=9), on_silence=OnSilence.LEAVE)
        rig.policy = a.policy(rules=(mild,))
        await rig.open(another())
        assert (await question(rig, first)).terms == first.terms


class TestAnswers:
    async def test_who_was_not_shown_a_start_by_somebody_else_is_asked_again(self, rig: Rig) -> None:
        first = await rig.asked()
        await rig.open(another())
        with pytest.raises(Outdated, match="Somebody else has started vm-web-01"):
            await rig.decide(Answer.CONFIRM, first.id, a.actor())
        assert (await question(rig, first)).open
        decided = await rig.decide(Answer.CONFIRM, first.id, a.actor(), shown=2)
        assert decided.approval.state is ApprovalState.CONFIRMED
        assert (await rig.audit())[-1].details["starts"] == 2

    async def test_another_start_by_the_same_caller_is_covered(self, rig: Rig) -> None:
        first = await rig.asked()
        await rig.open(another(caller=a.caller()))
        decided = await rig.decide(Answer.CONFIRM, first.id, a.actor())
        assert decided.approval.state is ApprovalState.CONFIRMED

    async def test_a_start_by_nobody_known_is_never_covered_unseen(self, rig: Rig) -> None:
        nobody = a.caller(object_id="", email="", app_id="", name="x")
        first = await rig.asked(a.start_event(caller=nobody))
        await rig.open(another(caller=nobody))
        with pytest.raises(Outdated):
            await rig.decide(Answer.CONFIRM, first.id, a.actor())

    async def test_a_confirmation_and_a_start_at_the_same_moment_never_cover_it_unseen(
        self, rig: Rig
    ) -> None:
        first = await rig.asked()
        confirmed, opened = await asyncio.gather(
            rig.decide(Answer.CONFIRM, first.id, a.actor()), rig.open(another()), return_exceptions=True
        )
        if isinstance(confirmed, Outdated):
            assert (await question(rig, first)).open
        else:
            assert opened.outcome is Outcome.ASKED  # type: ignore[union-attr]

    async def test_a_rejection_contains_whoever_started_it(self, rig: Rig) -> None:
        first = await rig.asked()
        await rig.open(another())
        decided = await rig.decide(Answer.REJECT, first.id, a.actor())
        assert decided.containment is not None
        done = await rig.until_rest(decided.containment.id)
        assert done.state is ContainmentState.CONTAINED

    async def test_each_caller_may_reject_and_none_may_confirm(self, rig: Rig) -> None:
        bob = a.actor(slack_user="U0BOB0001", name="Bob", email=BOB.email)
        first = await rig.asked()
        with pytest.raises(NotAllowed):
            await rig.decide(Answer.REJECT, first.id, bob)
        await rig.open(another())
        with pytest.raises(NotAllowed):
            await rig.decide(Answer.CONFIRM, first.id, bob, shown=2)
        decided = await rig.decide(Answer.REJECT, first.id, bob)
        assert decided.containment is not None
        done = await rig.until_rest(decided.containment.id)
        assert done.state is ContainmentState.CONTAINED, "the worker's own check allows it, too"


class TestFailures:
    async def test_a_joined_start_that_fails_needs_no_answer_and_withdraws_nothing(self, rig: Rig) -> None:
        first = await rig.asked()
        await rig.open(another())
        failed = another(phase=Phase.FAILED, at=a.start_event().at + MINUTE)
        assert (await rig.open(failed)).outcome is Outcome.FAILED_START
        asked = await question(rig, first)
        assert (asked.open, asked.joined[0].failed) == (True, True)
        await rig.decide(Answer.CONFIRM, first.id, a.actor())

    async def test_the_question_stays_while_any_of_its_starts_has_not_failed(self, rig: Rig) -> None:
        first = await rig.asked()
        await rig.open(another())
        end = a.start_event().at + MINUTE
        await rig.open(a.start_event(phase=Phase.FAILED, at=end))
        assert (await question(rig, first)).open
        await rig.open(another(phase=Phase.FAILED, at=end))
        withdrawn = await question(rig, first)
        assert (withdrawn.state, withdrawn.closed_because) == (ApprovalState.WITHDRAWN, "the start failed")
        assert (await rig.store.vm_record(a.vm_ref())).open_approvals == ()
