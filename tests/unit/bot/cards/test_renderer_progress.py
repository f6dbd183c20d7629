"""A containment tells more than Slack takes edits: its progress is gathered, its end is not held back."""

from datetime import timedelta

import pytest

from bot.cards.delivery import PROGRESS_EVERY
from bot.cards.renderer import EARLY_S
from tests import acting
from tests import builders as a
from tests.unit.bot.cards.posting_rig import Posting
from workers.domain.asking.decisions import Answer
from workers.domain.containment.containment import Containment, ContainmentState
from workers.domain.ids import partition_of_id
from workers.domain.messages import Complete, Later
from workers.domain.ports.store import Commit


@pytest.fixture
async def rejected() -> Posting:
    """The card is posted, the start rejected, and the card shows that."""
    rig = Posting()
    await rig.open_one()
    assert await rig.nudged() == Complete()
    rig.contain = rig.worker()
    decide = acting.decide(store=rig.store, nudger=rig.nudger, clock=rig.clock)
    await decide(Answer.REJECT, rig.id, a.actor(), reason="not me")
    rig.clock.advance(5)
    assert await rig.nudged() == Complete()
    return rig


async def containment_of(rig: Posting) -> Containment:
    approval = await rig.approval()
    assert approval.containment_id is not None
    return await rig.store.containment(approval.containment_id)


async def tell(rig: Posting, note: str) -> None:
    """A step has something new to tell."""
    containment = await containment_of(rig)
    told = containment.with_step(containment.steps[0].changed(note=note))
    await rig.store.commit(Commit(partition=partition_of_id(told.id), documents=(told,)))


async def test_a_decision_is_shown_at_once(rejected: Posting) -> None:
    assert len(rejected.slack.edits) == 2, "the owner's copy and the channel's"


async def test_progress_within_a_moment_of_an_edit_waits_and_is_one_edit_then(rejected: Posting) -> None:
    await rejected.contain((await containment_of(rejected)).id)
    await rejected.nudged()  # on-call's copy is new, and edited for the first time
    edits = len(rejected.slack.edits)
    for note in ("one", "two", "three"):
        await tell(rejected, note)
        rejected.clock.advance(0.1)
        settlement = await rejected.nudged()
        assert isinstance(settlement, Later | Complete)
    assert len(rejected.slack.edits) == edits
    rejected.clock.advance(PROGRESS_EVERY)
    assert await rejected.nudged() == Complete()
    once_each = rejected.slack.edits[edits:]
    assert len(once_each) == len(set(once_each)) == 5, (
        "each copy's reply, and the cards that were edited before"
    )


async def test_the_nudge_that_waits_comes_again_when_the_edit_may_be_made(rejected: Posting) -> None:
    await rejected.contain((await containment_of(rejected)).id)
    settlement = await rejected.nudged()
    assert isinstance(settlement, Later)
    assert timedelta(seconds=settlement.after_s) <= PROGRESS_EVERY
    assert settlement.after_s >= PROGRESS_EVERY.total_seconds() - EARLY_S - 0.1


async def test_the_end_is_shown_at_once(rejected: Posting) -> None:
    ended = await rejected.until_rest((await containment_of(rejected)).id)
    assert ended.state is ContainmentState.CONTAINED
    edits = len(rejected.slack.edits)
    assert await rejected.nudged() == Complete()
    assert len(rejected.slack.edits) > edits


async def test_progress_leaves_some_of_a_minutes_edits_to_what_ends_something(rejected: Posting) -> None:
    await rejected.contain((await containment_of(rejected)).id)
    for n in range(40):
        await tell(rejected, f"note {n}")
        rejected.clock.advance(PROGRESS_EVERY / 2)
        await rejected.nudged()
    within_a_minute = len(rejected.slack.edits)
    assert 20 < within_a_minute <= 43, "50 edits a minute is all that Slack takes"
    ended = await rejected.until_rest((await containment_of(rejected)).id)
    assert ended.state is ContainmentState.CONTAINED
    assert await rejected.nudged() == Complete(), "its end has edits left, and does not wait"
    assert len(rejected.slack.edits) > within_a_minute
