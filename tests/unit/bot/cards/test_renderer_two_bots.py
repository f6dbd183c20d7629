"""Two processes of the bot and one card: what one is about to post, the other leaves to it for a while."""

from datetime import timedelta

import pytest

from bot.cards.delivery import INTENT_LEASE, SETTLING
from tests.unit.bot.cards.posting_rig import CHANNEL, DM, Posting
from workers.domain.errors import DependencyAway
from workers.domain.messages import Complete, Later, Settlement

MOMENT = timedelta(milliseconds=1)
BOTH = [CHANNEL, DM]


@pytest.fixture
async def posting() -> Posting:
    rig = Posting()
    await rig.open_one()
    return rig


def channels(rig: Posting) -> list[str]:
    return sorted(ts.partition("-")[0] for ts in rig.slack.posted.values())


@pytest.mark.parametrize("since", [timedelta(0), SETTLING, INTENT_LEASE - MOMENT])
async def test_a_message_on_its_way_is_left_to_whoever_sends_it(posting: Posting, since: timedelta) -> None:
    other, settled = posting.bot(), list[Settlement]()

    async def sending() -> None:
        posting.clock.advance(since)
        settled.append(await posting.nudged(other))

    posting.slack.sending = sending
    await posting.render()

    assert [type(settlement) for settlement in settled] == [Later], "its nudge comes again"
    assert channels(posting) == BOTH
    assert (posting.slack.sought, posting.slack.edits) == ([], [])
    assert await posting.nudged(other) == Complete()
    assert channels(posting) == BOTH
    assert await posting.asked_records() == 1


async def test_what_a_dead_process_was_about_to_send_is_looked_for_and_sent_by_another(
    posting: Posting,
) -> None:
    posting.slack.away = {DM, CHANNEL}
    with pytest.raises(DependencyAway):
        await posting.render()
    posting.slack.away = set()
    other = posting.bot()

    posting.clock.advance(INTENT_LEASE - MOMENT)
    assert isinstance(await posting.nudged(other), Later)
    assert (channels(posting), posting.slack.sought) == ([], [])
    posting.clock.advance(MOMENT)
    assert await posting.nudged(other) == Complete()
    assert channels(posting) == BOTH
    assert len(posting.slack.sought) == 2


async def test_what_a_dead_process_had_sent_is_found_and_not_sent_again(posting: Posting) -> None:
    posting.store.fails = {2: "lost"}
    with pytest.raises(DependencyAway):
        await posting.render()
    assert channels(posting) == BOTH

    posting.clock.advance(INTENT_LEASE)
    assert await posting.nudged(posting.bot()) == Complete()

    assert channels(posting) == BOTH
    assert await posting.posts() == set(posting.slack.posted.values())
    assert await posting.asked_records() == 1


async def test_whoever_failed_looks_for_it_sooner_and_not_at_once(posting: Posting) -> None:
    posting.slack.away = {DM, CHANNEL}
    with pytest.raises(DependencyAway):
        await posting.render()
    posting.slack.away = set()

    posting.clock.advance(SETTLING - MOMENT)
    assert isinstance(await posting.nudged(), Later)
    posting.clock.advance(MOMENT)
    assert await posting.nudged() == Complete()

    assert len(posting.slack.sought) == 2
    assert channels(posting) == BOTH


async def test_no_message_is_sent_before_its_intent_is_written(posting: Posting) -> None:
    posting.store.fails = {1: "lost"}

    with pytest.raises(DependencyAway):
        await posting.render()

    assert channels(posting) == []
