"""Nobody could be asked: what the policy's rules say of it, each with a time of its own."""

from datetime import timedelta

import pytest

from bot.cards.blocks.card import approval_card
from tests import builders as a
from tests.rig import Rig
from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.asking.cards import CopyKind
from workers.domain.asking.joining import tightened
from workers.domain.containment.containment import ContainmentState
from workers.domain.containment.plans import StepName
from workers.domain.policy.model import Defaults, OnUndelivered, Rule

SOON = timedelta(minutes=5)
RULE = Rule(
    name="production",
    when='vm.name == "vm-web-01"',
    undelivered_after=SOON,
    on_undelivered=OnUndelivered.ISOLATE,
)


async def given_up(rig: Rig, after: timedelta) -> Approval:
    opened = await rig.open(a.start_event())
    rig.clock.advance(after - timedelta(seconds=1))
    await rig.look(opened.document_id)
    assert (await rig.store.approval(opened.document_id)).escalated_at is None
    rig.clock.advance(1)
    await rig.look(opened.document_id)
    return await rig.store.approval(opened.document_id)


async def test_a_rule_says_when_nobody_is_sought_any_longer_and_what_then_isolates() -> None:
    rig = Rig(a.policy(rules=(RULE,)))
    approval = await given_up(rig, SOON)
    assert (approval.state, approval.asked_at) == (ApprovalState.EXPIRED, None)
    assert approval.closed_because == "nobody could be asked; the policy isolates the VM"
    contained = await rig.until_rest(approval.containment_id or "")
    assert contained.state is ContainmentState.CONTAINED, "it is justified by what is on record"
    assert [step.name for step in contained.steps] == [StepName.ISOLATE]


async def test_on_call_is_called_at_that_time_and_whoever_is_asked_later_has_their_whole_time() -> None:
    rig = Rig(a.policy(defaults=Defaults(undelivered_after=SOON)))
    approval = await given_up(rig, SOON)
    assert (approval.state, approval.escalated_at) == (ApprovalState.PENDING, rig.clock.now())
    await rig.note_asked(approval.id, (a.ALICE,))
    asked = await rig.store.approval(approval.id)
    assert asked.expire_at == rig.clock.now() + timedelta(minutes=60)


async def test_without_a_time_of_its_own_it_is_that_of_an_answer() -> None:
    rig = Rig(a.policy(rules=(RULE.changed(undelivered_after=None),)))
    assert (await given_up(rig, timedelta(minutes=60))).state is ApprovalState.EXPIRED


@pytest.mark.parametrize("mildest", [OnUndelivered.ESCALATE, OnUndelivered.ISOLATE])
def test_the_stricter_word_and_the_earlier_time_hold_for_two_starts(mildest: OnUndelivered) -> None:
    strict = a.terms(on_undelivered=OnUndelivered.CONTAIN, undelivered_after=SOON, rule="strict")
    for terms, wanted in (
        (a.terms(on_undelivered=mildest), strict),
        (strict, a.terms(on_undelivered=mildest)),
    ):
        both = tightened(terms, wanted, waited=timedelta())
        assert (both.on_undelivered, both.gives_up_after) == (OnUndelivered.CONTAIN, SOON)


def test_the_card_says_what_comes_of_it() -> None:
    terms = a.terms(undelivered_after=SOON, on_undelivered=OnUndelivered.ISOLATE)
    unasked = a.approval(asked_at=None, asked_whom=(), terms=terms)
    said = str(approval_card(unasked, None, kind=CopyKind.CHANNEL).blocks)
    assert "If nobody can be asked within 5 minutes, the VM is isolated." in said
    guarded = unasked.changed(guarded="domain controllers")
    said = str(approval_card(guarded, None, kind=CopyKind.CHANNEL).blocks)
    assert "If nobody can be asked within 5 minutes, on-call is called." in said
