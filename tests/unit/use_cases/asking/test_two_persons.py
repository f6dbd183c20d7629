"""Where it takes two persons to confirm: the first one asks, the second one is somebody else, and in time."""

from datetime import timedelta

import pytest

from tests import builders as a
from tests.rig import Rig
from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.asking.decisions import Answer
from workers.domain.errors import NotAllowed
from workers.domain.ids import partition_of_id
from workers.domain.policy.model import Rule
from workers.domain.policy.people import TwoPersons
from workers.domain.ports.store import Commit
from workers.domain.starts.people import Actor
from workers.domain.starts.risk import Level

ALICE, OLGA = a.actor(), a.oncall()
SPAN = TwoPersons().expire_after


@pytest.fixture
def rig() -> Rig:
    return Rig(a.policy(two_person=TwoPersons(confirm=True)))


async def confirm(rig: Rig, approval: Approval, by: Actor, **how: object) -> Approval:
    return (await rig.decide(Answer.CONFIRM, approval.id, by, **how)).approval  # type: ignore[arg-type]


async def change(rig: Rig, approval_id: str, **changes: object) -> None:
    now = await rig.store.approval(approval_id)
    await rig.store.commit(
        Commit(partition=partition_of_id(approval_id), documents=(now.changed(**changes),))
    )


async def test_the_first_one_asks_and_the_second_one_confirms(rig: Rig) -> None:
    approval = await rig.asked()
    first = await confirm(rig, approval, ALICE, reason="the release")
    assert first.open
    assert first.waits_for_second is not None
    assert first.waits_for_second.expires_at == rig.clock.now() + SPAN
    assert [nudge.id for nudge in rig.nudger.to_notices] == [approval.id], "its cards say so"

    second = await confirm(rig, approval, OLGA, reason="I know of it")
    assert (second.state, second.waits_for_second) == (ApprovalState.CONFIRMED, None)
    assert second.decision is not None
    assert second.decision.by.slack_user == OLGA.slack_user
    assert second.decision.requested is not None
    assert second.decision.requested.by == ALICE


async def test_the_audit_holds_both(rig: Rig) -> None:
    approval = await rig.asked()
    await confirm(rig, approval, ALICE, reason="the release")
    rig.clock.advance(60)
    await confirm(rig, approval, OLGA)
    asked, confirmed = (await rig.audit())[-2:]
    assert (asked.kind, asked.by) == ("approval.confirm-requested", ALICE.label)
    assert asked.details["reason"] == "the release"
    assert (confirmed.kind, confirmed.by) == ("approval.confirmed", OLGA.label)
    assert confirmed.details["requested_by"] == ALICE.label
    assert confirmed.details["requested_because"] == "the release"


@pytest.mark.parametrize(
    "same",
    [ALICE, ALICE.changed(slack_user="U0ALICE002"), ALICE.changed(email="Alice@CONTOSO.com", on_call=True)],
    ids=["by id", "by e-mail", "whatever else they are"],
)
async def test_s7_the_same_person_is_not_the_second(rig: Rig, same: Actor) -> None:
    approval = await rig.asked()
    await confirm(rig, approval, ALICE)
    with pytest.raises(NotAllowed, match="You asked for this confirmation yourself"):
        await confirm(rig, approval, same)
    assert (await rig.store.approval(approval.id)).open
    assert (await rig.kinds())[-1] == "decision.refused"


async def test_whoever_may_not_confirm_is_no_second_person_either(rig: Rig) -> None:
    approval = await rig.asked()
    await confirm(rig, approval, ALICE)
    with pytest.raises(NotAllowed):
        await confirm(rig, approval, a.actor(slack_user="U0EVE", email="eve@contoso.com"))
    assert (await rig.store.approval(approval.id)).open


async def test_a_request_expires_and_says_so_and_the_next_one_asks_anew(rig: Rig) -> None:
    approval = await rig.asked()
    first = await confirm(rig, approval, ALICE)
    assert first.due_at() == min(first.remind_at, rig.clock.now() + SPAN)
    rig.clock.advance(SPAN.total_seconds())
    for _ in range(2):
        await rig.look(approval.id)
    over = await rig.store.approval(approval.id)
    assert over.waits_for_second is None
    assert over.confirm_request is not None
    assert over.confirm_request.expired
    assert "approval.request-expired" in await rig.kinds()

    late = await confirm(rig, approval, OLGA)
    assert late.open
    assert late.waits_for_second is not None
    assert late.waits_for_second.by == OLGA


async def test_at_the_moment_it_expires_it_counts_as_never_made_though_nobody_looked(rig: Rig) -> None:
    approval = await rig.asked()
    await confirm(rig, approval, ALICE)
    rig.clock.advance(SPAN.total_seconds())
    assert (await confirm(rig, approval, OLGA)).open


async def test_a_first_person_who_may_no_longer_confirm_does_not_count(rig: Rig) -> None:
    """The risk has risen meanwhile, and it was their own start."""
    approval = await rig.asked(a.start_event(caller=a.caller(email=ALICE.email)))
    await confirm(rig, approval, ALICE)
    await change(rig, approval.id, level=Level.HIGH)
    again = await confirm(rig, approval, OLGA)
    assert again.open
    assert again.waits_for_second is not None
    assert again.waits_for_second.by == OLGA


async def test_one_person_is_enough_to_reject(rig: Rig) -> None:
    approval = await rig.asked()
    await confirm(rig, approval, ALICE)
    decided = await rig.decide(Answer.REJECT, approval.id, ALICE)
    assert decided.approval.state is ApprovalState.REJECTED
    assert decided.containment is not None


@pytest.mark.parametrize(("by_policy", "by_rule", "two"), [(False, True, True), (True, False, False)])
async def test_a_rule_may_say_otherwise(*, by_policy: bool, by_rule: bool, two: bool) -> None:
    rule = Rule(name="all", when="true", two_person_confirm=by_rule)
    rig = Rig(a.policy(two_person=TwoPersons(confirm=by_policy), rules=(rule,)))
    approval = await rig.asked()
    assert (await confirm(rig, approval, ALICE)).open is two


async def test_without_it_one_person_confirms() -> None:
    rig = Rig()
    approval = await rig.asked()
    assert not (await confirm(rig, approval, ALICE)).open
    assert approval.terms.second_within is None
    assert timedelta(0) < SPAN
