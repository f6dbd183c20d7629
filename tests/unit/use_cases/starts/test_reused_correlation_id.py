"""Callers can choose a start's correlation id: giving it an earlier start's must not slip past Startgate."""

from datetime import timedelta

from tests import builders as a
from tests.conftest import Rig
from workers.domain.asking.decisions import Answer
from workers.domain.containment.containment import ContainmentState
from workers.domain.containment.plans import StepName
from workers.domain.starts.events import Phase, StartEvent
from workers.use_cases.starts.open import SAME_START, Outcome


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
