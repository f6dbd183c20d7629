"""S1 to S7, each by name, in its shortest form; tests/chaos and tests/scenario prove them at length."""

import asyncio

import pytest

from bot.cards.blocks.card import approval_card
from tests import acting
from tests import builders as a
from tests.doubles import CrashError
from tests.rig import Rig
from tests.unit.use_cases.containment.restore_rig import DRIFT, RestoreRig
from workers.domain.asking.approvals import IN_WORDS, ApprovalState
from workers.domain.asking.cards import CopyKind
from workers.domain.asking.decisions import Answer
from workers.domain.containment.containment import CauseKind, ContainmentState
from workers.domain.containment.plans import StepName
from workers.domain.errors import AlreadyDecided, DependencyAway, NotAllowed, NotYet, StepFailed
from workers.domain.ids import partition_of_id
from workers.domain.policy.model import Rule, Verdict
from workers.domain.ports.groups import NoGroups
from workers.domain.ports.store import Commit
from workers.use_cases.asking.pass_on import PassOn
from workers.use_cases.containment.request import request_containment
from workers.use_cases.starts.outcome import Outcome

STRANGER = a.actor(slack_user="U0STRANGER", name="Sam", email="sam@contoso.com")


async def test_s1_a_vm_is_touched_only_by_a_recorded_right(rig: Rig) -> None:
    """A containment that rests on an open question, whatever wrote it, is not carried out."""
    approval = await rig.asked()
    cause = a.cause(approval_id=approval.id, by=a.actor())
    request = await request_containment(
        rig.store, approval.event.vm, cause, approval.terms.lockdown, now=rig.clock.now()
    )
    await rig.store.commit(Commit(partition=partition_of_id(approval.id), documents=request.documents))

    forged = await rig.advance(request.containment.id, times=3)

    assert forged.state is ContainmentState.INCOMPLETE
    assert [runner.begun for runner in rig.runners.values()] == [[], [], []]
    assert "containment.refused" in await rig.kinds()


async def test_s2_one_start_gives_one_approval_under_duplicates_and_a_crash(rig: Rig) -> None:
    rig.nudger.crashes = 1
    with pytest.raises(CrashError):
        await rig.open(a.start_event())

    told_again = await asyncio.gather(*(rig.open(a.start_event()) for _ in range(5)))

    assert {opened.outcome for opened in told_again} == {Outcome.DUPLICATE}
    assert len({opened.document_id for opened in told_again}) == 1
    assert (await rig.kinds()).count("approval.opened") == 1


async def test_s3_one_decision_wins_and_every_other_click_is_told_so(rig: Rig) -> None:
    approval = await rig.asked()
    clicks = [
        rig.decide(answer, approval.id, person)
        for answer, person in ((Answer.CONFIRM, a.actor()), (Answer.REJECT, a.oncall())) * 3
    ]

    results = await asyncio.gather(*clicks, return_exceptions=True)

    losers = [result for result in results if isinstance(result, AlreadyDecided)]
    assert len(losers) == len(results) - 1
    decided = await rig.store.approval(approval.id)
    assert {loser.outcome for loser in losers} == {decided.outcome()}


async def test_s3_a_confirmation_taken_back_reopens_the_question_and_only_its_giver_or_on_call_may(
    rig: Rig,
) -> None:
    approval = await rig.asked()
    await rig.decide(Answer.CONFIRM, approval.id, a.actor(), via=IN_WORDS, words="yes")
    take_back = acting.take_back(store=rig.store, nudger=rig.nudger, clock=rig.clock)
    with pytest.raises(NotAllowed):
        await take_back(approval.id, STRANGER)
    assert (await rig.store.approval(approval.id)).state is ApprovalState.CONFIRMED

    await take_back(approval.id, a.actor())

    decided = await rig.decide(Answer.REJECT, approval.id, a.oncall())
    assert decided.approval.state is ApprovalState.REJECTED
    with pytest.raises(AlreadyDecided):
        await take_back(approval.id, a.oncall())


async def test_s4_a_rejection_ends_proven_or_with_on_call_told(rig: Rig) -> None:
    rejected = await rig.rejected()
    rig.runners[StepName.STOP].to_begin.append(StepFailed("locked", code="ScopeLocked", final=True))

    ended = await rig.until_rest(rejected.id)

    assert ended.state is ContainmentState.INCOMPLETE
    assert rig.nudger.to_notices[-1].version == ended.version

    proven = Rig()
    contained = await proven.until_rest((await proven.rejected()).id)
    assert contained.state is ContainmentState.CONTAINED
    for name in (StepName.ISOLATE, StepName.STOP):
        assert len(proven.runners[name].checked) >= 2, "done once, and read back once more at the end"


async def test_s5_restore_brings_back_what_was_or_says_what_drifted() -> None:
    exact, drifted = RestoreRig(), RestoreRig()
    restored = await exact.until_rest((await exact.ordered()).id)
    drifted.undoable[StepName.ISOLATE].to_undo.append(DRIFT)
    left = await drifted.until_rest((await drifted.ordered()).id)

    assert restored.state is ContainmentState.RESTORED
    assert left.state is ContainmentState.INCOMPLETE
    assert left.restoration is not None
    assert any("somebody changed it since" in step.note for step in left.restoration.steps)


async def test_s6_no_accepted_event_is_lost_to_an_outage_or_a_crash(rig: Rig) -> None:
    rig.facts.answer = DependencyAway("azure", "throttled", retry_after_s=17)
    with pytest.raises(DependencyAway):
        await rig.open(a.start_event(at=rig.clock.now()))
    assert await rig.kinds() == []

    rig.facts.answer = a.facts()
    rig.nudger.crashes = 1
    with pytest.raises(CrashError):
        await rig.open(a.start_event(at=rig.clock.now()))
    rig.clock.advance(30)
    await rig.resync()

    assert [nudge.id for nudge in rig.nudger.to_notices] == list(await rig.store.open_approvals())


async def test_s7_a_stranger_changes_nothing_and_the_refusal_is_on_record(rig: Rig) -> None:
    approval = await rig.asked()
    for answer in Answer:
        with pytest.raises(NotAllowed):
            await rig.decide(answer, approval.id, STRANGER)
    with pytest.raises(NotAllowed):
        await rig.lock_down(approval.event.vm, STRANGER, approval.terms.lockdown)

    unchanged = await rig.store.approval(approval.id)
    assert (unchanged, unchanged.state) == (approval, ApprovalState.PENDING)
    refused = [r for p in range(16) for r in await rig.store.audit(p) if r.kind.endswith("refused")]
    assert [r.by for r in refused] == [STRANGER.label] * 3


async def test_s7_a_stranger_rejects_no_announced_start_and_nobody_confirms_one() -> None:
    rig = Rig(a.policy(rules=(Rule(name="told", when="true", verdict=Verdict.TELL),)))
    approval = await rig.asked(a.start_event(caller=a.caller(email="carol@contoso.com")))
    for answer in Answer:
        with pytest.raises(NotAllowed):
            await rig.decide(answer, approval.id, STRANGER)
    for person in (a.actor(), a.oncall()):
        with pytest.raises(AlreadyDecided):
            await rig.decide(Answer.CONFIRM, approval.id, person)
    assert await rig.store.approval(approval.id) == approval
    assert (await rig.kinds()).count("decision.refused") == 2


async def test_s1_what_rests_on_a_rule_is_contained_only_if_that_rule_contains(rig: Rig) -> None:
    """A containment on the word of a rule that asks, whatever wrote it, is not carried out."""
    approval = await rig.asked()
    cause = a.cause(kind=CauseKind.RULE, approval_id=approval.id)
    request = await request_containment(
        rig.store, approval.event.vm, cause, approval.terms.lockdown, now=rig.clock.now()
    )
    await rig.store.commit(Commit(partition=partition_of_id(approval.id), documents=request.documents))

    forged = await rig.advance(request.containment.id, times=3)

    assert forged.state is ContainmentState.INCOMPLETE
    assert not any(runner.begun for runner in rig.runners.values())


@pytest.mark.parametrize("hostile", ["<!channel>", "<@U0ALICE>", "<https://evil.example|web>", "`rm`*x*"])
def test_s7_a_hostile_name_is_text_and_never_a_mention(hostile: str) -> None:
    caller = a.caller(name=hostile)
    approval = a.approval(event=a.start_event(caller=caller), notice=hostile)
    message = approval_card(approval, None, kind=CopyKind.CHANNEL)
    said = str(message.blocks) + message.text
    assert hostile not in said
    assert "rm`" not in said
    assert "<!channel" not in said
    assert "<https:" not in said


async def test_s7_nobody_confirms_their_own_start_at_high_risk_nor_by_a_tag_they_changed(
    rig: Rig,
) -> None:
    """Not as the owner, nor on call; whoever may write tags does not become the only one who can confirm."""
    await rig.inventory.put([a.known_vm(tags={"owner": "bob@contoso.com"})])
    caller = a.caller(mfa=False, ip="192.0.2.66")
    approval = await rig.asked(a.start_event(caller=caller))
    assert approval.risky_callers == (caller,)

    for own in (a.actor(), a.actor(on_call=True)):
        with pytest.raises(NotAllowed):
            await rig.decide(Answer.CONFIRM, approval.id, own)
    assert (await rig.store.approval(approval.id)).open
    assert approval.owner.emails == ("bob@contoso.com", "alice@contoso.com")

    bob = a.actor(slack_user="U0BOB0001", name="Bob", email="bob@contoso.com")
    confirmed = await rig.decide(Answer.CONFIRM, approval.id, bob, reason="planned")
    assert confirmed.approval.state is ApprovalState.CONFIRMED


async def test_s7_a_question_that_was_passed_on_lets_no_caller_confirm(rig: Rig) -> None:
    """Neither as the one it is passed on to, nor after they were named and have started the VM, too."""
    mallory = a.actor(slack_user="U0MALLORY", name="Mallory", email="mallory@contoso.com")
    bob = a.actor(slack_user="U0BOB0001", name="Bob", email="bob@contoso.com")
    approval = await rig.asked(a.start_event(caller=a.caller(email=mallory.email)))
    pass_on = PassOn(
        store=rig.store, nudger=rig.nudger, clock=rig.clock, policy=lambda: rig.policy, groups=NoGroups()
    )
    with pytest.raises(NotYet):
        await pass_on(approval.id, a.actor(), mallory)
    await pass_on(approval.id, a.actor(), bob)
    second = a.start_event(
        caller=a.caller(email=bob.email), correlation_id="c0ffee00-0000-4000-8000-000000000002"
    )
    await rig.asked(second)
    for who in (mallory, bob):
        with pytest.raises(NotAllowed):
            await rig.decide(Answer.CONFIRM, approval.id, who, shown=2, reason="mine")
    assert (await rig.store.approval(approval.id)).open
