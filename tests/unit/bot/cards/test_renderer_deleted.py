"""Somebody deleted a card: there is one new card, and what is told below it is below the new one."""

import pytest

from tests import builders as a
from tests.unit.bot.cards.posting_rig import CHANNEL, DM, Posting
from workers.domain.asking.approvals import IN_WORDS
from workers.domain.asking.cards import Copy, CopyKind
from workers.domain.asking.decisions import Answer, Decision


@pytest.fixture
async def posting() -> Posting:
    rig = Posting()
    await rig.open_one()
    await rig.render()
    return rig


async def dm(posting: Posting) -> Copy:
    copy = (await posting.store.card(posting.id)).copy_of(f"{CopyKind.OWNER}:{DM}")
    assert copy is not None
    return copy


async def confirm(posting: Posting) -> None:
    """The card and its thread have to show it: it was confirmed in words."""
    decision = Decision(
        answer=Answer.CONFIRM, by=a.actor(), at=posting.clock.now(), via=IN_WORDS, words="yes"
    )
    await posting.change((await posting.approval()).decided(decision))


async def remind(posting: Posting) -> None:
    """Only its thread has to show it."""
    await posting.change((await posting.approval()).reminded(posting.clock.now()))


@pytest.mark.parametrize("happens", [confirm, remind])
async def test_replies_go_below_the_new_card_and_none_below_the_old(
    posting: Posting, happens: object
) -> None:
    old = (await dm(posting)).thread
    assert old is not None
    posting.slack.deleted.add(old)
    await happens(posting)  # type: ignore[operator]
    await posting.render()
    new = await dm(posting)
    assert new.thread != old
    assert len(new.replies) == 1
    assert posting.slack.threads[DM] == [None, None, new.thread], "one new card, and the reply below it"
    await posting.render()
    assert len(posting.slack.threads[DM]) == 3


async def test_replies_that_were_below_the_old_card_are_told_again(posting: Posting) -> None:
    await remind(posting)
    await posting.render()
    old = (await dm(posting)).thread
    assert old is not None
    posting.slack.deleted.add(old)
    await posting.change((await posting.approval()).changed(facts=a.facts(network=None)))
    await posting.render()
    new = await dm(posting)
    assert list(new.replies) == ["reminder"]
    assert posting.slack.threads[DM] == [None, old, None, new.thread]


async def test_the_other_copies_are_left_alone(posting: Posting) -> None:
    old = (await dm(posting)).thread
    assert old is not None
    posting.slack.deleted.add(old)
    await confirm(posting)
    await posting.render()
    assert [thread is None for thread in posting.slack.threads[CHANNEL]] == [True, False]
