"""A confirmation in words can be taken back for two minutes: the question is open again."""

from datetime import timedelta

import pytest

from tests import acting
from tests import builders as a
from tests.rig import Rig
from workers.domain.asking.approvals import IN_WORDS, UNDO_WITHIN, Approval, ApprovalState
from workers.domain.asking.decisions import Answer
from workers.domain.errors import AlreadyDecided, NotAllowed, NotYet
from workers.domain.starts.people import Actor
from workers.use_cases.asking.take_back import TakeBack
from workers.use_cases.starts.outcome import Outcome

SAM = a.actor(slack_user="U0SAM00001", name="Sam", email="sam@contoso.com")


def take_back(rig: Rig) -> TakeBack:
    return acting.take_back(store=rig.store, nudger=rig.nudger, clock=rig.clock)


async def confirmed(rig: Rig, *, via: str = IN_WORDS) -> Approval:
    approval = await rig.asked()
    await rig.decide(Answer.CONFIRM, approval.id, a.actor(), via=via, words="ja, war ich")
    rig.nudger.clear()
    return await rig.store.approval(approval.id)


@pytest.mark.parametrize("who", [a.actor(), a.oncall()])
async def test_whoever_answered_or_on_call_reopens_the_question(rig: Rig, who: Actor) -> None:
    approval = await confirmed(rig)
    rig.clock.advance(60)

    await take_back(rig)(approval.id, who)

    stored = await rig.store.approval(approval.id)
    assert (stored.state, stored.decision, stored.closed_at) == (ApprovalState.PENDING, None, None)
    assert (await rig.store.vm_record(a.vm_ref())).open_approvals == (approval.id,)
    assert [(n.id, n.version) for n in rig.nudger.to_notices] == [(approval.id, stored.version)]
    record = (await rig.audit())[-1]
    assert (record.kind, record.by, record.details["confirmed_by"]) == (
        "approval.reopened",
        who.label,
        a.actor().label,
    )


async def test_the_deadlines_are_later_by_the_time_it_was_closed(rig: Rig) -> None:
    approval = await confirmed(rig)
    rig.clock.advance(90)
    reopened = await take_back(rig)(approval.id, a.actor())
    assert reopened.expire_at == approval.expire_at + timedelta(seconds=90)
    assert [nudge.due for nudge in rig.nudger.to_work] == [reopened.due_at()]


async def test_nobody_else_takes_it_back_and_the_try_is_audited(rig: Rig) -> None:
    approval = await confirmed(rig)
    for somebody in (SAM, a.actor(barred="You're a guest.")):
        with pytest.raises(NotAllowed):
            await take_back(rig)(approval.id, somebody)
        assert (await rig.audit())[-1].kind == "undo.refused"
    assert await rig.store.approval(approval.id) == approval


async def test_after_two_minutes_it_stands_and_the_button_goes(rig: Rig) -> None:
    approval = await confirmed(rig)
    assert approval.due_at() == rig.clock.now() + UNDO_WITHIN
    rig.clock.advance(UNDO_WITHIN.total_seconds())
    with pytest.raises(AlreadyDecided, match="Confirmed by Alice"):
        await take_back(rig)(approval.id, a.actor())

    await rig.look(approval.id)
    await rig.look(approval.id)

    settled = await rig.store.approval(approval.id)
    assert (settled.undo_until, settled.due_at(), settled.version) == (None, None, approval.version + 1)
    assert [n.version for n in rig.nudger.to_notices] == [settled.version]


async def test_a_button_is_not_taken_back_and_neither_is_an_open_question(rig: Rig) -> None:
    pressed = await confirmed(rig, via="card")
    assert pressed.undo_until is None
    with pytest.raises(AlreadyDecided):
        await take_back(rig)(pressed.id, a.actor())


async def test_it_is_taken_back_once(rig: Rig) -> None:
    approval = await confirmed(rig)
    await take_back(rig)(approval.id, a.actor())
    with pytest.raises(AlreadyDecided, match="Still open"):
        await take_back(rig)(approval.id, a.oncall())


async def test_a_later_start_has_a_question_of_its_own_and_only_that_stays_open(rig: Rig) -> None:
    approval = await confirmed(rig)
    rig.clock.advance(30)
    later = await rig.open(a.start_event(correlation_id="later", at=rig.clock.now()))
    assert later.outcome is Outcome.ASKED
    with pytest.raises(NotYet, match="started again"):
        await take_back(rig)(approval.id, a.actor())


async def test_a_contained_vm_has_nothing_to_take_back(rig: Rig) -> None:
    approval = await confirmed(rig)
    await rig.lock_down(approval.event.vm, a.oncall(), approval.terms.lockdown)
    with pytest.raises(NotYet, match="contained"):
        await take_back(rig)(approval.id, a.actor())


async def test_a_reopened_question_can_be_rejected_and_expires_as_any_other(rig: Rig) -> None:
    approval = await confirmed(rig)
    await take_back(rig)(approval.id, a.actor())
    rejected = await rig.decide(Answer.REJECT, approval.id, a.actor(), reason="not me after all")
    assert rejected.containment is not None
    assert rejected.approval.undo_until is None


async def test_what_was_taken_back_is_no_habit(rig: Rig) -> None:
    approval = await confirmed(rig)
    rig.clock.advance(10)
    await take_back(rig)(approval.id, a.actor())
    await rig.decide(Answer.REJECT, approval.id, a.actor())
    rig.clock.advance(10)
    event = a.start_event(correlation_id="next", at=rig.clock.now())
    known = await rig.store.known_start("a" + "0" * 25, event)
    assert known.background is not None
    past = rig.assess.insight(event, a.facts(), known.background, known.record)
    assert past.history is not None
    assert (past.history.confirmed, past.history.rejected) == (0, 1)
