"""Somebody answers in an owner's stead: what the owner has, for as long as they said, and nothing else."""

from datetime import timedelta

import pytest

from bot.cards.blocks.card import approval_card
from bot.cards.blocks.delegated import with_delegations
from tests import acting
from tests import builders as a
from tests.rig import Rig
from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.asking.cards import CopyKind
from workers.domain.asking.decisions import Answer
from workers.domain.containment.containment import ContainmentState
from workers.domain.errors import NotAllowed, NotYet
from workers.domain.ids import DELEGATIONS, partition_of_id
from workers.domain.policy.ahead.settings import DelegatePolicy
from workers.domain.starts.people import Actor
from workers.domain.starts.risk import Level
from workers.use_cases.orders.delegate import DelegateAnswers

DAY = timedelta(days=1)
BOB = a.actor(slack_user="U0BOB0001", name="Bob", email="bob@contoso.com")
CAROL = a.actor(slack_user="U0CAROL01", name="Carol", email="carol@contoso.com")


def delegating(rig: Rig) -> DelegateAnswers:
    return DelegateAnswers(store=rig.store, clock=rig.clock, policy=lambda: rig.policy, second=rig.second)


async def delegate(rig: Rig, giver: Actor | None = None, to: Actor = BOB, days: float = 1) -> None:
    await delegating(rig).begin(giver or a.actor(), to, rig.clock.now() + days * DAY)


async def asked(rig: Rig) -> Approval:
    """Started by somebody else than the owner."""
    return await rig.asked(a.start_event(caller=a.caller(email="robot@contoso.com", object_id="r")))


async def test_a_delegate_confirms_in_the_owners_stead_and_it_is_said(rig: Rig) -> None:
    approval = await asked(rig)
    with pytest.raises(NotAllowed):
        await rig.decide(Answer.CONFIRM, approval.id, BOB)
    await delegate(rig)
    decided = (await rig.decide(Answer.CONFIRM, approval.id, BOB)).approval
    assert decided.decision is not None
    assert (decided.decision.by, decided.decision.in_stead_of) == (BOB, a.actor(on_call=False))
    assert "in the stead of" in str(approval_card(decided, None, kind=CopyKind.OWNER).blocks)
    record = next(one for one in await rig.audit() if one.kind == "approval.confirmed")
    assert record.details["in_stead_of"] == a.actor().label


async def test_a_delegates_rejection_contains_the_vm_and_the_worker_finds_it_justified(rig: Rig) -> None:
    approval = await asked(rig)
    await delegate(rig)
    decided = await rig.decide(Answer.REJECT, approval.id, BOB)
    assert decided.approval.state is ApprovalState.REJECTED
    assert decided.containment is not None
    await rig.contain(decided.containment.id)
    found = await rig.store.containment(decided.containment.id)
    assert found.state is not ContainmentState.PLANNED
    assert any(runner.begun for runner in rig.runners.values())


async def test_it_ends_by_itself_and_can_be_ended(rig: Rig) -> None:
    approval = await asked(rig)
    await delegate(rig, days=0.01)
    rig.clock.to(rig.clock.now() + 0.01 * DAY)
    with pytest.raises(NotAllowed):
        await rig.decide(Answer.CONFIRM, approval.id, BOB)
    await delegate(rig)
    (ended,) = await delegating(rig).end(a.actor())
    assert ended.to == BOB.slack_user
    with pytest.raises(NotAllowed):
        await rig.decide(Answer.CONFIRM, approval.id, BOB)
    kinds = [one.kind for one in await rig.store.audit(partition_of_id(DELEGATIONS))]
    assert kinds == ["delegation.begun", "delegation.begun", "delegation.ended"]


async def test_delegates_can_not_delegate_on(rig: Rig) -> None:
    approval = await asked(rig)
    await delegate(rig)
    await delegate(rig, BOB, CAROL)
    for answer in Answer:
        with pytest.raises(NotAllowed):
            await rig.decide(answer, approval.id, CAROL)


async def test_nobody_delegates_what_they_do_not_have(rig: Rig) -> None:
    approval = await asked(rig)
    await delegate(rig, CAROL, BOB)  # who owns nothing
    await delegate(rig, a.oncall(), BOB)  # on call, which is no ownership
    for answer in Answer:
        with pytest.raises(NotAllowed):
            await rig.decide(answer, approval.id, BOB)


async def test_what_the_owner_may_not_confirm_nobody_confirms_for_them(rig: Rig) -> None:
    approval = await rig.asked()  # Alice started her own VM
    await delegate(rig)
    risky = approval.changed(level=Level.HIGH)
    assert not risky.permits(Answer.CONFIRM, a.actor()).allowed
    assert not risky.permits_for(Answer.CONFIRM, BOB, a.actor()).allowed
    assert risky.permits_for(Answer.REJECT, BOB, a.actor()).allowed


async def test_whoever_started_the_vm_does_not_confirm_it_in_anybodys_stead(rig: Rig) -> None:
    approval = await rig.asked(a.start_event(caller=a.caller(email=BOB.email, object_id="bob")))
    await delegate(rig)
    with pytest.raises(NotAllowed):
        await rig.decide(Answer.CONFIRM, approval.id, BOB)


async def test_nobody_answers_for_a_person_who_does_not_count_any_more(rig: Rig) -> None:
    approval = await asked(rig)
    await delegate(rig)

    async def gone(user: str) -> Actor:
        return Actor(slack_user=user, barred="Your account is deactivated.")

    decide = acting.decide(store=rig.store, nudger=rig.nudger, clock=rig.clock, person=gone)
    with pytest.raises(NotAllowed):
        await decide(Answer.CONFIRM, approval.id, BOB)


@pytest.mark.parametrize(
    ("giver", "to", "days", "said"),
    [
        (a.actor(), a.actor(), 1, "nobody delegates to themselves"),
        (a.actor(), a.actor(slack_user="U0OTHER01"), 1, "nobody delegates to themselves"),  # one address
        (a.actor(), BOB.changed(barred="You are a guest."), 1, "Bob can't answer here"),
        (a.actor(), BOB, 8, "within 7 days"),
        (a.actor(), BOB, 0, "ends after now"),
    ],
)
async def test_it_is_bounded(rig: Rig, giver: Actor, to: Actor, days: float, said: str) -> None:
    with pytest.raises(NotYet, match=said):
        await delegate(rig, giver, to, days)
    assert (await rig.store.delegations()).entries == ()


async def test_who_does_not_count_delegates_nothing_and_a_policy_may_have_none(rig: Rig) -> None:
    with pytest.raises(NotAllowed):
        await delegate(rig, a.actor(barred="You are a guest."))
    rig.policy = a.policy(delegate=DelegatePolicy(allowed=False))
    with pytest.raises(NotYet, match="allows no delegations"):
        await delegate(rig)


async def test_the_card_says_who_else_can_answer_while_it_is_open(rig: Rig) -> None:
    await delegate(rig)
    await delegate(rig, CAROL, BOB)  # of other VMs
    entries = (await rig.store.delegations()).entries
    card = approval_card(a.approval(), None, kind=CopyKind.OWNER)
    shown = with_delegations(card, a.approval(), entries)
    assert shown.blocks[-1] == card.blocks[-1]
    (line,) = shown.blocks[-2]["elements"]
    assert line["text"].startswith(
        f"Can answer, too: <@{BOB.slack_user}> in the stead of <@{a.ALICE}> until "
    )
    assert CAROL.slack_user not in line["text"]
    closed = a.approval(state=ApprovalState.WITHDRAWN)
    assert with_delegations(card, closed, entries) == card
