"""*Not mine*: who may pass a question on, to whom, how often, and that no caller confirms so."""

from typing import Any

import pytest

from tests import builders as a
from tests.rig import Rig
from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.asking.decisions import Answer
from workers.domain.asking.passing import MOST_HOPS
from workers.domain.errors import AlreadyDecided, NotAllowed, NotYet
from workers.domain.ids import partition_of_id
from workers.domain.ports.groups import NoGroups
from workers.domain.ports.store import Commit
from workers.domain.starts.people import Actor
from workers.domain.starts.risk import Level, Risk
from workers.use_cases.asking.pass_on import PassOn

MALLORY = a.actor(slack_user="U0MALLORY", name="Mallory", email="mallory@contoso.com")
BOB = a.actor(slack_user="U0BOB0001", name="Bob", email="bob@contoso.com")
STRANGER = a.actor(slack_user="U0SAM0001", name="Sam", email="sam@contoso.com")


def person(number: int) -> Actor:
    return a.actor(slack_user=f"U0PERSON{number}", name=f"P{number}", email=f"p{number}@contoso.com")


@pytest.fixture
def pass_on(rig: Rig) -> PassOn:
    return PassOn(
        store=rig.store, nudger=rig.nudger, clock=rig.clock, policy=lambda: rig.policy, groups=NoGroups()
    )


async def asked(rig: Rig) -> Approval:
    """Mallory started Alice's VM."""
    event = a.start_event(caller=a.caller(name="Mallory", email=MALLORY.email))
    return await rig.asked(event)


async def audited(rig: Rig, approval: Approval, kind: str) -> list[Any]:
    records = await rig.store.audit(partition_of_id(approval.id))
    return [one.details for one in records if one.kind == kind]


async def test_whom_it_is_passed_on_to_can_answer_and_it_is_in_the_audit(rig: Rig, pass_on: PassOn) -> None:
    approval = await asked(rig)
    with pytest.raises(NotAllowed):
        await rig.decide(Answer.CONFIRM, approval.id, BOB)
    after = await pass_on(approval.id, a.actor(), BOB)
    assert after.passed[-1].to == BOB
    assert rig.nudger.to_notices[-1].id == approval.id
    assert await audited(rig, approval, "approval.passed_on") == [{"to": BOB.label, "hops": 1}]
    decided = await rig.decide(Answer.CONFIRM, approval.id, BOB)
    assert decided.approval.state is ApprovalState.CONFIRMED


async def test_without_a_name_on_call_is_asked_at_once(rig: Rig, pass_on: PassOn) -> None:
    approval = await asked(rig)
    after = await pass_on(approval.id, a.actor(), None)
    assert after.escalated_at == rig.clock.now()
    assert after.expire_at == approval.expire_at, "nobody gains time by it"


async def test_the_caller_is_not_asked_and_confirms_nothing_that_way(rig: Rig, pass_on: PassOn) -> None:
    approval = await asked(rig)
    with pytest.raises(NotYet, match="started the VM"):
        await pass_on(approval.id, a.actor(), MALLORY)
    nameless = MALLORY.changed(slack_user="U0OTHER01", email="")
    with pytest.raises(NotYet, match="no e-mail address"):
        await pass_on(approval.id, a.actor(), nameless)
    assert len(await audited(rig, approval, "passing.impossible")) == 2


async def test_who_was_named_and_then_starts_it_too_can_not_confirm(rig: Rig, pass_on: PassOn) -> None:
    approval = await asked(rig)
    await pass_on(approval.id, a.actor(), BOB)
    again = a.start_event(
        caller=a.caller(name="Bob", email=BOB.email), correlation_id="c0ffee00-0000-4000-8000-000000000002"
    )
    await rig.asked(again)
    joined = await rig.store.approval(approval.id)
    assert joined.starts == 2
    with pytest.raises(NotAllowed, match="passed on to you"):
        await rig.decide(Answer.CONFIRM, approval.id, BOB, shown=2)
    assert joined.permits(Answer.REJECT, BOB).allowed


async def test_a_caller_at_high_risk_does_not_choose_who_answers(rig: Rig, pass_on: PassOn) -> None:
    approval = await rig.asked(a.start_event(caller=a.caller(email=a.actor().email)))
    risky = approval.changed(risk=Risk(level=Level.HIGH), level=Level.HIGH)
    await rig.store.commit(Commit(partition=partition_of_id(risky.id), documents=(risky,)))
    with pytest.raises(NotYet, match="at high risk"):
        await pass_on(approval.id, a.actor(), BOB)
    assert (await pass_on(approval.id, a.actor(), None)).escalated_at is not None


async def test_a_stranger_passes_nothing_on_and_it_is_in_the_audit(rig: Rig, pass_on: PassOn) -> None:
    approval = await asked(rig)
    for who in (STRANGER, MALLORY):
        with pytest.raises(NotAllowed):
            await pass_on(approval.id, who, BOB)
    assert len(await audited(rig, approval, "passing.refused")) == 2
    assert (await rig.store.approval(approval.id)).passed == ()


async def test_it_goes_round_in_no_circle_and_comes_to_an_end(rig: Rig, pass_on: PassOn) -> None:
    approval = await asked(rig)
    holder = a.actor()
    for n in range(MOST_HOPS):
        await pass_on(approval.id, holder, person(n))
        with pytest.raises(NotYet, match=r"already|times"):
            await pass_on(approval.id, person(n), a.actor())
        holder = person(n)
    with pytest.raises(NotYet, match="times"):
        await pass_on(approval.id, holder, BOB)
    assert (await pass_on(approval.id, holder, None)).escalated_at is not None


@pytest.mark.parametrize("to", [BOB.changed(barred="Guests can't."), BOB.changed(doubt="Slack is away.")])
async def test_who_does_not_count_is_not_asked(rig: Rig, pass_on: PassOn, to: Actor) -> None:
    approval = await asked(rig)
    with pytest.raises(NotYet, match="does not say"):
        await pass_on(approval.id, a.actor(), to)


async def test_a_closed_question_stays_closed(rig: Rig, pass_on: PassOn) -> None:
    approval = await asked(rig)
    await rig.decide(Answer.CONFIRM, approval.id, a.actor())
    with pytest.raises(AlreadyDecided):
        await pass_on(approval.id, a.actor(), BOB)
