"""Callers can choose a start's correlation id: giving it an earlier start's must not slip past Startgate."""

import asyncio
from datetime import timedelta

import pytest

from tests import builders as a
from tests.rig import Rig
from workers.domain.asking.approvals import Approval, ApprovalState
from workers.domain.asking.decisions import Answer
from workers.domain.containment.containment import ContainmentState
from workers.domain.containment.plans import StepName
from workers.domain.starts.events import Phase, StartEvent
from workers.use_cases.asking.withdraw import Withdraw
from workers.use_cases.starts.outcome import Outcome
from workers.use_cases.starts.tellings import RECORDS_APART, SAME_START


def again(rig: Rig, **changes: object) -> StartEvent:
    """The same VM and the same correlation id, dated now."""
    return a.start_event(at=rig.clock.now(), **changes)


async def test_a_confirmed_id_that_is_used_again_is_asked_about_again(rig: Rig) -> None:
    approval = await rig.asked()
    await rig.decide(Answer.CONFIRM, approval.id, a.actor())
    rig.clock.advance(SAME_START.total_seconds() + 60)

    opened = await rig.open(again(rig))
    told_twice = await rig.open(again(rig))

    assert opened.outcome is Outcome.ASKED
    assert opened.document_id != approval.id
    assert told_twice == (Outcome.DUPLICATE, opened.document_id)


async def test_a_rejected_id_that_is_used_again_is_contained_again(rig: Rig) -> None:
    held = await rig.until_rest((await rig.rejected()).id)
    rig.clock.advance(5)

    opened = await rig.open(again(rig))
    assert opened == (Outcome.RECONTAINED, held.id)
    assert (await rig.store.containment(held.id)).round == 2

    held = await rig.until_rest(held.id)
    rig.clock.advance(5)
    once_more = again(rig)
    await rig.open(once_more)
    await rig.until_rest(held.id)
    await rig.open(once_more)

    contained = await rig.store.containment(held.id)
    assert (contained.state, contained.round) == (ContainmentState.CONTAINED, 3)
    assert len(rig.runners[StepName.STOP].begun) == 3


async def test_a_failed_id_that_is_used_again_and_succeeds_is_asked_about(rig: Rig) -> None:
    await rig.open(a.start_event(phase=Phase.FAILED))
    opened = await rig.open(a.start_event(phase=Phase.SUCCEEDED))
    assert opened.outcome is Outcome.ASKED


async def test_the_records_of_one_start_stay_one_start(rig: Rig) -> None:
    begun = a.start_event(phase=Phase.STARTED)
    opened = await rig.open(begun)
    succeeded = begun.changed(phase=Phase.SUCCEEDED, at=begun.at + timedelta(minutes=2))
    assert await rig.open(succeeded) == (Outcome.DUPLICATE, opened.document_id)


MINUTE = timedelta(minutes=1)
BEGUN = a.start_event(phase=Phase.STARTED)


def told(phase: Phase, after: timedelta) -> StartEvent:
    """An event of the same VM and correlation id, dated so long after the first one."""
    return BEGUN.changed(phase=phase, at=BEGUN.at + after)


async def withdrawn(rig: Rig) -> Approval:
    """A question that was withdrawn, a minute after its start, because the VM was stopped."""
    approval = await rig.asked(BEGUN)
    withdraw = Withdraw(store=rig.store, nudger=rig.nudger, clock=rig.clock)
    assert await withdraw(approval.id, "the VM is deallocated")
    return await rig.store.approval(approval.id)


@pytest.mark.parametrize("phase", [Phase.STARTED, Phase.SUCCEEDED])
async def test_after_its_question_was_withdrawn_an_id_that_is_used_again_is_asked_about(
    rig: Rig, phase: Phase
) -> None:
    first = await withdrawn(rig)
    again = told(phase, 2 * MINUTE)  # withdrawn one minute after the start
    opened = await rig.open(again)
    assert opened.outcome is Outcome.ASKED
    assert opened.document_id != first.id
    assert await rig.open(again) == (Outcome.DUPLICATE, opened.document_id)
    assert (await rig.open(BEGUN)).outcome is Outcome.DUPLICATE
    assert (await rig.kinds()).count("approval.opened") == 2


async def test_a_second_beginning_is_another_start_though_the_question_is_open(rig: Rig) -> None:
    first = await rig.asked(BEGUN)
    accepted = told(Phase.STARTED, RECORDS_APART)  # Azure's second record of the same beginning
    assert await rig.open(accepted) == (Outcome.DUPLICATE, first.id)
    again = await rig.open(told(Phase.STARTED, RECORDS_APART + timedelta(milliseconds=1)))
    assert again == (Outcome.JOINED, first.id)


async def test_a_beginning_after_the_end_is_another_start_and_so_is_a_second_success(rig: Rig) -> None:
    first = await rig.asked(BEGUN)
    success = told(Phase.SUCCEEDED, MINUTE)
    assert await rig.open(success) == (Outcome.DUPLICATE, first.id)
    assert await rig.open(told(Phase.SUCCEEDED, MINUTE + RECORDS_APART)) == (Outcome.DUPLICATE, first.id)
    assert await rig.open(told(Phase.STARTED, 2 * MINUTE)) == (Outcome.JOINED, first.id)
    (again,) = (await rig.store.approval(first.id)).later
    # Its own success belongs to it, and not to the first one.
    assert await rig.open(told(Phase.SUCCEEDED, 3 * MINUTE)) == (Outcome.DUPLICATE, again)
    assert await rig.open(told(Phase.SUCCEEDED, 5 * MINUTE)) == (Outcome.JOINED, first.id)
    question = await rig.store.approval(first.id)
    assert (question.starts, len(question.later)) == (3, 2)
    assert question.later == tuple(one.approval_id for one in question.joined)


async def test_an_answer_covers_the_success_that_comes_after_it_and_no_other_start(rig: Rig) -> None:
    first = await rig.asked(BEGUN)
    await rig.decide(Answer.CONFIRM, first.id, a.actor())
    assert await rig.open(told(Phase.SUCCEEDED, 2 * MINUTE)) == (Outcome.DUPLICATE, first.id)
    assert (await rig.store.approval(first.id)).state is ApprovalState.CONFIRMED
    assert (await rig.open(told(Phase.SUCCEEDED, 4 * MINUTE))).outcome is Outcome.ASKED


async def test_started_failed_started_again_and_succeeded_under_one_id_is_asked_about_once_more(
    rig: Rig,
) -> None:
    first = await rig.asked(BEGUN)
    await rig.open(told(Phase.FAILED, timedelta(seconds=20)))
    assert (await rig.store.approval(first.id)).state is ApprovalState.WITHDRAWN
    retried = await rig.open(told(Phase.STARTED, timedelta(seconds=25)))
    assert retried.outcome is Outcome.ASKED
    success = await rig.open(told(Phase.SUCCEEDED, MINUTE))
    assert success == (Outcome.DUPLICATE, retried.document_id)
    assert (await rig.store.vm_record(a.vm_ref())).open_approvals == (retried.document_id,)


async def test_a_failure_under_the_id_of_a_start_that_succeeded_withdraws_nothing(rig: Rig) -> None:
    first = await rig.asked(BEGUN)
    await rig.open(told(Phase.SUCCEEDED, MINUTE))
    assert (await rig.open(told(Phase.FAILED, 2 * MINUTE))).outcome is Outcome.FAILED_START
    assert (await rig.store.approval(first.id)).open


async def test_an_event_that_is_dated_long_before_is_another_start(rig: Rig) -> None:
    await rig.asked(BEGUN)
    opened = await rig.open(told(Phase.SUCCEEDED, -SAME_START - MINUTE))
    assert opened.outcome is Outcome.JOINED


async def test_tellings_of_a_reused_id_at_the_same_moment_open_one_question(rig: Rig) -> None:
    await withdrawn(rig)
    again = told(Phase.STARTED, 2 * MINUTE)
    opened = await asyncio.gather(*(rig.open(again) for _ in range(6)))
    assert sorted(one.outcome for one in opened) == [Outcome.ASKED] + [Outcome.DUPLICATE] * 5
    assert len({one.document_id for one in opened}) == 1
