"""A card of which Slack does not take a part yet: the rest is there, and what is left comes once, in time."""

from datetime import timedelta

import pytest

from bot.cards.delivery import SETTLING
from bot.cards.renderer import EARLY_S
from bot.slack.directory import Found
from bot.slack.pace import posting
from tests import builders as a
from tests.unit.bot.cards.posting_rig import CHANNEL, DM, ONCALL, Posting
from workers.domain.asking.cards import CopyKind, Post
from workers.domain.asking.decisions import Answer
from workers.domain.errors import DependencyAway
from workers.domain.ids import partition_of_id
from workers.domain.messages import Complete, Later
from workers.domain.ports.store import Commit
from workers.domain.starts.facts import MissingFact

BUSY_S = 20.0
TURN_S = BUSY_S + posting(CHANNEL).every_s
"""The card's turn, after that of the one that was refused."""


@pytest.fixture
async def waiting() -> Posting:
    """Into the channel goes nothing for a while."""
    rig = Posting()
    await rig.open_one()
    await rig.slack.another_was_refused(CHANNEL, BUSY_S)
    return rig


async def _root(rig: Posting, kind: CopyKind) -> Post | None:
    return next(copy.root for copy in (await rig.store.card(rig.id)).copies if copy.kind is kind)


async def test_the_owner_is_asked_at_once_while_the_channel_waits_for_its_turn(waiting: Posting) -> None:
    settlement = await waiting.nudged()

    assert isinstance(settlement, Later)
    assert settlement.after_s == pytest.approx(TURN_S - EARLY_S)
    assert list(waiting.slack.posted.values()) == [f"{DM}-0"]
    asked = await waiting.approval()
    assert (asked.asked_at, asked.asked_whom) == (waiting.clock.now(), (a.ALICE,))
    assert [(n.id, n.due) for n in waiting.nudger.to_work] == [(waiting.id, asked.remind_at)]
    assert await waiting.unshown() == [waiting.id], "the resync still knows of it"


async def test_at_its_turn_the_channel_gets_it_once_and_nobody_is_asked_again(waiting: Posting) -> None:
    await waiting.nudged()
    waiting.clock.advance(TURN_S)
    assert await waiting.nudged() == Complete()
    assert sorted(waiting.slack.posted.values()) == [f"{CHANNEL}-1", f"{DM}-0"]
    assert (waiting.slack.edits, waiting.slack.sought) == ([], [])
    assert await waiting.asked_records() == 1
    assert await waiting.unshown() == []


async def test_other_nudges_meanwhile_cost_no_call_and_no_write_and_do_not_come_again(
    waiting: Posting,
) -> None:
    await waiting.nudged()
    writes, posts = len(waiting.store.written), dict(waiting.slack.posted)
    for _ in range(5):
        waiting.clock.advance(3)
        assert await waiting.nudged() == Complete()
    assert len(waiting.store.written) == writes
    assert (waiting.slack.posted, waiting.slack.edits, waiting.slack.sought) == (posts, [], [])


async def test_if_the_nudge_does_not_come_in_time_the_next_one_does_it(waiting: Posting) -> None:
    await waiting.nudged()
    waiting.clock.advance(TURN_S + 5)
    assert await waiting.nudged() == Complete()
    assert len(waiting.slack.posted) == 2


async def test_a_nudge_that_finds_its_turn_moved_comes_again(waiting: Posting) -> None:
    await waiting.nudged()
    waiting.clock.advance(BUSY_S)
    await waiting.slack.another_was_refused(CHANNEL, BUSY_S)
    waiting.clock.advance(TURN_S - BUSY_S - EARLY_S)
    settlement = await waiting.nudged()
    assert isinstance(settlement, Later)
    waiting.clock.advance(settlement.after_s + EARLY_S)
    assert await waiting.nudged() == Complete()
    assert len(waiting.slack.posted) == 2


async def test_a_refused_copy_was_not_sent_so_nobody_looks_for_it() -> None:
    rig = Posting()
    await rig.open_one()
    rig.slack.full[CHANNEL] = BUSY_S
    settlement = await rig.nudged()
    assert isinstance(settlement, Later)
    assert settlement.after_s == pytest.approx(BUSY_S - EARLY_S)
    assert await _root(rig, CopyKind.CHANNEL) is None
    assert await rig.asked_records() == 1
    del rig.slack.full[CHANNEL]
    rig.clock.advance(BUSY_S)
    assert await rig.nudged() == Complete()
    assert (len(rig.slack.posted), rig.slack.sought) == (2, [])


async def test_a_card_does_not_wait_behind_replies_in_other_threads(waiting: Posting) -> None:
    for n in range(20):
        waiting.slack.pace.turn(posting(CHANNEL), f"a reply {n}")
    settlement = await waiting.nudged()
    assert isinstance(settlement, Later)
    assert settlement.after_s == pytest.approx(TURN_S - EARLY_S)


async def test_a_decision_meanwhile_is_what_the_channel_gets(waiting: Posting) -> None:
    await waiting.nudged()
    waiting.decide._store = waiting.store
    await waiting.decide(Answer.CONFIRM, waiting.id, a.actor())
    assert await waiting.nudged() == Complete(), "it comes at its turn anyway"
    assert waiting.slack.edits == [f"{DM}-0"], "the owner sees it at once"
    assert await waiting.unshown() == [waiting.id], "the channel does not"
    waiting.clock.advance(TURN_S)
    assert await waiting.nudged() == Complete()
    assert waiting.slack.edits == [f"{DM}-0"], "the channel's copy was posted as decided"
    assert [ts.partition("-")[0] for ts in waiting.slack.posted.values()] == [DM, CHANNEL]
    assert await waiting.unshown() == []
    assert await waiting.asked_records() == 1


async def test_without_an_owner_nobody_is_asked_before_a_channel_is(waiting: Posting) -> None:
    waiting.people.found = Found({}, "nobody knows")
    await waiting.slack.another_was_refused(ONCALL, BUSY_S)
    await waiting.nudged()
    assert (await waiting.approval()).asked_at is None
    assert await waiting.nudged() == Complete()
    assert not waiting.store.written
    waiting.clock.advance(TURN_S)
    await waiting.nudged()
    assert (await waiting.approval()).asked_at == waiting.clock.now()


async def test_without_an_owner_on_call_is_asked_at_once_while_the_channel_waits(waiting: Posting) -> None:
    waiting.people.found = Found({}, "nobody knows")
    await waiting.nudged()
    assert {ts.partition("-")[0] for ts in waiting.slack.posted.values()} == {ONCALL}
    assert (await waiting.approval()).asked_at == waiting.clock.now()


async def test_without_an_owner_on_call_waits_for_facts_that_may_name_one(waiting: Posting) -> None:
    approval = await waiting.approval()
    unread = a.owner(emails=(), source="the VM's tags could not be read")
    facts = a.facts(machine=None, missing=(MissingFact(name="machine", reason="late"),))
    filling = approval.changed(owner=unread, facts=facts, fill_in_at=waiting.clock.now())
    await waiting.store.commit(Commit(partition=partition_of_id(filling.id), documents=(filling,)))
    waiting.people.found = Found({}, "the VM's tags could not be read")
    await waiting.nudged()
    assert not waiting.slack.posted


async def test_an_owner_whose_own_message_waits_is_not_asked_yet() -> None:
    rig = Posting()
    await rig.open_one()
    await rig.slack.another_was_refused(DM, BUSY_S)
    await rig.nudged()
    assert [ts.partition("-")[0] for ts in rig.slack.posted.values()] == [CHANNEL]
    assert (await rig.approval()).asked_at is None
    rig.clock.advance(TURN_S)
    await rig.nudged()
    assert (await rig.approval()).asked_whom == (a.ALICE,)
    assert await rig.asked_records() == 1


async def test_whom_slack_does_not_look_up_now_waits_alone() -> None:
    """No ``DependencyAway``: that would hold every other card back."""
    rig = Posting()
    await rig.open_one()
    rig.people.throttled_s = BUSY_S
    settlement = await rig.nudged()
    assert isinstance(settlement, Later)
    assert settlement.after_s == pytest.approx(BUSY_S - EARLY_S)
    rig.clock.advance(1)
    assert await rig.nudged() == Complete(), "the first nudge comes again; this one need not"
    rig.people.throttled_s = 0
    rig.clock.advance(BUSY_S)
    assert await rig.nudged() == Complete()
    assert len(rig.slack.posted) == 2


async def test_what_may_have_arrived_is_looked_for_and_the_owner_was_asked_all_the_same() -> None:
    rig = Posting()
    await rig.open_one()
    rig.slack.away.add(CHANNEL)
    with pytest.raises(DependencyAway):
        await rig.nudged()
    assert await rig.asked_records() == 1
    assert await _root(rig, CopyKind.CHANNEL) is not None, "its intent is kept"
    rig.slack.away.clear()
    rig.clock.advance(SETTLING + timedelta(seconds=1))
    assert await rig.nudged() == Complete()
    assert len(rig.slack.sought) == 1
    assert len(rig.slack.posted) == 2
    assert await rig.asked_records() == 1


async def test_what_can_not_be_looked_for_yet_is_not_sent_again_meanwhile() -> None:
    rig = Posting()
    await rig.open_one()
    rig.store.fails = {2: "lost"}  # both were posted, and it was not noted
    with pytest.raises(DependencyAway):
        await rig.nudged()
    rig.clock.advance(SETTLING)
    rig.slack.unsearchable_s = BUSY_S
    settlement = await rig.nudged()
    assert isinstance(settlement, Later)
    assert len(rig.slack.posted) == 2
    rig.slack.unsearchable_s = 0
    rig.clock.advance(2 * BUSY_S)
    for _ in range(3):
        settlement = await rig.nudged()
        rig.clock.advance(settlement.after_s + EARLY_S if isinstance(settlement, Later) else 0)
    assert settlement == Complete()
    assert (len(rig.slack.posted), len(rig.slack.sought)) == (2, 2)
    assert await rig.posts() == set(rig.slack.posted.values())
    assert await rig.asked_records() == 1
