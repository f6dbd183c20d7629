"""An announced start: it can be rejected, nobody has to answer, and silence leaves the VM."""

from datetime import timedelta

import pytest

from tests import builders as a
from tests.rig import Rig
from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.asking.bursts import may_share
from workers.domain.asking.decisions import Answer
from workers.domain.asking.joining import tightened
from workers.domain.asking.terms import announcement
from workers.domain.containment.containment import ContainmentState
from workers.domain.errors import AlreadyDecided
from workers.domain.policy.model import Defaults, OnSilence, OnUndelivered, Rule, Verdict
from workers.domain.starts.events import Phase
from workers.domain.starts.facts import MissingFact
from workers.domain.starts.past.entries import What
from workers.domain.starts.risk import Level, Risk
from workers.domain.starts.risk_settings import RiskSettings
from workers.use_cases.starts.outcome import Outcome

TOLD = Rule(
    name="weekly tests",
    when='event.correlation_id != "asks"',
    verdict=Verdict.TELL,
    reject_within=timedelta(hours=6),
)
STRICT = Defaults(on_silence=OnSilence.CONTAIN, on_undelivered=OnUndelivered.CONTAIN)


@pytest.fixture
def rig() -> Rig:
    """With defaults that contain, none of which may reach an announced start."""
    return Rig(a.policy(rules=(TOLD,), defaults=STRICT))


async def looked(rig: Rig, approval: Approval) -> Approval:
    await rig.look(approval.id)
    return await rig.store.approval(approval.id)


async def test_it_is_announced_once_by_its_rule(rig: Rig) -> None:
    opened = await rig.open(a.start_event())
    again = await rig.open(a.start_event(phase=Phase.SUCCEEDED))
    told = await rig.store.approval(opened.document_id)

    assert (opened.outcome, again.outcome) == (Outcome.ASKED, Outcome.DUPLICATE)
    assert (told.state, told.open, told.asks) == (ApprovalState.TOLD, True, False)
    assert (told.terms.rule, told.terms.verdict) == ("weekly tests", Verdict.TELL)
    assert (await rig.audit())[0].details["verdict"] == "tell"
    assert [nudge.id for nudge in rig.nudger.to_notices] == [told.id]


async def test_silence_reminds_and_escalates_nobody_and_leaves_the_vm(rig: Rig) -> None:
    told = await rig.asked()
    for _ in range(5):
        rig.clock.advance(timedelta(hours=1))
        assert await looked(rig, told) == told

    rig.clock.to(told.expire_at)
    over = await looked(rig, told)

    assert (over.state, over.containment_id, over.escalated_at) == (ApprovalState.EXPIRED, None, None)
    assert "left as it is" in over.closed_because
    assert over.outcome() == "Announced, and not rejected"
    assert (await rig.store.vm_record(a.vm_ref())).free
    background = (await rig.store.known_start(told.id, a.start_event())).background
    assert background is not None
    assert What.SILENT not in {one.what for one in background.past.of_vm}, "nobody was asked"


async def test_one_that_nobody_could_be_told_of_is_left_too(rig: Rig) -> None:
    opened = await rig.open(a.start_event())
    rig.clock.advance(timedelta(hours=6))
    await rig.look(opened.document_id)
    over = await rig.store.approval(opened.document_id)
    assert (over.state, over.containment_id, over.escalated_at) == (ApprovalState.EXPIRED, None, None)


async def test_a_rejection_contains_the_vm_as_with_a_question(rig: Rig) -> None:
    told = await rig.asked()
    rig.clock.advance(timedelta(hours=5))
    decided = await rig.decide(Answer.REJECT, told.id, a.actor(), reason="not me")
    assert decided.containment is not None
    contained = await rig.until_rest(decided.containment.id)
    assert contained.state is ContainmentState.CONTAINED
    assert (await rig.store.approval(told.id)).state is ApprovalState.REJECTED


async def test_it_can_not_be_rejected_once_its_time_is_over(rig: Rig) -> None:
    told = await rig.asked()
    rig.clock.to(told.expire_at)
    await rig.look(told.id)
    with pytest.raises(AlreadyDecided):
        await rig.decide(Answer.REJECT, told.id, a.oncall())


async def test_there_is_nothing_to_confirm(rig: Rig) -> None:
    told = await rig.asked()
    with pytest.raises(AlreadyDecided, match="nothing to confirm"):
        await rig.decide(Answer.CONFIRM, told.id, a.actor())
    assert await rig.store.approval(told.id) == told


async def test_a_start_that_is_asked_about_gets_a_question_beside_the_announcement(rig: Rig) -> None:
    told = await rig.asked()
    asked = await rig.open(a.start_event(correlation_id="asks"))
    assert asked.outcome is Outcome.ASKED
    assert (await rig.store.approval(asked.document_id)).asks

    further = await rig.open(a.start_event(correlation_id="told again"))
    assert further == (Outcome.JOINED, asked.document_id), "it joins the question, not the announcement"

    rejected = await rig.decide(Answer.REJECT, told.id, a.actor())
    assert [one.id for one in rejected.withdrawn] == [asked.document_id]
    assert (await rig.store.vm_record(a.vm_ref())).open_approvals == ()


async def test_an_announced_start_moves_no_deadline_of_the_question_that_it_joins(rig: Rig) -> None:
    asked = await rig.asked(a.start_event(correlation_id="asks"))
    await rig.open(a.start_event(correlation_id="told"))
    grown = await rig.store.approval(asked.id)
    assert (grown.starts, grown.terms) == (2, asked.terms)


async def test_a_further_announced_start_joins_the_announcement_and_can_be_rejected_as_long(rig: Rig) -> None:
    told = await rig.asked()
    rig.clock.advance(timedelta(hours=2))
    assert await rig.open(a.start_event(correlation_id="again")) == (Outcome.JOINED, told.id)
    grown = await rig.store.approval(told.id)
    assert (grown.starts, grown.state) == (2, ApprovalState.TOLD)
    assert grown.expire_at == rig.clock.now() + timedelta(hours=6)
    assert grown.due_at() == grown.expire_at, "and nobody is reminded before"


MALLORY = a.caller(name="Mallory", email="mallory@contoso.com", object_id="eeee", mfa=False)
"""A stranger without a second factor: at high risk, once the owner and the open port are known."""
STRANGE = RiskSettings(high=45)


async def told_before_all_was_known(rig: Rig) -> Approval:
    rig.policy = rig.policy.changed(risk=STRANGE)
    rig.facts.answer = a.facts(machine=None, network=None, missing=(MissingFact(name="m", reason="late"),))
    told = await rig.asked(a.start_event(caller=MALLORY))
    assert (told.state, told.level_when_opened) == (ApprovalState.TOLD, Level.LOW)
    rig.facts.answer = a.facts()
    rig.clock.advance(30)
    return told


async def test_late_facts_that_show_a_high_risk_make_it_a_question_on_the_terms_of_the_defaults(
    rig: Rig,
) -> None:
    told = await told_before_all_was_known(rig)

    asking = await looked(rig, told)

    assert (asking.state, asking.asks, asking.closed_at) == (ApprovalState.PENDING, True, None)
    assert asking.risk is not None
    assert asking.risk.level is Level.HIGH
    assert (asking.terms.verdict, asking.terms.on_silence) == (Verdict.ASK, OnSilence.CONTAIN)
    assert asking.expire_at == rig.clock.now() + STRICT.expire_after, "it counts from now"
    assert asking.plan.steps
    record = next(one for one in await rig.audit() if one.kind == "announcement.asked")
    assert record.details["risk"]["level"] == "high"
    assert asking.id in {nudge.id for nudge in rig.nudger.to_notices}
    rig.clock.to(asking.remind_at)
    assert (await looked(rig, told)).reminded_at == rig.clock.now()
    decided = await rig.decide(Answer.CONFIRM, told.id, a.actor(), reason="a contractor of ours")
    assert decided.approval.state is ApprovalState.CONFIRMED


async def test_one_whose_risk_stays_below_high_stays_an_announcement(rig: Rig) -> None:
    told = await told_before_all_was_known(rig)
    rig.policy = rig.policy.changed(risk=RiskSettings(high=500))
    filled = await looked(rig, told)
    assert (filled.state, filled.terms) == (ApprovalState.TOLD, told.terms)
    assert filled.facts == a.facts()


async def test_beside_an_open_question_it_stays_an_announcement(rig: Rig) -> None:
    told = await told_before_all_was_known(rig)
    asked = await rig.open(a.start_event(correlation_id="asks"))
    assert asked.outcome is Outcome.ASKED
    assert (await looked(rig, told)).state is ApprovalState.TOLD, "a VM has one question"


async def test_one_that_was_announced_at_high_risk_is_left_to_its_rule(rig: Rig) -> None:
    rig.policy = rig.policy.changed(risk=STRANGE)
    rig.facts.answer = a.facts(missing=(MissingFact(name="m", reason="late"),))
    told = await rig.asked(a.start_event(caller=MALLORY))
    assert told.level_when_opened is Level.HIGH
    rig.facts.answer = a.facts()
    rig.clock.advance(30)
    assert (await looked(rig, told)).state is ApprovalState.TOLD


async def test_one_that_failed_is_withdrawn(rig: Rig) -> None:
    told = await rig.asked()
    await rig.open(a.start_event(phase=Phase.FAILED))
    assert (await rig.store.approval(told.id)).state is ApprovalState.WITHDRAWN


@pytest.mark.parametrize("reject_within", [timedelta(minutes=5), timedelta(days=3)])
def test_the_terms_of_a_question_that_an_announced_start_joins_stay(reject_within: timedelta) -> None:
    asked = a.terms(on_silence=OnSilence.CONTAIN)
    told = announcement(reject_within, asked.lockdown, "told")
    assert tightened(asked, told, waited=timedelta(minutes=1)) == asked


async def test_who_would_confirm_is_told_before_any_dialog_opens(rig: Rig) -> None:
    told = await rig.asked()
    with pytest.raises(AlreadyDecided):
        await rig.decide.may(Answer.CONFIRM, told.id, a.actor())
    assert (await rig.decide.may(Answer.REJECT, told.id, a.actor())).id == told.id


def test_it_shares_no_card_with_questions_that_can_be_confirmed_together() -> None:
    asked = a.approval(asked_at=None, risk=Risk())
    assert may_share(asked)
    assert not may_share(asked.changed(state=ApprovalState.TOLD, terms=a.announced()))
